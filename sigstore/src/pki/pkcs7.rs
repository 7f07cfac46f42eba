//! CMS `SignedData` that stands beside its message, as `openssl cms` and `jarsigner` make it.
//!
//! It has one signer, whose certificate is usually inside, and mostly signs not the message but
//! attributes, among them the message's digest. It may be PEM or DER. Read is DER alone: what
//! `openssl cms -stream` writes is not.
//!
//! As a key, such a file stands for the certificate of its signer. Rekor v1 keeps and indexes the
//! first of its certificates, which is the same one unless the signer sent a chain.
//!
//! Who issued the certificate is not looked at, nor are unsigned attributes and revocation lists.
//!
//! Spec: RFC 5652; RFC 5754 for its algorithms, RFC 8419 for Ed25519.

use super::digests::{Digests, digest};
use super::error::{PkiError, Subject};
use super::identity::{Identity, email};
use super::{Format, x509};
use crate::key_details::HashAlgorithm;
use crate::pem::{self, PEM_LEN_BYTES_MAX, PemBlock};
use crate::public_key::{KeyKind, PublicKey};
use crate::time::UnixSeconds;
use signed_data::{Scheme, SignedData, Signer};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

mod signed_data;

const KEY: Subject = Subject::key(Format::Pkcs7);
const SIGNATURE: Subject = Subject::signature(Format::Pkcs7);

/// The labels it has in PEM; the first is what Rekor keeps.
pub(super) const LABELS: [&str; 2] = ["PKCS7", "CMS"];
const CERTIFICATE: &str = "CERTIFICATE";

/// The certificates of a signed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The certificate that is kept.
    first: Vec<u8>,
    /// The one that counts.
    signer: x509::Key,
}

impl Key {
    /// Reads a signature, or the certificate that was kept of one.
    pub(super) fn parse(bytes: &[u8]) -> Result<Key, PkiError> {
        let (label, der) = unwrap(KEY, bytes)?;
        if label.as_deref() == Some(CERTIFICATE) {
            let signer = x509::Key::of_certificates(vec![der.clone()])?;
            return Ok(Key { first: der, signer });
        }
        check_label(KEY, label)?;
        let data = SignedData::parse(&der).map_err(|error| KEY.malformed(error.to_string()))?;
        let first = data.certificates.first();
        let first = first.ok_or_else(|| KEY.malformed("no certificate inside"))?;
        let signer = match data.signers.as_slice() {
            [signer] => data.certificate_of(signer).unwrap_or(first),
            _ => first,
        };
        Ok(Key {
            first: first.clone(),
            signer: x509::Key::of_certificates(vec![signer.clone()])?,
        })
    }

    pub(super) fn signer(&self) -> &x509::Key {
        &self.signer
    }

    pub(super) fn canonical(&self) -> Vec<u8> {
        pem::encode_certificate(&self.first).into_bytes()
    }

    /// Mail addresses in the subject, then the alternative names.
    pub(super) fn identities(&self) -> Vec<Identity> {
        let mut identities = Vec::new();
        if let Ok(certificate) = Certificate::from_der(&self.first) {
            let subject = certificate.tbs_certificate().subject();
            let addresses = subject.iter().filter(|part| part.oid == signed_data::EMAIL);
            let texts = addresses.filter_map(|part| std::str::from_utf8(part.value.value()).ok());
            identities.extend(texts.filter_map(email));
        }
        identities.extend(x509::certified_names(&self.first));
        identities
    }
}

/// A signed file without what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    detached: Vec<u8>,
    signer: Signer,
    /// The certificate of the signer, if there are any certificates at all.
    certificate: Option<x509::Key>,
}

impl Signature {
    pub(super) fn parse(bytes: &[u8]) -> Result<Signature, PkiError> {
        let (label, der) = unwrap(SIGNATURE, bytes)?;
        check_label(SIGNATURE, label)?;
        let malformed = |error: &dyn ToString| SIGNATURE.malformed(error.to_string());
        let data = SignedData::parse(&der).map_err(|error| malformed(&error))?;
        let [signer] = data.signers.as_slice() else {
            let found = data.signers.len();
            return Err(malformed(&format!("{found} signers, wanted 1")));
        };
        let certificate = match data.certificate_of(signer) {
            None if !data.certificates.is_empty() => {
                return Err(malformed(&"no certificate inside is its signer's"));
            }
            None => None,
            Some(der) => Some(x509::Key::of_certificates(vec![der.clone()])?),
        };
        Ok(Signature {
            detached: data.detached(),
            signer: signer.clone(),
            certificate,
        })
    }

    pub(super) fn canonical(&self) -> Vec<u8> {
        let label = LABELS[0].to_owned();
        let der = self.detached.clone();
        PemBlock { label, der }.encode().into_bytes()
    }

    /// Begins to check that a key made it, the certificate inside having been valid at a time.
    pub(super) fn begin<'a>(
        &'a self,
        key: &'a PublicKey,
        at: Option<UnixSeconds>,
    ) -> Result<Check<'a>, PkiError> {
        if let Some(certificate) = &self.certificate {
            if certificate.public_key() != key {
                return Err(PkiError::OtherKey {
                    format: Format::Pkcs7,
                    found: x509::describe(certificate.public_key()),
                    wanted: x509::describe(key),
                });
            }
            if let Some(at) = at {
                certificate.check_valid_at(Format::Pkcs7, at)?;
            }
        }
        check_scheme(&self.signer, key)?;
        let digests = Digests::by(&[self.signer.hash]);
        let signature = self;
        Ok(Check {
            key,
            signature,
            digests,
        })
    }

    /// Checks a signature over a message of which only the digest is known.
    pub(super) fn verify_digest(
        &self,
        key: &PublicKey,
        at: Option<UnixSeconds>,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<(), PkiError> {
        self.begin(key, at)?;
        if hash != self.signer.hash {
            return Err(PkiError::Digest {
                format: Format::Pkcs7,
                found: hash,
                wanted: match self.signer.hash {
                    HashAlgorithm::Sha256 => "sha-256",
                    HashAlgorithm::Sha384 => "sha-384",
                    HashAlgorithm::Sha512 => "sha-512",
                },
            });
        }
        self.check_digest(key, digest)
    }

    fn check_digest(&self, key: &PublicKey, message: &[u8]) -> Result<(), PkiError> {
        let mismatch = |check| PkiError::Mismatch {
            format: Format::Pkcs7,
            check,
            key: x509::describe(key),
        };
        let Signer {
            hash, signature, ..
        } = &self.signer;
        let Some(attributes) = &self.signer.attributes else {
            let verified = key.verify_digest(*hash, message, signature);
            return verified.map_err(|_| mismatch("the message"));
        };
        let verified = if self.signer.scheme == Scheme::Ed25519 {
            key.verify_message(&attributes.signed, signature)
        } else {
            let digest = digest(*hash, &attributes.signed);
            key.verify_digest(*hash, digest.as_ref(), signature)
        };
        verified.map_err(|_| mismatch("the signed attributes"))?;
        if attributes.message_digest != message {
            return Err(mismatch("the message, whose digest is not the signed one,"));
        }
        Ok(())
    }
}

/// A check for which the message comes piece by piece.
pub(super) struct Check<'a> {
    key: &'a PublicKey,
    signature: &'a Signature,
    digests: Digests,
}

impl Check<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.digests.update(piece);
    }

    pub(super) fn finish(self) -> Result<(), PkiError> {
        for (_, digest) in self.digests.finish() {
            self.signature.check_digest(self.key, digest.as_ref())?;
        }
        Ok(())
    }
}

fn check_scheme(signer: &Signer, key: &PublicKey) -> Result<(), PkiError> {
    let fits = match signer.scheme {
        Scheme::Rsa => matches!(key.kind(), KeyKind::Rsa { .. }),
        Scheme::Ecdsa => !matches!(key.kind(), KeyKind::Rsa { .. } | KeyKind::Ed25519),
        // Over a whole message it would have to be read twice.
        Scheme::Ed25519 => key.kind() == KeyKind::Ed25519 && signer.attributes.is_some(),
    };
    if fits {
        return Ok(());
    }
    let found = format!("{:?} by a key of {}", signer.scheme, key.kind());
    let wanted = "rsa pkcs #1 v1.5, ecdsa, or ed25519 with signed attributes";
    Err(SIGNATURE.unsupported("algorithm", found, wanted))
}

/// Takes PEM off, if there is any.
fn unwrap(subject: Subject, bytes: &[u8]) -> Result<(Option<String>, Vec<u8>), PkiError> {
    subject.check_len(bytes, PEM_LEN_BYTES_MAX)?;
    if bytes.first() == Some(&crate::der_writer::tag::SEQUENCE) {
        return Ok((None, bytes.to_vec()));
    }
    let block = pem::parse_first(bytes);
    let (block, rest) = block.map_err(|error| subject.malformed(error.to_string()))?;
    if !rest.trim_ascii().is_empty() {
        return Err(subject.malformed("something follows the pem block"));
    }
    Ok((Some(block.label), block.der))
}

fn check_label(subject: Subject, label: Option<String>) -> Result<(), PkiError> {
    match label {
        Some(label) if !LABELS.contains(&label.as_str()) => {
            let found = format!("{label:?}");
            Err(subject.unsupported("the pem label", found, "\"PKCS7\" or \"CMS\""))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
