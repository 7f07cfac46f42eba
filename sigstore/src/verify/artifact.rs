//! The artifact, as far as verifying needs it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::bundle::{BundleContent, SigstoreBundle};
use crate::cert::view::CertificateView;
use crate::entry::body::{EntryBody, LoggedSubject};
use crate::key_details::HashAlgorithm;
use crate::public_key::PublicKey;

/// The digests of an artifact that verifying a bundle asks for. One that is not needed may be
/// among them.
#[must_use]
pub fn hashes_needed(bundle: &SigstoreBundle, key: Option<&PublicKey>) -> BTreeSet<HashAlgorithm> {
    let mut needed = BTreeSet::from([HashAlgorithm::Sha256]);
    let leaf_key = bundle.signer.leaf().and_then(|leaf| {
        let leaf = CertificateView::parse(leaf).ok()?;
        leaf.public_key().ok()
    });
    needed.extend(leaf_key.as_ref().or(key).map(|key| key.kind().hash()));
    if let BundleContent::Message(message) = &bundle.content {
        needed.extend(message.digest.as_ref().map(|digest| digest.algorithm));
        let bodies = bundle.log_entries.iter().filter_map(|entry| {
            EntryBody::parse(&entry.kind_version, &entry.canonicalized_body).ok()
        });
        needed.extend(bodies.map(|body| match body.subject {
            LoggedSubject::Signed(digest) | LoggedSubject::Payload(digest) => digest.algorithm,
        }));
    }
    needed
}

/// What a signature should be of: digests, and the content where it is at hand.
///
/// With digests alone everything can be verified but a signature by Ed25519 over the content
/// itself, which no digest takes the place of.
#[derive(Clone, Debug, Default)]
pub struct Artifact<'a> {
    digests: BTreeMap<HashAlgorithm, Vec<u8>>,
    content: Option<&'a [u8]>,
}

impl<'a> Artifact<'a> {
    /// An artifact of which only the SHA-256 is known.
    #[must_use]
    pub fn from_sha256(digest: [u8; 32]) -> Artifact<'a> {
        Artifact::default().with_digest(HashAlgorithm::Sha256, digest.to_vec())
    }

    /// An artifact in memory, with every digest that may be asked for. Cost: three hashes of it.
    #[must_use]
    pub fn from_content(content: &'a [u8]) -> Artifact<'a> {
        let mut artifact = Artifact::default()
            .with_digest(HashAlgorithm::Sha256, Sha256::digest(content).to_vec())
            .with_digest(HashAlgorithm::Sha384, Sha384::digest(content).to_vec())
            .with_digest(HashAlgorithm::Sha512, Sha512::digest(content).to_vec());
        artifact.content = Some(content);
        artifact
    }

    /// The same artifact with another digest, which is passed over if it has not the length of
    /// its algorithm.
    #[must_use]
    pub fn with_digest(mut self, algorithm: HashAlgorithm, digest: Vec<u8>) -> Artifact<'a> {
        if digest.len() == algorithm.digest_len_bytes() {
            self.digests.insert(algorithm, digest);
        }
        self
    }

    /// The same artifact with its content at hand.
    #[must_use]
    pub fn with_content(mut self, content: &'a [u8]) -> Artifact<'a> {
        self.content = Some(content);
        self
    }

    /// Its digest by this algorithm, if that is known.
    #[must_use]
    pub fn digest(&self, algorithm: HashAlgorithm) -> Option<&[u8]> {
        self.digests.get(&algorithm).map(Vec::as_slice)
    }

    /// Every digest that is known.
    pub fn digests(&self) -> impl Iterator<Item = (HashAlgorithm, &[u8])> {
        self.digests
            .iter()
            .map(|(hash, digest)| (*hash, digest.as_slice()))
    }

    /// Its content, if that is at hand.
    #[must_use]
    pub fn content(&self) -> Option<&'a [u8]> {
        self.content
    }

    /// The digest by which people know it: `sha256:` and hex.
    pub(super) fn name(&self) -> String {
        self.digests()
            .next()
            .map_or_else(String::new, |(hash, digest)| {
                format!("{}:{}", hash.lower_case_name(), hex::encode(digest))
            })
    }
}
