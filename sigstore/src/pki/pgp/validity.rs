//! Whether a key could sign at a time: what its owner said of it, by signatures of the key itself.
//!
//! The newest self-signature decides, whenever it was made: owners extend the life of their keys
//! afterwards, and keys are passed on with their newest self-signature alone. A revocation because
//! the key was replaced or retired counts from its time on; any other, from the beginning. What
//! others say of a key is not looked at. Self-signatures may be over SHA-1, whose collisions are
//! looked for: old keys have no others, and only the owner could have made one of a pair.
//!
//! Spec: RFC 9580 sections 5.2 and 10.1.

use pgp::composed::SignedPublicKey;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{KeyFlags, SignatureConfig, SubpacketData};
use pgp::packet::{PublicKey, PublicSubkey, RevocationCode, Signature, SignatureType};
use pgp::types::{Duration, KeyDetails, Tag, Timestamp};

use super::super::error::PkiError;
use super::{KEY, fingerprint};
use crate::pki::Format;
use crate::public_key::RSA_MODULUS_BITS_MIN;
use crate::time::UnixSeconds;

/// The most self-signatures of one key that are checked: keys with more are signed anew every week.
const SELF_SIGNATURE_COUNT_MAX: usize = 64;

/// One key of a certificate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Component<'a> {
    Primary(&'a PublicKey),
    Subkey(&'a PublicSubkey, &'a [Signature]),
}

/// Checks that this key of the certificate could sign at each of these times.
pub(super) fn check(
    certificate: &SignedPublicKey,
    component: Component<'_>,
    times: &[UnixSeconds],
) -> Result<(), PkiError> {
    let primary = &certificate.primary_key;
    check_algorithm(primary)?;
    let subject = Life::of("key", primary);
    let revocations = limited(&certificate.details.revocation_signatures);
    for revocation in revocations.filter(|revocation| is_by(revocation, primary)) {
        if is_strong(revocation) && revocation.verify_key(primary).is_ok() {
            subject.check_revocation(revocation, times)?;
        }
    }
    let newest = newest_self_signature(certificate);
    let newest = newest.ok_or_else(|| KEY.malformed("it has no self-signature that holds"))?;
    subject.check_expiry(newest.key_expiration_time(), times)?;
    match component {
        Component::Primary(_) => check_may_sign(newest, false),
        Component::Subkey(subkey, signatures) => check_subkey(primary, subkey, signatures, times),
    }
}

fn check_subkey(
    primary: &PublicKey,
    subkey: &PublicSubkey,
    signatures: &[Signature],
    times: &[UnixSeconds],
) -> Result<(), PkiError> {
    check_algorithm(subkey)?;
    let subject = Life::of("subkey", subkey);
    let mut newest: Option<&Signature> = None;
    for signature in limited(signatures) {
        if !is_strong(signature) || signature.verify_subkey_binding(primary, subkey).is_err() {
            continue;
        }
        match signature.typ() {
            Some(SignatureType::SubkeyRevocation) => subject.check_revocation(signature, times)?,
            _ if newest.is_none_or(|newest| newest.created() <= signature.created()) => {
                newest = Some(signature);
            }
            _ => {}
        }
    }
    let binding = newest.ok_or_else(|| KEY.malformed("a subkey is not bound to its key"))?;
    subject.check_expiry(binding.key_expiration_time(), times)?;
    check_may_sign(binding, true)?;
    // Without the subkey's own word anybody could take it for theirs.
    let back = binding.embedded_signature();
    let back = back
        .filter(|back| is_strong(back) && back.verify_primary_key_binding(subkey, primary).is_ok());
    back.map(|_| ())
        .ok_or_else(|| KEY.malformed("a signing subkey has not signed its key"))
}

/// When a key was made, and what to call it.
struct Life {
    part: String,
    created: Timestamp,
}

impl Life {
    fn of(what: &str, key: &impl KeyDetails) -> Life {
        let part = format!("{what} {}", fingerprint(&key.fingerprint()));
        let created = key.created_at();
        Life { part, created }
    }

    fn check_expiry(
        &self,
        lifetime: Option<Duration>,
        times: &[UnixSeconds],
    ) -> Result<(), PkiError> {
        let created = u64::from(self.created.as_secs());
        let lifetime = lifetime.map_or(0, |lifetime| u64::from(lifetime.as_secs()));
        for at in times {
            if at.get() < created {
                return Err(self.not_valid(*at, format!("it was made at {created}")));
            }
            if lifetime != 0 && at.get() >= created + lifetime {
                let expired = created + lifetime;
                return Err(self.not_valid(*at, format!("it expired at {expired}")));
            }
        }
        Ok(())
    }

    fn check_revocation(
        &self,
        revocation: &Signature,
        times: &[UnixSeconds],
    ) -> Result<(), PkiError> {
        let since = revocation.created().map_or(0, Timestamp::as_secs);
        let is_soft = matches!(
            revocation.revocation_reason_code(),
            Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
        );
        let revoked = times
            .iter()
            .find(|at| !is_soft || at.get() >= u64::from(since));
        let revoked = revoked.copied();
        revoked.map_or(Ok(()), |at| {
            Err(self.not_valid(at, format!("it was revoked at {since}")))
        })
    }

    fn not_valid(&self, at: UnixSeconds, reason: String) -> PkiError {
        PkiError::NotValid {
            format: Format::Pgp,
            part: self.part.clone(),
            at,
            reason,
        }
    }
}

/// Of what the key says of itself, directly or about its user ids.
fn newest_self_signature(certificate: &SignedPublicKey) -> Option<&Signature> {
    let primary = &certificate.primary_key;
    let direct = limited(&certificate.details.direct_signatures);
    let direct = direct.filter(|signature| {
        is_by(signature, primary) && is_strong(signature) && signature.verify_key(primary).is_ok()
    });
    let users = certificate.details.users.iter();
    let of_users = users.flat_map(|user| user.signatures.iter().map(move |s| (user, s)));
    let of_users = of_users
        .filter(|(_, signature)| {
            signature.typ() != Some(SignatureType::CertRevocation) && is_by(signature, primary)
        })
        .take(SELF_SIGNATURE_COUNT_MAX)
        .filter(|(user, signature)| {
            let verified = signature.verify_certification(primary, Tag::UserId, &user.id);
            is_strong(signature) && verified.is_ok()
        });
    let all = direct.chain(of_users.map(|(_, signature)| signature));
    all.max_by_key(|signature| signature.created())
}

fn limited(signatures: &[Signature]) -> impl Iterator<Item = &Signature> {
    signatures.iter().take(SELF_SIGNATURE_COUNT_MAX)
}

fn is_by(signature: &Signature, key: &PublicKey) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    let ids = signature.issuer_key_id();
    fingerprints.contains(&&key.fingerprint()) || ids.contains(&&key.legacy_key_id())
}

fn is_strong(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha1
                | HashAlgorithm::Sha224
                | HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

/// Whether the owner meant the key for signing; old keys do not say.
fn check_may_sign(statement: &Signature, must_say: bool) -> Result<(), PkiError> {
    let config = statement.config();
    let mut subpackets = config
        .into_iter()
        .flat_map(SignatureConfig::hashed_subpackets);
    let flags = subpackets.find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags),
        _ => None,
    });
    if flags.map_or(!must_say, KeyFlags::sign) {
        return Ok(());
    }
    Err(KEY.unsupported("another use", "than signing", "one that signs"))
}

fn check_algorithm(key: &(impl KeyDetails + pgp::ser::Serialize)) -> Result<(), PkiError> {
    let algorithm = key.algorithm();
    match algorithm {
        PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign => {
            let bits = rsa_modulus_bits(key).unwrap_or(0);
            if u32::from(bits) < RSA_MODULUS_BITS_MIN {
                let found = format!("of {bits} bits");
                return Err(KEY.unsupported("an rsa modulus", found, "2048 bits or more"));
            }
            Ok(())
        }
        PublicKeyAlgorithm::ECDSA
        | PublicKeyAlgorithm::EdDSALegacy
        | PublicKeyAlgorithm::Ed25519 => Ok(()),
        other => {
            let found = format!("{other:?}");
            Err(KEY.unsupported("algorithm", found, "rsa, ecdsa or ed25519"))
        }
    }
}

/// From the packet (RFC 9580 section 5.5.2): version, time, algorithm, in version 6 a length, and
/// then the modulus, which begins with its length in bits.
fn rsa_modulus_bits(key: &(impl KeyDetails + pgp::ser::Serialize)) -> Option<u16> {
    let bytes = key.to_bytes().ok()?;
    let at = if bytes.first()? == &6 { 10 } else { 6 };
    let bits = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bits))
}
