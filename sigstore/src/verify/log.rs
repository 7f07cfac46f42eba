//! What logs say: entries, promises, proofs, checkpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tiles::{Checkpoint, Note, NoteSignature, leaf_hash, verify_inclusion};

use super::check::{Check, Failed};
use super::policy::WitnessPolicy;
use super::trust::{Log, TrustMaterial};
use crate::bundle::BundleFormat;
use crate::canonical_json::excerpt;
use crate::entry::log_entry::{InclusionProof, TransparencyLogEntry};
use crate::public_key::PublicKey;
use crate::time::UnixSeconds;
use crate::time_range::ProtoTime;

/// The log that an entry says it is in, if that one is trusted.
pub(super) fn known<'t>(
    entry: &TransparencyLogEntry,
    trust: &'t TrustMaterial,
) -> Result<&'t Log, Failed> {
    let log = trust.log(&entry.log_id).ok_or_else(|| {
        Failed::new(Check::LogKnown, "the trusted root has no log of this id")
            .found(hex::encode(entry.log_id))
    })?;
    key(log, Check::LogKnown)?;
    Ok(log)
}

fn key(log: &Log, check: Check) -> Result<&PublicKey, Failed> {
    let unusable = |reason: &String| {
        Failed::new(
            check,
            format!("the key of log {} cannot be used: {reason}", log.base_url),
        )
    };
    log.key.as_ref().map_err(unusable)
}

/// Checks the log's promise about an entry, if it has one, and gives the time in it.
///
/// The promise is a signature over the entry in RFC 8785 form. Base64 and hex need no escapes, so
/// the form can be put down.
pub(super) fn promise(
    entry: &TransparencyLogEntry,
    log: &Log,
) -> Result<Option<ProtoTime>, Failed> {
    let Some(signature) = &entry.signed_entry_timestamp else {
        return Ok(None);
    };
    let signed = format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        STANDARD.encode(&entry.canonicalized_body),
        entry.integrated_time,
        hex::encode(entry.log_id),
        entry.log_index.get()
    );
    let refuse = |reason: String| Failed::new(Check::LogPromise, reason);
    key(log, Check::LogPromise)?
        .verify_message(signed.as_bytes(), signature)
        .map_err(|error| refuse(format!("the promise of {}: {error}", log.base_url)))?;
    let time = ProtoTime::from_seconds(UnixSeconds::new(entry.integrated_time))
        .ok_or_else(|| refuse("the promise has no time of this era".to_owned()))?;
    if !log.valid_for.contains(time) {
        return Err(
            refuse("the log is not trusted for the time in its promise".to_owned())
                .found(time)
                .wanted(log.valid_for),
        );
    }
    Ok(Some(time))
}

/// Checks that an entry may go without a proof: the oldest bundles have a promise alone.
///
/// Reading a bundle sees to this, too; but bundles are also put together from other forms.
pub(super) fn without_proof(
    entry: &TransparencyLogEntry,
    format: BundleFormat,
) -> Result<(), Failed> {
    let refuse = |reason| Err(Failed::new(Check::LogInclusion, reason));
    match (&entry.signed_entry_timestamp, format) {
        (None, _) => refuse("the entry has neither a proof nor a promise"),
        (Some(_), BundleFormat::V01) => Ok(()),
        (Some(_), _) => refuse("the entry has no proof, as it must from version 0.2 on"),
    }
}

/// Checks that the proof leads from the entry to its root hash, and says where the entry is.
///
/// The index of the entry itself is promised, or it is the proof's. Only a log of Rekor v1 counts
/// through several trees; where it has promised nothing, its count is passed over.
pub(super) fn inclusion(
    entry: &TransparencyLogEntry,
    proof: &InclusionProof,
    log: &Log,
) -> Result<String, Failed> {
    let promised = entry.signed_entry_timestamp.is_some();
    let counts_on = promised || log.is_known_by_key;
    if entry.log_index != proof.log_index && !counts_on {
        let reason = "the index of the entry is not that of its proof";
        return Err(Failed::new(Check::LogInclusion, reason)
            .found(entry.log_index)
            .wanted(proof.log_index));
    }
    verify_inclusion(
        proof.log_index,
        proof.tree_size,
        &leaf_hash(&entry.canonicalized_body),
        &proof.hashes,
        &proof.root_hash,
    )
    .map_err(|error| Failed::new(Check::LogInclusion, error))?;
    let index = if promised {
        entry.log_index
    } else {
        proof.log_index
    };
    let digest = Sha256::digest(&entry.canonicalized_body);
    let digest = hex::encode(digest.get(..8).unwrap_or_default());
    Ok(format!("index {index} of {}, entry {digest}", log.base_url))
}

/// Checks that the log signed a checkpoint of the proof's size and root hash, and gives its origin.
///
/// A log of Rekor v1 has an origin of its name, ` - ` and the number of its tree; its signature
/// is under the name alone. The origin of any other log is the host of its URL, and so is the name
/// of its signature. Signatures by others, witnesses among them, are passed over; of two that are
/// both said to be the log's, one is not.
pub(super) fn checkpoint(proof: &InclusionProof, log: &Log) -> Result<String, Failed> {
    let refuse = |reason: String| Failed::new(Check::LogCheckpoint, reason);
    let note = Note::parse(proof.checkpoint.as_bytes()).map_err(|e| refuse(e.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|e| refuse(e.to_string()))?;
    let origin = checkpoint.origin().as_str();
    let name = match name_of_v1(origin) {
        Some(name) if log.is_known_by_key => name,
        _ if origin == log.host() => origin,
        _ => {
            let failed = refuse("the checkpoint is another log's by its origin".to_owned());
            let (found, wanted) = (excerpt(origin), excerpt(log.host()));
            return Err(failed.found(found).wanted(wanted));
        }
    };
    let line = own_line(&note, name, log)?;
    key(log, Check::LogCheckpoint)?
        .verify_message(note.text().as_bytes(), line.signature())
        .map_err(|error| refuse(format!("the log's signature on the checkpoint: {error}")))?;
    if (checkpoint.size(), checkpoint.root_hash()) != (proof.tree_size, proof.root_hash) {
        let head = |size, root_hash| format!("size {size} and root hash {root_hash}");
        return Err(
            refuse("the checkpoint is of another tree than the proof".to_owned())
                .found(head(checkpoint.size(), checkpoint.root_hash()))
                .wanted(head(proof.tree_size, proof.root_hash)),
        );
    }
    Ok(origin.to_owned())
}

/// Checks that enough witnesses cosigned the checkpoint, and names them.
///
/// A line by the key of a witness that does not verify is passed over: anybody may append one, and
/// must not be able to spoil what others signed.
pub(super) fn witnessed(proof: &InclusionProof, policy: &WitnessPolicy) -> Result<String, Failed> {
    let refuse = |reason: String| Failed::new(Check::LogWitnesses, reason);
    let note = Note::parse(proof.checkpoint.as_bytes()).map_err(|e| refuse(e.to_string()))?;
    let text = note.text().as_bytes();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut names = Vec::new();
    for witness in &policy.witnesses {
        let is_by = |line: &&NoteSignature| {
            line.name() == witness.name() && line.key_id() == witness.key_id()
        };
        let mut lines = note.signatures().iter().filter(is_by);
        let cosigned = lines.any(|line| witness.verify(text, line.signature()).is_ok());
        if cosigned && !keys.contains(&witness.spki_der()) {
            keys.push(witness.spki_der());
            names.push(witness.name().as_str());
        }
    }
    if keys.len() >= policy.quorum {
        return Ok(names.join(", "));
    }
    let found = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    let (quorum, count) = (policy.quorum, policy.witnesses.len());
    Err(refuse("too few witnesses saw the checkpoint".to_owned())
        .found(found)
        .wanted(format!("{quorum} of the {count} in the policy")))
}

/// The one line of a note by the log's key under this name.
fn own_line<'n>(note: &'n Note, name: &str, log: &Log) -> Result<&'n NoteSignature, Failed> {
    let is_own = |line: &&NoteSignature| {
        line.name().as_str() == name && line.key_id().get().to_be_bytes() == log.key_hint
    };
    let refuse = |reason: &str| {
        let reason = format!("{reason} as {}", excerpt(name));
        let lines = note.signatures().iter();
        let found: Vec<String> = lines
            .map(|line| format!("{} {}", excerpt(line.name().as_str()), line.key_id()))
            .collect();
        let wanted = format!("one of {} {}", excerpt(name), hex::encode(log.key_hint));
        let failed = Failed::new(Check::LogCheckpoint, reason);
        failed.found(found.join(", ")).wanted(wanted)
    };
    let mut own = note.signatures().iter().filter(is_own);
    let line = own
        .next()
        .ok_or_else(|| refuse("the log did not sign the checkpoint"))?;
    match own.next() {
        None => Ok(line),
        Some(_) => Err(refuse("the log signed the checkpoint more than once")),
    }
}

/// The name in the origin of a log of Rekor v1: what is before ` - ` and a number.
fn name_of_v1(origin: &str) -> Option<&str> {
    let (name, tree_id) = origin.rsplit_once(" - ")?;
    let is_number = !tree_id.is_empty() && tree_id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(name)
}

/// Checks that the log is trusted for at least one of the times at which the signature existed.
///
/// An entry with a promise was checked by the time in that. Others have no time of their own; a
/// key that was given up must not go on making entries for signatures of today. A signature by a
/// key alone may have no time at all: then nothing can be compared, and what is said says so.
pub(super) fn valid_at(log: &Log, times: &[ProtoTime]) -> Result<String, Failed> {
    if times.is_empty() {
        return Ok("no signing time to compare with".to_owned());
    }
    if times.iter().any(|time| log.valid_for.contains(*time)) {
        return Ok(log.valid_for.to_string());
    }
    let found: Vec<String> = times.iter().map(ProtoTime::to_string).collect();
    let reason = format!("log {} is not trusted for any signing time", log.base_url);
    Err(Failed::new(Check::LogValidity, reason)
        .found(found.join(", "))
        .wanted(log.valid_for))
}
