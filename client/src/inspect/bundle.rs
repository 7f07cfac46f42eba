//! What bundles, envelopes and statements say.

use serde_json::Value;
use sigstore::statement::Statement;
use sigstore::{BundleContent, SignerMaterial, SigstoreBundle};

use super::{
    Facts, InspectError, certificate, decode_base64, encode_base64, entry, sha256, timestamp,
};

/// The most subjects of a statement that are shown.
const SUBJECTS_SHOWN_MAX: usize = 50;

/// A bundle of the common format.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, InspectError> {
    let bundle = SigstoreBundle::parse(bytes);
    let bundle = bundle.map_err(|error| InspectError::malformed("bundle", error))?;
    let facts = Facts::new("Sigstore bundle").say("media type", bundle.format.media_type());
    Ok(describe(facts, &bundle))
}

/// The older one of cosign.
pub(super) fn of_cosign(bytes: &[u8]) -> Result<Facts, InspectError> {
    let bundle = SigstoreBundle::parse_cosign(bytes);
    let bundle = bundle.map_err(|error| InspectError::malformed("bundle of cosign", error))?;
    Ok(describe(Facts::new("older bundle of cosign"), &bundle))
}

fn describe(facts: Facts, bundle: &SigstoreBundle) -> Facts {
    let facts = match &bundle.signer {
        SignerMaterial::PublicKey { hint } => facts
            .say("signer", "whoever has a key that is not in the bundle")
            .say_if("key hint", Some(hint)),
        signer => {
            let leaf = signer.leaf().unwrap_or_default();
            let above = signer.above_leaf().iter();
            facts.with("signer", certificate::within(leaf)).several(
                "above it",
                above.map(|der| certificate::within(der)).collect(),
            )
        }
    };
    let facts = match &bundle.content {
        BundleContent::Message(message) => {
            let digest = message.digest.as_ref();
            let digest = digest.map(|d| {
                format!(
                    "{}:{}",
                    d.algorithm.lower_case_name(),
                    hex::encode(&d.digest)
                )
            });
            facts.say_if("artifact", digest)
        }
        BundleContent::Envelope(envelope) => {
            let within = payload(&envelope.payload_type, &envelope.payload);
            let key_id = envelope
                .signatures
                .first()
                .map(|signature| &signature.key_id);
            facts.with("envelope", within.say_if("key id", key_id))
        }
    };
    let entries = bundle.log_entries.iter().map(entry::describe);
    let timestamps = bundle.timestamps.iter().map(|der| timestamp::within(der));
    facts
        .say("signature", encode_base64(bundle.content.signature()))
        .several("log entry", entries.collect())
        .several("timestamp", timestamps.collect())
}

/// A DSSE envelope by itself.
pub(super) fn envelope(value: &Value) -> Result<Facts, InspectError> {
    let malformed = |why: &str| InspectError::malformed("DSSE envelope", why);
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let body = text("payload").and_then(decode_base64);
    let body = body.ok_or_else(|| malformed("payload is not base64"))?;
    let facts = payload(text("payloadType").unwrap_or_default(), &body);
    let signatures = value.get("signatures").and_then(Value::as_array);
    let signatures = signatures.ok_or_else(|| malformed("signatures is not a list"))?;
    let one = |signature: &Value| {
        let text = |name: &str| signature.get(name).and_then(Value::as_str);
        let facts = Facts::new("over the payload and its type").say_if("key id", text("keyid"));
        facts.say("bytes", text("sig").unwrap_or("none"))
    };
    Ok(facts.several("signature", signatures.iter().map(one).collect()))
}

fn payload(payload_type: &str, payload: &[u8]) -> Facts {
    let facts = Facts::new("DSSE envelope")
        .say("payload type", payload_type)
        .say(
            "payload",
            format_args!("{} bytes, sha256 {}", payload.len(), sha256(payload)),
        );
    match Statement::parse(payload) {
        Ok(statement) => facts.with("statement", describe_statement(&statement)),
        Err(_) => facts,
    }
}

/// An in-toto statement by itself.
pub(super) fn statement(bytes: &[u8]) -> Result<Facts, InspectError> {
    let statement = Statement::parse(bytes);
    let statement = statement.map_err(|error| InspectError::malformed("statement", error))?;
    Ok(describe_statement(&statement))
}

fn describe_statement(statement: &Statement) -> Facts {
    let facts = Facts::new("in-toto statement").say("predicate", &statement.predicate_type);
    let subjects = statement.subjects.iter().map(|subject| {
        let digests = subject.digests.iter();
        let digests = digests.map(|(name, value)| format!("{name}:{value}"));
        let digests: Vec<String> = digests.collect();
        format!("{} {}", subject.name, digests.join(" "))
            .trim()
            .to_owned()
    });
    let mut shown: Vec<String> = subjects.take(SUBJECTS_SHOWN_MAX).collect();
    if let Some(more) = statement.subjects.len().checked_sub(SUBJECTS_SHOWN_MAX)
        && more > 0
    {
        shown.push(format!("and {more} more"));
    }
    facts.list("subject", shown)
}
