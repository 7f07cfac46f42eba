//! Keys and certificates as PEM, and signatures that are nothing but their bytes.
//!
//! A key is a `PUBLIC KEY` (RFC 5280 section 4.1.2.7), an `RSA PUBLIC KEY` (RFC 8017 appendix
//! A.1.1) or a `CERTIFICATE`, which may be followed by those above it: then each must have been
//! issued by the next. Which authority stands at the end is nobody's concern here.
//!
//! A signature does not say how it was made. ECDSA and RSA PKCS #1 v1.5 are tried with SHA-256,
//! SHA-384 and SHA-512, for OpenSSL leaves the choice to whoever signs; Ed25519 is tried as it is
//! and as `Ed25519ph`. No signature holds for two of them, so that nothing is weakened by trying.

use ed25519_dalek::StreamVerifier;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::digests::Digests;
use super::error::{PkiError, Subject};
use super::identity::{Identity, of_alternative_names};
use super::{Format, spki};
use crate::cert::oids;
use crate::key_details::HashAlgorithm;
use crate::pem::{self, PemBlock};
use crate::public_key::{KeyKind, PublicKey, SIGNATURE_LEN_BYTES_MAX, SignatureError};
use crate::time::UnixSeconds;

mod chain;

const KEY: Subject = Subject::key(Format::X509);
const SIGNATURE: Subject = Subject::signature(Format::X509);

/// The most certificates of a chain.
const CHAIN_LEN_MAX: usize = 10;

/// A public key, with the certificate it came in and those above that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    public_key: PublicKey,
    /// Empty for a key that came without.
    certificates: Vec<Vec<u8>>,
}

impl Key {
    pub(super) fn parse(text: &[u8]) -> Result<Key, PkiError> {
        let (block, rest) =
            pem::parse_first(text).map_err(|error| KEY.malformed(error.to_string()))?;
        if block.label == CERTIFICATE {
            let certificates = pem::parse_certificates(text, CHAIN_LEN_MAX);
            return Key::of_certificates(
                certificates.map_err(|error| KEY.malformed(error.to_string()))?,
            );
        }
        if !rest.trim_ascii().is_empty() {
            return Err(KEY.malformed("something follows the key"));
        }
        let public_key = match block.label.as_str() {
            PUBLIC_KEY => PublicKey::from_spki_der(&block.der)
                .map_err(|error| KEY.malformed(error.to_string()))?,
            RSA_PUBLIC_KEY => spki::pkcs1(KEY, &block.der)?,
            other => {
                let wanted = "\"PUBLIC KEY\", \"RSA PUBLIC KEY\" or \"CERTIFICATE\"";
                return Err(KEY.unsupported("the pem label", format!("{other:?}"), wanted));
            }
        };
        let certificates = Vec::new();
        Ok(Key {
            public_key,
            certificates,
        })
    }

    /// From DER certificates, of which the first has the key and the others stand above it.
    pub(super) fn of_certificates(certificates: Vec<Vec<u8>>) -> Result<Key, PkiError> {
        let [first, rest @ ..] = certificates.as_slice() else {
            return Err(KEY.malformed("no certificate"));
        };
        let public_key = PublicKey::from_certificate_der(first)
            .map_err(|error| KEY.malformed(error.to_string()))?;
        if !rest.is_empty() {
            chain::check(&certificates)?;
        }
        Ok(Key {
            public_key,
            certificates,
        })
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    pub(super) fn certificate(&self) -> Option<&[u8]> {
        self.certificates.first().map(Vec::as_slice)
    }

    pub(super) fn canonical(&self) -> Vec<u8> {
        if self.certificates.is_empty() {
            let label = PUBLIC_KEY.to_owned();
            let der = self.public_key.spki_der().to_vec();
            return PemBlock { label, der }.encode().into_bytes();
        }
        let texts = self.certificates.iter();
        let texts = texts.map(|der| pem::encode_certificate(der));
        texts.collect::<String>().into_bytes()
    }

    pub(super) fn identities(&self) -> Vec<Identity> {
        self.certificate().map_or_else(Vec::new, certified_names)
    }

    /// Checks that the certificate was valid then, both ends included; a key alone always is.
    pub(super) fn check_valid_at(&self, format: Format, at: UnixSeconds) -> Result<(), PkiError> {
        let Some(der) = self.certificate() else {
            return Ok(());
        };
        let certificate =
            Certificate::from_der(der).map_err(|error| KEY.malformed(error.to_string()))?;
        let validity = certificate.tbs_certificate().validity();
        let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        let (begin, end) = (seconds(validity.not_before), seconds(validity.not_after));
        let reason = if at.get() < begin {
            format!("it begins to be valid at {begin}")
        } else if at.get() > end {
            format!("it expired at {end}")
        } else {
            return Ok(());
        };
        let part = "certificate".to_owned();
        Err(PkiError::NotValid {
            format,
            part,
            at,
            reason,
        })
    }

    /// Begins to check a signature. With a `hash`, only that one is tried.
    pub(super) fn begin<'a>(
        &'a self,
        signature: &'a Signature,
        hash: Option<HashAlgorithm>,
    ) -> Check<'a> {
        let kind = self.public_key.kind();
        let is_ed25519 = kind == KeyKind::Ed25519;
        let hashes = match hash {
            Some(hash) => vec![hash],
            None if is_ed25519 => vec![HashAlgorithm::Sha512],
            None => {
                let mut hashes = vec![
                    HashAlgorithm::Sha256,
                    HashAlgorithm::Sha384,
                    HashAlgorithm::Sha512,
                ];
                // The kind's own first: it is the likely one.
                hashes.sort_by_key(|hash| *hash != kind.hash());
                hashes
            }
        };
        let whole = match hash {
            None => self.public_key.begin_ed25519(&signature.0),
            Some(_) => None,
        };
        Check {
            key: &self.public_key,
            signature,
            digests: Digests::by(&hashes),
            whole,
        }
    }

    /// Checks a signature over a message of which only the digest is known.
    pub(super) fn verify_digest(
        &self,
        signature: &Signature,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<(), PkiError> {
        let verified = self.public_key.verify_digest(hash, digest, &signature.0);
        verified.map_err(|error| refused(&self.public_key, &error))
    }
}

/// A signature: DER or r||s for ECDSA, else what the algorithm makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature(Vec<u8>);

impl Signature {
    pub(super) fn parse(bytes: &[u8]) -> Result<Signature, PkiError> {
        SIGNATURE.check_len(bytes, SIGNATURE_LEN_BYTES_MAX)?;
        if bytes.is_empty() {
            return Err(SIGNATURE.malformed("it is empty"));
        }
        Ok(Signature(bytes.to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A check for which the message comes piece by piece.
pub(super) struct Check<'a> {
    key: &'a PublicKey,
    signature: &'a Signature,
    digests: Digests,
    /// For an Ed25519 key, the signature over the message itself.
    whole: Option<Result<StreamVerifier, SignatureError>>,
}

impl Check<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.digests.update(piece);
        if let Some(Ok(whole)) = &mut self.whole {
            whole.update(piece);
        }
    }

    pub(super) fn finish(self) -> Result<(), PkiError> {
        let mut error = None;
        match self.whole.transpose() {
            Ok(Some(whole)) => {
                if whole.finalize_and_verify().is_ok() {
                    return Ok(());
                }
            }
            Ok(None) => {}
            Err(malformed) => error = Some(malformed),
        }
        for (hash, digest) in self.digests.finish() {
            let verified = self
                .key
                .verify_digest(hash, digest.as_ref(), &self.signature.0);
            match verified {
                Ok(()) => return Ok(()),
                Err(refused) => error = error.or(Some(refused)),
            }
        }
        let kind = self.key.kind();
        Err(refused(
            self.key,
            &error.unwrap_or(SignatureError::Mismatch { kind }),
        ))
    }
}

/// The names in a certificate, which was parsed before.
pub(super) fn certified_names(der: &[u8]) -> Vec<Identity> {
    let Ok(certificate) = Certificate::from_der(der) else {
        return Vec::new();
    };
    let extensions = certificate.tbs_certificate().extensions();
    let mut extensions = extensions.into_iter().flatten();
    let names = extensions.find(|extension| extension.extn_id == oids::SUBJECT_ALT_NAME);
    names.map_or_else(Vec::new, |names| {
        of_alternative_names(names.extn_value.as_bytes())
    })
}

/// How to speak of a key: its kind and the hash of its `SubjectPublicKeyInfo`.
pub(super) fn describe(key: &PublicKey) -> String {
    let digest = super::digests::digest(HashAlgorithm::Sha256, key.spki_der());
    format!("{} sha256:{}", key.kind(), super::hex(digest.as_ref()))
}

fn refused(key: &PublicKey, error: &SignatureError) -> PkiError {
    match error {
        SignatureError::Mismatch { .. } => PkiError::Mismatch {
            format: Format::X509,
            check: "the message",
            key: describe(key),
        },
        SignatureError::Hash { found, .. } => PkiError::Digest {
            format: Format::X509,
            found: *found,
            wanted: "sha-512, for ed25519ph, or the message itself",
        },
        other => SIGNATURE.malformed(other.to_string()),
    }
}

const CERTIFICATE: &str = "CERTIFICATE";
const PUBLIC_KEY: &str = "PUBLIC KEY";
const RSA_PUBLIC_KEY: &str = "RSA PUBLIC KEY";

#[cfg(test)]
mod tests;
