//! Making an authority's certificates, once for a new instance and again when its key is replaced.

use sigstore::timestamp_token::{AuthorityCertificate, AuthorityName, GenTime};
use sigstore::{PublicKey, UnixSeconds};

use super::{AuthorityError, random_serial_number, token_signature};
use crate::signer::{Signer, SignerError};

/// Who the certificates are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityNames {
    /// The root, which issues authorities' certificates and nothing else.
    pub root: AuthorityName,
    /// The authority.
    pub authority: AuthorityName,
}

impl AuthorityNames {
    /// The usual names within an organization.
    #[must_use]
    pub fn of_organization(organization: &str) -> AuthorityNames {
        let name = |common_name: &str| AuthorityName {
            organization: organization.to_owned(),
            common_name: common_name.to_owned(),
        };
        AuthorityNames {
            root: name("timestamp root"),
            authority: name("timestamp authority"),
        }
    }
}

/// A certificate of the root for itself, as DER.
///
/// # Errors
///
/// [`AuthorityError`]: a key that is not ECDSA, or the signer failed.
pub fn issue_root(
    root: &dyn Signer,
    names: &AuthorityNames,
    not_before: UnixSeconds,
    not_after: UnixSeconds,
) -> Result<Vec<u8>, AuthorityError> {
    let key = public_key(root)?;
    issue(
        root,
        &AuthorityCertificate {
            serial_number: random_serial_number().map_err(|_| AuthorityError::Random)?,
            subject: &names.root,
            key: &key,
            issuer: None,
            not_before: time(not_before)?,
            not_after: time(not_after)?,
        },
    )
}

/// A certificate of the root for an authority's key, as DER.
///
/// # Errors
///
/// [`AuthorityError`]: a key that is not ECDSA, or the signer failed.
pub fn issue_authority(
    root: &dyn Signer,
    authority: &dyn Signer,
    names: &AuthorityNames,
    not_before: UnixSeconds,
    not_after: UnixSeconds,
) -> Result<Vec<u8>, AuthorityError> {
    token_signature(authority.algorithm())?;
    let (root_key, key) = (public_key(root)?, public_key(authority)?);
    issue(
        root,
        &AuthorityCertificate {
            serial_number: random_serial_number().map_err(|_| AuthorityError::Random)?,
            subject: &names.authority,
            key: &key,
            issuer: Some((&names.root, &root_key)),
            not_before: time(not_before)?,
            not_after: time(not_after)?,
        },
    )
}

fn issue(
    root: &dyn Signer,
    certificate: &AuthorityCertificate<'_>,
) -> Result<Vec<u8>, AuthorityError> {
    let algorithm = token_signature(root.algorithm())?;
    let signed = certificate.signed_bytes(algorithm);
    let signature = root.sign(&signed)?;
    Ok(AuthorityCertificate::finish(&signed, algorithm, &signature))
}

fn public_key(signer: &dyn Signer) -> Result<PublicKey, SignerError> {
    PublicKey::from_spki_der(signer.public_key()).map_err(|error| SignerError::Rejected {
        reason: error.to_string(),
    })
}

fn time(seconds: UnixSeconds) -> Result<GenTime, AuthorityError> {
    GenTime::from_seconds(seconds).ok_or(AuthorityError::Validity)
}
