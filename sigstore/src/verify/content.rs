//! The signature itself, and what it is over.

use sha2::{Digest as _, Sha384, Sha512};

use super::artifact::Artifact;
use super::check::{Check, Failed};
use crate::bundle::{MessageDigest, MessageSignature};
use crate::canonical_json::excerpt;
use crate::dsse::{DsseEnvelope, STATEMENT_TYPE};
use crate::key_details::HashAlgorithm;
use crate::public_key::{KeyKind, PublicKey};
use crate::statement::Statement;

/// Checks that the digest which a bundle mentions is the artifact's, and names it.
pub(super) fn message_digest(
    digest: &MessageDigest,
    artifact: &Artifact<'_>,
) -> Result<String, Failed> {
    let MessageDigest { algorithm, digest } = digest;
    let named = |digest: &[u8]| format!("{}:{}", algorithm.lower_case_name(), hex::encode(digest));
    let actual = artifact_digest(artifact, *algorithm, Check::MessageDigest)?;
    if digest == actual {
        return Ok(named(digest));
    }
    let failed = Failed::new(Check::MessageDigest, "the bundle is about another artifact");
    Err(failed.found(named(actual)).wanted(named(digest)))
}

pub(super) fn artifact_digest<'a>(
    artifact: &'a Artifact<'_>,
    algorithm: HashAlgorithm,
    check: Check,
) -> Result<&'a [u8], Failed> {
    artifact.digest(algorithm).ok_or_else(|| {
        let name = algorithm.lower_case_name();
        Failed::new(
            check,
            format!("the artifact's {name} is needed: give the file itself"),
        )
    })
}

/// Checks the signature over an artifact.
///
/// The hash is the one that the bundle mentions, or else the one that goes with the key, or else
/// SHA-256, which older signers use with every curve. Which of them it was, the signature says.
pub(super) fn message(
    key: &PublicKey,
    message: &MessageSignature,
    artifact: &Artifact<'_>,
) -> Result<(), Failed> {
    let mentioned = message.digest.as_ref().map(|digest| digest.algorithm);
    let of_key = key.kind().hash();
    let signature = &message.signature;
    if key.kind() == KeyKind::Ed25519 {
        return ed25519_message(key, signature, artifact);
    }
    let first = mentioned.unwrap_or(of_key);
    let digest = artifact_digest(artifact, first, Check::Signature)?;
    let checked = by_digest(key, first, digest, signature);
    let others = [of_key, HashAlgorithm::Sha256].into_iter();
    let known = others.filter(|hash| *hash != first);
    let mut known = known.filter_map(|hash| Some((hash, artifact.digest(hash)?)));
    checked.or_else(|failed| {
        let by_other = known.any(|(hash, digest)| by_digest(key, hash, digest, signature).is_ok());
        if by_other { Ok(()) } else { Err(failed) }
    })
}

/// Checks a signature by Ed25519 over an artifact, in both its forms. They cannot be mistaken for
/// each other: what is signed differs by design.
fn ed25519_message(
    key: &PublicKey,
    signature: &[u8],
    artifact: &Artifact<'_>,
) -> Result<(), Failed> {
    let content = artifact.content();
    if content.is_some_and(|content| key.verify_message(content, signature).is_ok()) {
        return Ok(());
    }
    let hash = HashAlgorithm::Sha512;
    let digest = artifact_digest(artifact, hash, Check::Signature)?;
    by_digest(key, hash, digest, signature).map_err(|failed| match content {
        Some(_) => failed,
        None => Failed::new(
            Check::Signature,
            "it is not one of the artifact's digest; it may be one of the artifact itself: give \
             the file itself",
        ),
    })
}

/// Checks the signature of an envelope.
pub(super) fn envelope(key: &PublicKey, envelope: &DsseEnvelope) -> Result<(), Failed> {
    let signature = envelope.signatures.first();
    let signature = signature.map_or(&[][..], |signature| &signature.signature);
    let sha256 = |key| {
        by_digest(
            key,
            HashAlgorithm::Sha256,
            &envelope.encoding_sha256(),
            signature,
        )
    };
    match key.kind() {
        KeyKind::EcdsaP256 | KeyKind::Rsa { .. } => sha256(key),
        KeyKind::EcdsaP384 => {
            let digest = Sha384::digest(envelope.encoding());
            by_digest(key, HashAlgorithm::Sha384, &digest, signature).or_else(|_| sha256(key))
        }
        KeyKind::EcdsaP521 => {
            let digest = Sha512::digest(envelope.encoding());
            by_digest(key, HashAlgorithm::Sha512, &digest, signature).or_else(|_| sha256(key))
        }
        KeyKind::Ed25519 => {
            let encoding = envelope.encoding();
            if key.verify_message(&encoding, signature).is_ok() {
                return Ok(());
            }
            by_digest(
                key,
                HashAlgorithm::Sha512,
                &Sha512::digest(&encoding),
                signature,
            )
        }
    }
}

fn by_digest(
    key: &PublicKey,
    hash: HashAlgorithm,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), Failed> {
    key.verify_digest(hash, digest, signature)
        .map_err(|error| Failed::new(Check::Signature, error))
}

/// Checks that the statement in an envelope is about the artifact.
pub(super) fn statement(
    envelope: &DsseEnvelope,
    artifact: &Artifact<'_>,
) -> Result<Statement, Failed> {
    let refuse = |reason: String| Failed::new(Check::StatementSubject, reason);
    if envelope.payload_type != STATEMENT_TYPE {
        let failed = refuse("the envelope holds no in-toto statement".to_owned());
        let found = format!("{:?}", envelope.payload_type);
        return Err(failed.found(found).wanted(format!("{STATEMENT_TYPE:?}")));
    }
    let statement =
        Statement::parse(&envelope.payload).map_err(|error| refuse(error.to_string()))?;
    let mut digests = artifact.digests();
    let about = digests.any(|(hash, digest)| {
        let digest = hex::encode(digest);
        let mut subjects = statement.subjects.iter();
        subjects.any(|subject| subject.is(hash.lower_case_name(), &digest))
    });
    if about {
        return Ok(statement);
    }
    let first = statement.subjects.first();
    let first = first.and_then(|subject| subject.digests.first());
    let found = first.map_or_else(String::new, |(name, digest)| {
        format!("{}: {}", excerpt(name), excerpt(digest))
    });
    let more = statement.subjects.len().saturating_sub(1);
    let found = format!("{found} and {more} others");
    Err(
        refuse("no subject of the statement is the artifact".to_owned())
            .found(found)
            .wanted(artifact.name()),
    )
}
