//! Making the certificates of an authority, once, when it is set up.

use der::Decode as _;
use sigstore::cert::profile::{assemble, key_id};
use sigstore::cert::{
    AuthorityProfile, CertificateError, CertificateView, DistinguishedName, ProfileError, Purpose,
    Role, SerialNumber, Validity, oids,
};
use sigstore::{PublicKey, PublicKeyError};
use thiserror::Error;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use crate::signer::{Signer, SignerError};

/// What is to be said of a key in a new certificate.
#[derive(Clone, Debug)]
pub struct NewCertificate<'a> {
    /// Whose it is.
    pub name: &'a DistinguishedName,
    /// When it is valid.
    pub validity: Validity,
    /// Its number, see [`random_serial_number`].
    pub serial: SerialNumber,
}

impl NewCertificate<'_> {
    /// A root: signed by its own key.
    ///
    /// # Errors
    ///
    /// [`MakeError`]: the validity cannot be written, or signing failed.
    pub fn root(&self, signer: &dyn Signer) -> Result<Vec<u8>, MakeError> {
        let name = self.name.to_der();
        let key = PublicKey::from_spki_der(signer.public_key())?;
        self.sign(signer, &name, &key, Role::Root)
    }

    /// An intermediate authority for one purpose, with no other below it.
    ///
    /// # Errors
    ///
    /// [`MakeError`]: as for a root, or it would outlive its issuer.
    pub fn intermediate(
        &self,
        issuer: &Issuer<'_>,
        key: &PublicKey,
        purpose: Purpose,
    ) -> Result<Vec<u8>, MakeError> {
        self.issued(issuer, key, |issuer_key_id| Role::Intermediate {
            purpose,
            issuer_key_id,
        })
    }

    /// The certificate that a timestamp authority signs with.
    ///
    /// # Errors
    ///
    /// [`MakeError`]: as for a root, or it would outlive its issuer.
    pub fn timestamp_signer(
        &self,
        issuer: &Issuer<'_>,
        key: &PublicKey,
    ) -> Result<Vec<u8>, MakeError> {
        self.issued(issuer, key, |issuer_key_id| Role::TimestampSigner {
            issuer_key_id,
        })
    }

    fn issued(
        &self,
        issuer: &Issuer<'_>,
        key: &PublicKey,
        role: impl FnOnce(&[u8]) -> Role<'_>,
    ) -> Result<Vec<u8>, MakeError> {
        let above = &issuer.view;
        let within = self.validity.not_before >= above.not_before()
            && self.validity.not_after <= above.not_after();
        if !within {
            return Err(MakeError::Outlives);
        }
        self.sign(issuer.signer, above.subject(), key, role(&issuer.key_id))
    }

    fn sign(
        &self,
        signer: &dyn Signer,
        issuer_name: &[u8],
        public_key: &PublicKey,
        role: Role<'_>,
    ) -> Result<Vec<u8>, MakeError> {
        let profile = AuthorityProfile {
            role,
            serial: self.serial,
            signature_algorithm: signer.algorithm(),
            issuer_name,
            subject_name: &self.name.to_der(),
            validity: self.validity,
            public_key,
        };
        let tbs = profile.to_tbs()?;
        Ok(assemble(&tbs, signer.algorithm(), &signer.sign(&tbs)?))
    }
}

/// Who signs a new certificate: a certificate, and its key.
#[derive(Debug)]
pub struct Issuer<'a> {
    view: CertificateView<'a>,
    key_id: Vec<u8>,
    signer: &'a dyn Signer,
}

impl<'a> Issuer<'a> {
    /// A certificate with its key.
    ///
    /// # Errors
    ///
    /// [`MakeError`]: no certificate, or one of another key.
    pub fn new(certificate: &'a [u8], signer: &'a dyn Signer) -> Result<Self, MakeError> {
        let view = CertificateView::parse(certificate)?;
        let key = view.public_key()?;
        if key.spki_der() != signer.public_key() {
            return Err(MakeError::OtherKey);
        }
        // An authority made elsewhere may name its key in another way; it is repeated as it is.
        let named = view
            .extension(oids::SUBJECT_KEY_IDENTIFIER)
            .and_then(|extension| SubjectKeyIdentifier::from_der(extension.value).ok());
        let key_id = named.map_or_else(|| key_id(&key).to_vec(), |id| id.0.as_bytes().to_vec());
        Ok(Self {
            view,
            key_id,
            signer,
        })
    }
}

/// Why a certificate could not be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MakeError {
    /// It cannot be written.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// It cannot be signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The issuer's certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
    /// The issuer's certificate is of another key than the one that would sign.
    #[error("the issuer's certificate is not for the key that would sign")]
    OtherKey,
    /// It would be valid when its issuer is not.
    #[error("the certificate would be valid when its issuer's is not")]
    Outlives,
}

/// A serial number that never repeats: 159 random bits.
///
/// # Errors
///
/// [`SignerError::Generate`]: the system has no randomness.
pub fn random_serial_number() -> Result<SerialNumber, SignerError> {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SignerError::Generate)?;
    Ok(SerialNumber::from_random(bytes))
}
