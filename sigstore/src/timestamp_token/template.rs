//! Building tokens: everything around a [`TstInfo`], in the one shape that every reader takes.
//!
//! Most of a token is the same each time, so it is made once: names, certificate, attributes.

use der::{Decode as _, Encode as _};
use x509_cert::Certificate;

use super::verify::{DIRECTORY_NAME, signer_names};
use super::{ChainError, TstInfo, oids, writer};
use crate::key_details::HashAlgorithm;
use crate::named_signature;

/// How tokens are signed. ECDSA only: not every client of Sigstore checks RSA in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSignature {
    /// `ecdsa-with-SHA256`.
    EcdsaSha256,
    /// `ecdsa-with-SHA384`.
    EcdsaSha384,
    /// `ecdsa-with-SHA512`.
    EcdsaSha512,
}

impl TokenSignature {
    /// The hash under the signature.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            TokenSignature::EcdsaSha256 => HashAlgorithm::Sha256,
            TokenSignature::EcdsaSha384 => HashAlgorithm::Sha384,
            TokenSignature::EcdsaSha512 => HashAlgorithm::Sha512,
        }
    }

    /// Its `AlgorithmIdentifier`.
    pub(super) fn algorithm_der(self) -> Vec<u8> {
        writer::algorithm(match self {
            TokenSignature::EcdsaSha256 => &oids::ECDSA_WITH_SHA256,
            TokenSignature::EcdsaSha384 => &oids::ECDSA_WITH_SHA384,
            TokenSignature::EcdsaSha512 => &oids::ECDSA_WITH_SHA512,
        })
    }
}

/// What is the same in every token of an authority.
#[derive(Clone, Debug)]
pub struct TokenTemplate {
    certificate: Vec<u8>,
    tsa_name: Vec<u8>,
    issuer_and_serial: Vec<u8>,
    hash: HashAlgorithm,
    hash_algorithm: Vec<u8>,
    signature_algorithm: Vec<u8>,
    content_type_attribute: Vec<u8>,
    signing_certificate_attribute: Vec<u8>,
}

/// A token that lacks its signature.
#[derive(Clone, Debug)]
pub struct UnsignedToken<'a> {
    template: &'a TokenTemplate,
    tst_info_der: Vec<u8>,
    /// The signed attributes as they are signed, a SET OF.
    attributes: Vec<u8>,
    with_certificate: bool,
}

impl TokenTemplate {
    /// The template of an authority with this certificate, whose key makes such signatures.
    ///
    /// # Errors
    ///
    /// [`ChainError::Malformed`] if that is not a certificate.
    pub fn new(
        certificate_der: &[u8],
        signature: TokenSignature,
    ) -> Result<TokenTemplate, ChainError> {
        let malformed = |error: der::Error| ChainError::Malformed {
            place: 0,
            reason: error.to_string(),
        };
        let certificate = Certificate::from_der(certificate_der).map_err(malformed)?;
        let subject = certificate.tbs_certificate().subject();
        let subject = subject.to_der().map_err(malformed)?;
        let (issuer_and_serial, issuer_serial) = signer_names(&certificate).map_err(malformed)?;
        let certificate_hash = named_signature::digest(HashAlgorithm::Sha256, certificate_der);
        // SHA-256 is this structure's default and so it is not named in DER.
        let certificate_id = writer::sequence(&[
            &writer::element(writer::OCTET_STRING, &[certificate_hash.as_ref()]),
            &writer::element(writer::SEQUENCE, &[&issuer_serial]),
        ]);
        let signing_certificate = writer::sequence(&[&writer::sequence(&[&certificate_id])]);
        Ok(TokenTemplate {
            certificate: certificate_der.to_vec(),
            tsa_name: writer::element(DIRECTORY_NAME, &[&subject]),
            issuer_and_serial,
            hash: signature.hash(),
            hash_algorithm: writer::algorithm(&oids::of_hash(signature.hash())),
            signature_algorithm: signature.algorithm_der(),
            content_type_attribute: attribute(&oids::CONTENT_TYPE, &writer::oid(&oids::TST_INFO)),
            signing_certificate_attribute: attribute(
                &oids::SIGNING_CERTIFICATE_V2,
                &signing_certificate,
            ),
        })
    }

    /// The authority's name for [`TstInfo::tsa_name`]: its certificate's subject.
    #[must_use]
    pub fn tsa_name(&self) -> &[u8] {
        &self.tsa_name
    }

    /// Begins a token that says this.
    #[must_use]
    pub fn prepare(&self, tst_info: &TstInfo, with_certificate: bool) -> UnsignedToken<'_> {
        let tst_info_der = tst_info.to_der();
        let digest = named_signature::digest(self.hash, &tst_info_der);
        let digest = writer::element(writer::OCTET_STRING, &[digest.as_ref()]);
        let signing_time = tst_info.gen_time.to_signing_time_der();
        let attributes = writer::set_of(vec![
            self.content_type_attribute.clone(),
            attribute(&oids::SIGNING_TIME, &signing_time),
            attribute(&oids::MESSAGE_DIGEST, &digest),
            self.signing_certificate_attribute.clone(),
        ]);
        UnsignedToken {
            template: self,
            tst_info_der,
            attributes,
            with_certificate,
        }
    }
}

impl UnsignedToken<'_> {
    /// The bytes to sign.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.attributes
    }

    /// The token, a CMS `ContentInfo`, with the signature over [`UnsignedToken::signed_bytes`].
    #[must_use]
    pub fn finish(self, signature: &[u8]) -> Vec<u8> {
        let template = self.template;
        // In the token the attributes have the tag [0] in place of the SET's.
        let mut attributes = self.attributes;
        if let Some(tag) = attributes.first_mut() {
            *tag = writer::CONTEXT_CONSTRUCTED;
        }
        let signer_info = writer::sequence(&[
            &writer::small_integer(1),
            &template.issuer_and_serial,
            &template.hash_algorithm,
            &attributes,
            &template.signature_algorithm,
            &writer::element(writer::OCTET_STRING, &[signature]),
        ]);
        let content = writer::element(writer::OCTET_STRING, &[&self.tst_info_der]);
        let encapsulated = writer::sequence(&[
            &writer::oid(&oids::TST_INFO),
            &writer::element(writer::CONTEXT_CONSTRUCTED, &[&content]),
        ]);
        let certificates = self
            .with_certificate
            .then(|| writer::element(writer::CONTEXT_CONSTRUCTED, &[&template.certificate]));
        let signed_data = writer::sequence(&[
            &writer::small_integer(3),
            &writer::element(writer::SET, &[&template.hash_algorithm]),
            &encapsulated,
            certificates.as_deref().unwrap_or_default(),
            &writer::element(writer::SET, &[&signer_info]),
        ]);
        writer::sequence(&[
            &writer::oid(&oids::SIGNED_DATA),
            &writer::element(writer::CONTEXT_CONSTRUCTED, &[&signed_data]),
        ])
    }
}

fn attribute(oid: &der::asn1::ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    writer::sequence(&[&writer::oid(oid), &writer::element(writer::SET, &[value])])
}
