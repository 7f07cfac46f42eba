//! What the entries of logs say.

use serde_json::Value;
use sigstore::entry::body::{EntryBody, LoggedSubject};
use sigstore::{KindVersion, TransparencyLogEntry, UnixSeconds, VerifierBytes};
use tiles::leaf_hash;

use super::{Facts, InspectError, certificate, key, note};
use crate::output::date;

/// A `TransparencyLogEntry`, as Rekor v2 answers it.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, InspectError> {
    let entry = TransparencyLogEntry::parse(bytes);
    let entry = entry.map_err(|error| InspectError::malformed("log entry", error))?;
    Ok(describe(&entry))
}

pub(super) fn describe(entry: &TransparencyLogEntry) -> Facts {
    let KindVersion { kind, version } = &entry.kind_version;
    let mut facts = Facts::new("entry of a transparency log")
        .say("kind", format_args!("{kind} {version}"))
        .count("log index", entry.log_index.get())
        .say("log id", hex::encode(entry.log_id));
    if entry.integrated_time != 0 {
        facts = facts.say("integrated", date(UnixSeconds::new(entry.integrated_time)));
    }
    let promise = match &entry.signed_entry_timestamp {
        Some(signature) => format!("signed entry timestamp of {} bytes", signature.len()),
        None => "none".to_owned(),
    };
    facts = facts.say("promise", promise);
    facts = match &entry.inclusion_proof {
        None => facts.say("proof", "none"),
        Some(proof) => {
            let hash_count = u64::try_from(proof.hashes.len()).unwrap_or(u64::MAX);
            let checkpoint = note::within(proof.checkpoint.as_bytes());
            let within = Facts::new("inclusion proof")
                .count("index", proof.log_index.get())
                .count("tree size", proof.tree_size.get())
                .say("root hash", hex::encode(proof.root_hash.as_bytes()))
                .count("hashes", hash_count)
                .with("checkpoint", checkpoint);
            facts.with("proof", within)
        }
    };
    facts.with(
        "body",
        describe_body(&entry.kind_version, &entry.canonicalized_body),
    )
}

/// The body of an entry by itself: what a log has in its bundles.
pub(super) fn body(bytes: &[u8], value: &Value) -> Facts {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind_version = KindVersion {
        kind: text("kind").to_owned(),
        version: text("apiVersion").to_owned(),
    };
    let facts = describe_body(&kind_version, bytes);
    facts.say(
        "kind",
        format_args!("{} {}", kind_version.kind, kind_version.version),
    )
}

fn describe_body(kind_version: &KindVersion, body: &[u8]) -> Facts {
    let facts =
        Facts::new("body of a log entry").say("leaf hash", hex::encode(leaf_hash(body).as_bytes()));
    let parsed = match EntryBody::parse(kind_version, body) {
        Ok(parsed) => parsed,
        Err(error) => return facts.say("not read", error),
    };
    let (label, digest) = match &parsed.subject {
        LoggedSubject::Signed(digest) => ("signed digest", digest),
        LoggedSubject::Payload(digest) => ("payload digest", digest),
    };
    let digest = format!(
        "{}:{}",
        digest.algorithm.lower_case_name(),
        hex::encode(&digest.digest)
    );
    let facts = facts
        .say(label, digest)
        .say("signature", super::encode_base64(&parsed.signature));
    match &parsed.signer {
        VerifierBytes::X509Certificate(der) => facts.with("signer", certificate::within(der)),
        VerifierBytes::PublicKey(spki) => facts.with("signer", key::spki_within(spki)),
    }
}
