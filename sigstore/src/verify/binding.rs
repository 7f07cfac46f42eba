//! That an entry of a log is about the bundle at hand, and not about something else that is true.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::artifact::Artifact;
use super::check::{Check, Failed};
use super::content::artifact_digest;
use crate::bundle::BundleContent;
use crate::entry::body::{EntryBody, LoggedDigest, LoggedSubject};
use crate::entry::hashedrekord::VerifierBytes;
use crate::entry::log_entry::TransparencyLogEntry;
use crate::key_details::HashAlgorithm;
use crate::public_key::PublicKey;

/// Who signed, as an entry has to have it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signer<'a> {
    Certificate(&'a [u8]),
    Key(&'a PublicKey),
}

/// Checks that the entry has the same signature, the same signer, and the digest of what was
/// signed.
pub(super) fn check(
    entry: &TransparencyLogEntry,
    content: &BundleContent,
    signer: Signer<'_>,
    artifact: &Artifact<'_>,
) -> Result<(), Failed> {
    let refuse = |reason: &str| Failed::new(Check::EntryBinding, reason);
    let body = EntryBody::parse(&entry.kind_version, &entry.canonicalized_body)
        .map_err(|error| refuse(&format!("the entry: {error}")))?;
    if body.signature != content.signature() {
        return Err(refuse("the log holds another signature than the bundle"));
    }
    match (&body.signer, signer) {
        (VerifierBytes::X509Certificate(logged), Signer::Certificate(leaf)) if logged == leaf => {}
        (VerifierBytes::PublicKey(logged), Signer::Key(key)) if logged == key.spki_der() => {}
        _ => return Err(refuse("the log holds another signer than the bundle")),
    }
    let logged = match &body.subject {
        LoggedSubject::Signed(digest) | LoggedSubject::Payload(digest) => digest,
    };
    let actual = actual_digest(&body.subject, content, artifact)?;
    if actual == logged.digest {
        return Ok(());
    }
    let named = |digest: &[u8]| {
        format!(
            "{}:{}",
            logged.algorithm.lower_case_name(),
            hex::encode(digest)
        )
    };
    Err(refuse("the log holds a signature of something else")
        .found(named(&logged.digest))
        .wanted(named(&actual)))
}

/// The digest that the entry should have.
fn actual_digest(
    subject: &LoggedSubject,
    content: &BundleContent,
    artifact: &Artifact<'_>,
) -> Result<Vec<u8>, Failed> {
    match (subject, content) {
        (LoggedSubject::Signed(LoggedDigest { algorithm, .. }), BundleContent::Message(_)) => {
            artifact_digest(artifact, *algorithm, Check::EntryBinding).map(<[u8]>::to_vec)
        }
        (LoggedSubject::Signed(LoggedDigest { algorithm, .. }), BundleContent::Envelope(e)) => {
            Ok(match algorithm {
                HashAlgorithm::Sha256 => e.encoding_sha256().to_vec(),
                other => digest(*other, &e.encoding()),
            })
        }
        (LoggedSubject::Payload(LoggedDigest { algorithm, .. }), BundleContent::Envelope(e)) => {
            Ok(digest(*algorithm, &e.payload))
        }
        (LoggedSubject::Payload(_), BundleContent::Message(_)) => Err(Failed::new(
            Check::EntryBinding,
            "the log holds an envelope, the bundle a signature over an artifact",
        )),
    }
}

fn digest(algorithm: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        HashAlgorithm::Sha256 => Sha256::digest(bytes).to_vec(),
        HashAlgorithm::Sha384 => Sha384::digest(bytes).to_vec(),
        HashAlgorithm::Sha512 => Sha512::digest(bytes).to_vec(),
    }
}
