//! OpenPGP: keys, armored or not, several in a file; and detached signatures, of which one file may
//! have several.
//!
//! A signature holds if one of those in its file is by a key in the key file, if that key could
//! sign when the signature says it was made, and if it verifies. Given a time at which the
//! signature is known to have existed, the key must have been valid then as well: a stolen key that
//! has expired can still sign with an old date. `validity` says when a key is valid.
//!
//! Taken are RSA from 2048 bits on, ECDSA and Ed25519, with SHA-256 and stronger, over bytes and
//! over text (which is the same with other ends of lines). Not taken: DSA, signatures inside of
//! messages, and private keys.
//!
//! Packets are read and signatures checked by the crate `pgp`, whose cryptography is a generation
//! behind the rest of this one; nothing of it is seen outside of this module.
//!
//! Spec: RFC 9580.

use std::io::Cursor;

use digest_old::DynDigest;
use pgp::composed::{Deserializable as _, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    Packet, PacketParser, Signature as Packaged, SignatureConfig, SignatureType,
    SignatureVersionSpecific,
};
use pgp::types::{Fingerprint, KeyDetails as _, Timestamp, VerifyingKey as _};

use super::Format;
use super::error::{PkiError, Subject};
use super::identity::{Identity, email};
use crate::time::UnixSeconds;
use validity::Component;

mod armor;
mod validity;

const KEY: Subject = Subject::key(Format::Pgp);
const SIGNATURE: Subject = Subject::signature(Format::Pgp);

/// The longest key file that is read: what many people signed is long.
const KEY_LEN_BYTES_MAX: usize = 2 << 20;
/// The longest signature file that is read.
const SIGNATURE_LEN_BYTES_MAX: usize = 128 * 1024;
/// The most keys in a file.
const CERTIFICATE_COUNT_MAX: usize = 256;
/// The most subkeys of a key.
const SUBKEY_COUNT_MAX: usize = 64;
/// The most signatures in a file.
const SIGNATURE_COUNT_MAX: usize = 16;
/// How far in the future of a trusted time a signature may say it was made: clocks differ.
const CLOCK_DIFFERENCE_SECONDS_MAX: u64 = 300;

/// The keys of a file, each with its subkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    binary: Vec<u8>,
    certificates: Vec<SignedPublicKey>,
}

impl Key {
    pub(super) fn parse(bytes: &[u8]) -> Result<Key, PkiError> {
        KEY.check_len(bytes, KEY_LEN_BYTES_MAX)?;
        let binary = dearmored(KEY, bytes, armor::PUBLIC_KEY)?;
        let read = SignedPublicKey::from_bytes_many(Cursor::new(&binary));
        let read = read.map_err(|error| KEY.malformed(error.to_string()))?;
        let mut certificates = Vec::new();
        for certificate in read {
            let certificate = certificate.map_err(|error| KEY.malformed(error.to_string()))?;
            if certificates.len() == CERTIFICATE_COUNT_MAX {
                return Err(KEY.too_many("keys", CERTIFICATE_COUNT_MAX));
            }
            if certificate.public_subkeys.len() > SUBKEY_COUNT_MAX {
                return Err(KEY.too_many("subkeys", SUBKEY_COUNT_MAX));
            }
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            return Err(KEY.malformed("no public key in it"));
        }
        Ok(Key {
            binary,
            certificates,
        })
    }

    /// The armor of all keys together.
    pub(super) fn canonical(&self) -> Vec<u8> {
        armor::encode(armor::PUBLIC_KEY, &self.binary)
    }

    /// The mail addresses of all user ids.
    pub(super) fn identities(&self) -> Vec<Identity> {
        let users = self.certificates.iter();
        let users = users.flat_map(|certificate| &certificate.details.users);
        let mut identities: Vec<Identity> = Vec::new();
        for identity in users.filter_map(|user| user.id.as_str().and_then(of_user_id)) {
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
        identities
    }

    /// The fingerprints of the primary keys.
    pub(super) fn describe(&self) -> String {
        let keys = self.certificates.iter();
        let keys = keys.map(|certificate| fingerprint(&certificate.primary_key.fingerprint()));
        keys.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn begin<'a>(
        &'a self,
        signature: &'a Signature,
        at: Option<UnixSeconds>,
    ) -> Result<Check<'a>, PkiError> {
        let mut running = Vec::new();
        let mut refused = None;
        for packaged in &signature.packaged {
            let Some((certificate, component)) = self.component_of(packaged) else {
                continue;
            };
            let begun = check_times(packaged, certificate, component, at)
                .and_then(|()| Running::begin(packaged, component));
            match begun {
                Ok(begun) => running.push(begun),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        if running.is_empty() {
            return Err(refused.unwrap_or_else(|| PkiError::OtherKey {
                format: Format::Pgp,
                found: signature.issuers(),
                wanted: self.describe(),
            }));
        }
        Ok(Check { running })
    }

    /// The key that a signature says it is by.
    fn component_of(&self, packaged: &Packaged) -> Option<(&SignedPublicKey, Component<'_>)> {
        let fingerprints = packaged.issuer_fingerprint();
        let ids = packaged.issuer_key_id();
        let is_named = |key: &dyn pgp::types::KeyDetails| {
            if fingerprints.is_empty() {
                ids.contains(&&key.legacy_key_id())
            } else {
                fingerprints.contains(&&key.fingerprint())
            }
        };
        self.certificates.iter().find_map(|certificate| {
            let primary = &certificate.primary_key;
            if is_named(primary) {
                return Some((certificate, Component::Primary(primary)));
            }
            let mut subkeys = certificate.public_subkeys.iter();
            let subkey = subkeys.find(|subkey| is_named(&subkey.key))?;
            let component = Component::Subkey(&subkey.key, &subkey.signatures);
            Some((certificate, component))
        })
    }
}

/// The signatures of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// With its armor, if it had any.
    text: Vec<u8>,
    packaged: Vec<Packaged>,
}

impl Signature {
    pub(super) fn parse(bytes: &[u8]) -> Result<Signature, PkiError> {
        SIGNATURE.check_len(bytes, SIGNATURE_LEN_BYTES_MAX)?;
        let binary = dearmored(SIGNATURE, bytes, armor::SIGNATURE)?;
        let mut packaged = Vec::new();
        for packet in PacketParser::new(Cursor::new(&binary)) {
            let packet = packet.map_err(|error| SIGNATURE.malformed(error.to_string()))?;
            match packet {
                Packet::Signature(_) if packaged.len() == SIGNATURE_COUNT_MAX => {
                    return Err(SIGNATURE.too_many("signatures", SIGNATURE_COUNT_MAX));
                }
                Packet::Signature(signature) => packaged.push(signature),
                Packet::Marker(_) | Packet::Padding(_) => {}
                _ => return Err(SIGNATURE.malformed("a packet that is no signature")),
            }
        }
        if packaged.is_empty() {
            return Err(SIGNATURE.malformed("no signature in it"));
        }
        let text = if armor::is_armored(bytes) {
            bytes.to_vec()
        } else {
            armor::encode(armor::SIGNATURE, &binary)
        };
        Ok(Signature { text, packaged })
    }

    /// Armor as it was, for that is what Rekor keeps, or as it would be.
    pub(super) fn canonical(&self) -> Vec<u8> {
        self.text.clone()
    }

    /// The keys that the signatures say they are by.
    fn issuers(&self) -> String {
        let names = self.packaged.iter().map(|packaged| {
            let fingerprints = packaged.issuer_fingerprint();
            let ids = packaged.issuer_key_id();
            let fingerprint = fingerprints.first().map(|found| fingerprint(found));
            let id = || ids.first().map(|id| super::hex(id.as_ref()).to_uppercase());
            fingerprint.or_else(id).unwrap_or("unnamed".to_owned())
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Checks of those signatures that could hold, while the message passes by.
pub(super) struct Check<'a> {
    running: Vec<Running<'a>>,
}

impl Check<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        for running in &mut self.running {
            running.update(piece);
        }
    }

    /// One that holds is enough.
    pub(super) fn finish(self) -> Result<(), PkiError> {
        let mut refused = None;
        for running in self.running {
            match running.finish() {
                Ok(()) => return Ok(()),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| SIGNATURE.malformed("no signature in it")))
    }
}

struct Running<'a> {
    packaged: &'a Packaged,
    config: &'a SignatureConfig,
    component: Component<'a>,
    hasher: Box<dyn DynDigest + Send>,
    /// For text: whether the last byte was a carriage return.
    after_return: Option<bool>,
}

impl<'a> Running<'a> {
    fn begin(packaged: &'a Packaged, component: Component<'a>) -> Result<Self, PkiError> {
        let unknown = || SIGNATURE.unsupported("version", "that is not known", "3, 4 or 6");
        let config = packaged.config().ok_or_else(unknown)?;
        let after_return = match config.typ {
            SignatureType::Binary => None,
            SignatureType::Text => Some(false),
            other => {
                let found = format!("{other:?}");
                return Err(SIGNATURE.unsupported("type", found, "one of bytes or of text"));
            }
        };
        let strong = [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
            HashAlgorithm::Sha3_256,
            HashAlgorithm::Sha3_512,
        ];
        if !strong.contains(&config.hash_alg) {
            let found = config.hash_alg.to_string();
            return Err(SIGNATURE.unsupported("hash", found, "sha-256 or stronger"));
        }
        let hasher = config.hash_alg.new_hasher();
        let mut hasher = hasher.map_err(|error| SIGNATURE.malformed(error.to_string()))?;
        if let SignatureVersionSpecific::V6 { salt } = &config.version_specific {
            if config.hash_alg.salt_len() != Some(salt.len()) {
                return Err(SIGNATURE.malformed("a salt of another length"));
            }
            hasher.update(salt);
        }
        Ok(Running {
            packaged,
            config,
            component,
            hasher,
            after_return,
        })
    }

    fn update(&mut self, piece: &[u8]) {
        let Some(after_return) = &mut self.after_return else {
            return self.hasher.update(piece);
        };
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, end) = match line.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (line, false),
            };
            self.hasher.update(text);
            if let Some(last) = text.last() {
                *after_return = *last == b'\r';
            }
            if end {
                let end: &[u8] = if *after_return { b"\n" } else { b"\r\n" };
                self.hasher.update(end);
                *after_return = false;
            }
        }
    }

    fn finish(mut self) -> Result<(), PkiError> {
        let malformed = |error: pgp::errors::Error| SIGNATURE.malformed(error.to_string());
        let len = self.config.hash_signature_data(&mut self.hasher);
        let trailer = self.config.trailer(len.map_err(malformed)?);
        self.hasher.update(&trailer.map_err(malformed)?);
        let digest = self.hasher.finalize();
        let begins = self.packaged.signed_hash_value();
        let hash = self.config.hash_alg;
        let verified = match (self.component, self.packaged.signature()) {
            (Component::Primary(key), Some(bytes)) => key.verify(hash, &digest, bytes).is_ok(),
            (Component::Subkey(key, _), Some(bytes)) => key.verify(hash, &digest, bytes).is_ok(),
            _ => false,
        };
        if verified && begins.is_some_and(|begins| digest.starts_with(&begins)) {
            return Ok(());
        }
        let key = match self.component {
            Component::Primary(key) => key.fingerprint(),
            Component::Subkey(key, _) => key.fingerprint(),
        };
        Err(PkiError::Mismatch {
            format: Format::Pgp,
            check: "the message",
            key: fingerprint(&key),
        })
    }
}

/// The signature must have existed at the given time and not have expired, and its key must have
/// been valid then, and when the signature says it was made.
fn check_times(
    packaged: &Packaged,
    certificate: &SignedPublicKey,
    component: Component<'_>,
    at: Option<UnixSeconds>,
) -> Result<(), PkiError> {
    let created = packaged.created().map(Timestamp::as_secs);
    let created = created.ok_or_else(|| SIGNATURE.malformed("it does not say when it was made"))?;
    let created = UnixSeconds::new(u64::from(created));
    let lifetime = packaged.signature_expiration_time();
    let lifetime = lifetime.map_or(0, |lifetime| u64::from(lifetime.as_secs()));
    let mut times = vec![created];
    if let Some(at) = at {
        let not_valid = |reason: String| PkiError::NotValid {
            format: Format::Pgp,
            part: "signature".to_owned(),
            at,
            reason,
        };
        if created > at.plus_seconds(CLOCK_DIFFERENCE_SECONDS_MAX) {
            let reason = format!("it says it was made at {}", created.get());
            return Err(not_valid(reason));
        }
        let end = created.plus_seconds(lifetime);
        if lifetime != 0 && at >= end {
            return Err(not_valid(format!("it expired at {}", end.get())));
        }
        // A clock that is a little behind must not have the key be used before it was made.
        times.push(at.max(created));
    }
    validity::check(certificate, component, &times)
}

/// `Jane Doe (work) <jane@example.org>`, or the address alone.
fn of_user_id(text: &str) -> Option<Identity> {
    let inner = text
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    email(inner.map_or(text.trim(), |(address, _)| address))
}

fn dearmored(subject: Subject, bytes: &[u8], label: &str) -> Result<Vec<u8>, PkiError> {
    if !armor::is_armored(bytes) {
        return Ok(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| subject.malformed("it is not utf-8"))?;
    armor::decode(text, label).map_err(|reason| subject.malformed(reason))
}

fn fingerprint(fingerprint: &Fingerprint) -> String {
    format!("{fingerprint:X}")
}

#[cfg(test)]
mod tests;
