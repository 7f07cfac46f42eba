//! What public keys and bare signatures say, of any tool.

use sigstore::PublicKey;
use sigstore::pki::{Format, Key, Signature};

use super::{Facts, InspectError, sha256};

/// A public key in a format of its own.
pub(super) fn key(bytes: &[u8]) -> Result<Facts, InspectError> {
    let key = Key::parse(bytes);
    let key = key.map_err(|error| InspectError::malformed("public key", error))?;
    let identities = key.identities();
    let facts = Facts::new("public key")
        .say("format", key.format())
        .say_if("algorithm", key.public_key().map(PublicKey::kind))
        .say_if(
            "key sha256",
            key.public_key().map(|key| sha256(key.spki_der())),
        )
        .say("index key", key.index_key())
        .list(
            "belongs to",
            identities.iter().map(ToString::to_string).collect(),
        );
    Ok(match key.certificate() {
        Some(der) => facts.with("certificate", super::certificate::within(der)),
        None => facts,
    })
}

/// A `SubjectPublicKeyInfo`.
pub(super) fn spki(der: &[u8]) -> Result<Facts, InspectError> {
    let key = PublicKey::from_spki_der(der);
    let key = key.map_err(|error| InspectError::malformed("public key", error))?;
    let facts = Facts::new("public key").say("format", "SubjectPublicKeyInfo");
    Ok(facts
        .say("algorithm", key.kind())
        .say("key sha256", sha256(key.spki_der())))
}

/// One within something else, whether it can be read or not.
pub(super) fn spki_within(der: &[u8]) -> Facts {
    spki(der).unwrap_or_else(|_| {
        Facts::new("public key that can't be read").say("key sha256", sha256(der))
    })
}

/// Whether it is a signature of CMS, with whatever that carries.
pub(super) fn is_pkcs7(bytes: &[u8]) -> bool {
    Signature::parse(bytes).is_ok_and(|signature| signature.format() == Format::Pkcs7)
}

/// A signature by itself.
pub(super) fn signature(bytes: &[u8]) -> Result<Facts, InspectError> {
    let signature = Signature::parse(bytes);
    let signature = signature.map_err(|error| InspectError::malformed("signature", error))?;
    let canonical = signature.canonical();
    Ok(Facts::new("signature")
        .say("format", signature.format())
        .say_if("namespace", signature.namespace())
        .say_if("trusted comment", signature.trusted_comment())
        .say("length", format_args!("{} bytes", canonical.len()))
        .say("sha256", sha256(&canonical)))
}
