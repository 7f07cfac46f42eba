//! What signed notes say, checkpoints among them, and the keys that verify them.

use tiles::{Checkpoint, KeyAlgorithm, Note, VerifierKey};

use super::{Facts, InspectError};

/// A signed note.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, InspectError> {
    let note = Note::parse(bytes);
    let note = note.map_err(|error| InspectError::malformed("signed note", error))?;
    let facts = if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        Facts::new("checkpoint of a log")
            .say("origin", checkpoint.origin())
            .count("tree size", checkpoint.size().get())
            .say("root hash", hex::encode(checkpoint.root_hash().as_bytes()))
            .list("extensions", checkpoint.extensions().to_vec())
    } else {
        let lines = note.text().lines().map(str::to_owned);
        Facts::new("signed note").list("text", lines.collect())
    };
    let signatures = note.signatures().iter().map(|signature| {
        Facts::new(signature.name())
            .say("key id", signature.key_id())
            .say("bytes", super::encode_base64(signature.signature()))
    });
    Ok(facts.several("signature", signatures.collect()))
}

/// One within something else, whether it can be read or not.
pub(super) fn within(bytes: &[u8]) -> Facts {
    facts(bytes).unwrap_or_else(|error| {
        let why = match error {
            InspectError::Malformed { why, .. } => why,
            other => other.to_string(),
        };
        Facts::new("checkpoint that can't be read").say("error", why)
    })
}

/// The key that verifies notes, as one line.
pub(super) fn verifier_key(text: &str) -> Option<Facts> {
    let key = VerifierKey::parse(text.trim()).ok()?;
    let algorithm = match key.algorithm() {
        KeyAlgorithm::Ed25519 => "Ed25519".to_owned(),
        KeyAlgorithm::Ecdsa(curve) => format!("ECDSA on {curve:?}"),
        KeyAlgorithm::Cosignature => "Ed25519, of a witness".to_owned(),
        KeyAlgorithm::TreeHead => "ECDSA on P256, of RFC 6962 tree heads".to_owned(),
    };
    let facts = Facts::new("verifier key of signed notes")
        .say("name", key.name())
        .say("key id", key.key_id())
        .say("log id", hex::encode(key.log_id()))
        .say("algorithm", algorithm);
    Some(facts)
}
