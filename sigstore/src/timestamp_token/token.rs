//! Reading a token: CMS `SignedData` (RFC 5652 section 5) around a [`TstInfo`].
//!
//! Everything is read, nothing is believed: the checks are in `verify`.

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::error::TokenFormatError;
use super::{RESPONSE_LEN_BYTES_MAX, TstInfo, oids};
use crate::der_reader::{Elements, MalformedDer, context, set_elements};
use crate::key_details::HashAlgorithm;

/// A token that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampToken {
    der: Vec<u8>,
    tst_info_der: Vec<u8>,
    tst_info: TstInfo,
    certificates: Vec<Vec<u8>>,
    signer: SignerInfo,
}

/// `SignerInfo`, RFC 5652 section 5.3, of the one signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignerInfo {
    /// `IssuerAndSerialNumber`, whole.
    pub(super) issuer_and_serial: Vec<u8>,
    pub(super) digest_algorithm: ObjectIdentifier,
    pub(super) signature_algorithm: ObjectIdentifier,
    pub(super) signature: Vec<u8>,
    /// The signed attributes under the tag that they are signed with, that of a SET.
    pub(super) signed_attributes_der: Vec<u8>,
    pub(super) message_digest: Vec<u8>,
    pub(super) signing_certificate: SigningCertificate,
}

/// Which certificate the signer says is its own: the hash of a certificate, and perhaps its issuer
/// and serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SigningCertificate {
    /// None is SHA-1, which RFC 3161 had before RFC 5816.
    pub(super) hash: Option<HashAlgorithm>,
    pub(super) certificate_hash: Vec<u8>,
    /// The content of `IssuerSerial`: `GeneralNames` and the number.
    pub(super) issuer_serial: Option<Vec<u8>>,
}

/// More than any authority sends.
const CERTIFICATE_COUNT_MAX: usize = 12;
const ATTRIBUTE_COUNT_MAX: usize = 16;
const DIGEST_ALGORITHM_COUNT_MAX: usize = 4;

impl TimestampToken {
    /// Reads a token, which is a CMS `ContentInfo`.
    ///
    /// # Errors
    ///
    /// [`TokenFormatError`]: too long, not DER (a SET OF out of order is not), another content
    /// type or version, more or less than one signer, attributes that are missing or there twice,
    /// or a [`TstInfo`] that is refused.
    pub fn parse_der(der: &[u8]) -> Result<TimestampToken, TokenFormatError> {
        let (found, max) = (der.len(), RESPONSE_LEN_BYTES_MAX);
        if found > max {
            return Err(TokenFormatError::TooLong { found, max });
        }
        let mut content_info = Elements::of_sequence("content info", der)?;
        check_type("content type", content_info.oid()?, oids::SIGNED_DATA)?;
        let signed_data = content_info.take(context(0))?;
        content_info.finish()?;
        let mut elements = Elements::of_sequence("signed data", signed_data)?;
        check_version("signed data", elements.small_integer()?, 3)?;
        let digest_algorithms = elements.take(Tag::Set)?;
        let digest_algorithms = digest_algorithm_oids(digest_algorithms)?;
        let content = elements.sequence("encapsulated content")?;
        let tst_info_der = encapsulated(content)?;
        let certificates = match elements.take_if(context(0))? {
            Some(content) => set_elements("certificates", content, CERTIFICATE_COUNT_MAX)?,
            None => Vec::new(),
        };
        // Revocation lists: nothing here would rely on them.
        elements.take_if(context(1))?;
        let signers = elements.take(Tag::Set)?;
        elements.finish()?;
        let signers = set_elements("signer infos", signers, SIGNER_COUNT_READ_MAX)?;
        let [signer] = signers.as_slice() else {
            let found = signers.len();
            return Err(TokenFormatError::SignerCount { found });
        };
        let signer = SignerInfo::parse(signer)?;
        if !digest_algorithms.contains(&signer.digest_algorithm) {
            return Err(TokenFormatError::DigestAlgorithm {
                found: signer.digest_algorithm.to_string(),
            });
        }
        Ok(TimestampToken {
            der: der.to_vec(),
            tst_info: TstInfo::parse_der(tst_info_der)?,
            tst_info_der: tst_info_der.to_vec(),
            certificates: certificates.into_iter().map(<[u8]>::to_vec).collect(),
            signer,
        })
    }

    /// The token as it was read.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the token says. Not to be believed before [`super::TimestampChain::verify`].
    #[must_use]
    pub fn unverified(&self) -> &TstInfo {
        &self.tst_info
    }

    /// The certificates that came along.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }

    pub(super) fn tst_info_der(&self) -> &[u8] {
        &self.tst_info_der
    }

    pub(super) fn signer(&self) -> &SignerInfo {
        &self.signer
    }
}

/// One more than is accepted, so that the error can say how many there are.
const SIGNER_COUNT_READ_MAX: usize = 2;

fn digest_algorithm_oids(content: &[u8]) -> Result<Vec<ObjectIdentifier>, MalformedDer> {
    let what = "digest algorithms";
    let elements = set_elements(what, content, DIGEST_ALGORITHM_COUNT_MAX)?;
    let oids = elements
        .into_iter()
        .map(|element| algorithm(Elements::of_sequence(what, element)?));
    oids.collect()
}

fn check_type(
    what: &'static str,
    found: ObjectIdentifier,
    wanted: ObjectIdentifier,
) -> Result<(), TokenFormatError> {
    if found == wanted {
        return Ok(());
    }
    let (found, wanted) = (found.to_string(), wanted.to_string());
    Err(TokenFormatError::ContentType {
        what,
        found,
        wanted,
    })
}

fn check_version(what: &'static str, found: u8, wanted: u8) -> Result<(), TokenFormatError> {
    if found == wanted {
        return Ok(());
    }
    Err(TokenFormatError::Version { what, found })
}

/// `EncapsulatedContentInfo`: the content is there, for a detached timestamp says nothing.
fn encapsulated(mut elements: Elements<'_>) -> Result<&[u8], TokenFormatError> {
    check_type("encapsulated content type", elements.oid()?, oids::TST_INFO)?;
    let explicit = elements.take(context(0))?;
    elements.finish()?;
    let mut explicit = Elements::of("encapsulated content", explicit)?;
    let content = explicit.take(Tag::OctetString)?;
    explicit.finish()?;
    Ok(content)
}

impl SignerInfo {
    fn parse(der: &[u8]) -> Result<SignerInfo, TokenFormatError> {
        let mut elements = Elements::of_sequence("signer info", der)?;
        check_version("signer info", elements.small_integer()?, 1)?;
        let issuer_and_serial = elements.take_whole(Tag::Sequence)?.to_vec();
        let digest_algorithm = algorithm(elements.sequence("signer's digest algorithm")?)?;
        let attributes = elements.take(context(0))?;
        let signature_algorithm = algorithm(elements.sequence("signature algorithm")?)?;
        let signature = elements.take(Tag::OctetString)?.to_vec();
        // Unsigned attributes: anybody could have added them.
        elements.take_if(context(1))?;
        elements.finish()?;
        let (message_digest, signing_certificate) = signed_attributes(attributes)?;
        Ok(SignerInfo {
            issuer_and_serial,
            digest_algorithm,
            signature_algorithm,
            signature,
            signed_attributes_der: super::writer::element(super::writer::SET, &[attributes]),
            message_digest,
            signing_certificate,
        })
    }
}

/// An `AlgorithmIdentifier` whose parameters are absent or NULL.
fn algorithm(mut elements: Elements<'_>) -> Result<ObjectIdentifier, MalformedDer> {
    let oid = elements.oid()?;
    elements.take_if(Tag::Null)?;
    elements.finish()?;
    Ok(oid)
}

/// The attributes that count; others are signed, too, but say nothing that is asked for here.
fn signed_attributes(content: &[u8]) -> Result<(Vec<u8>, SigningCertificate), TokenFormatError> {
    let mut content_type = None;
    let mut message_digest = None;
    let mut signing_certificate = None;
    let mut signing_certificate_v2 = None;
    for attribute in set_elements("signed attributes", content, ATTRIBUTE_COUNT_MAX)? {
        let mut elements = Elements::of_sequence("signed attribute", attribute)?;
        let oid = elements.oid()?;
        let values = elements.take(Tag::Set)?;
        elements.finish()?;
        let mut value = Elements::of("value of a signed attribute", values)?;
        match oid {
            oids::CONTENT_TYPE => once("content-type", &mut content_type, value.oid()?)?,
            oids::MESSAGE_DIGEST => {
                let digest = value.take(Tag::OctetString)?.to_vec();
                once("message-digest", &mut message_digest, digest)?;
            }
            oids::SIGNING_CERTIFICATE_V2 => {
                let parsed = SigningCertificate::parse_v2(value.take(Tag::Sequence)?)?;
                once(
                    "signing-certificate-v2",
                    &mut signing_certificate_v2,
                    parsed,
                )?;
            }
            oids::SIGNING_CERTIFICATE => {
                let parsed = SigningCertificate::parse_v1(value.take(Tag::Sequence)?)?;
                once("signing-certificate", &mut signing_certificate, parsed)?;
            }
            _ => continue,
        }
        value.finish()?;
    }
    let missing = |name| TokenFormatError::NoAttribute { name };
    let content_type = content_type.ok_or(missing("content-type"))?;
    check_type("signed content type", content_type, oids::TST_INFO)?;
    Ok((
        message_digest.ok_or(missing("message-digest"))?,
        // Of both, the one with the better hash.
        signing_certificate_v2
            .or(signing_certificate)
            .ok_or(missing("signing-certificate"))?,
    ))
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Result<(), TokenFormatError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TokenFormatError::AttributeTwice { name }),
    }
}

impl SigningCertificate {
    /// `SigningCertificateV2`, RFC 5035 section 3: of its list of certificates, the first.
    fn parse_v2(content: &[u8]) -> Result<SigningCertificate, TokenFormatError> {
        let mut first = first_certificate_id(content)?;
        let hash = match first.take_if(Tag::Sequence)? {
            None => HashAlgorithm::Sha256,
            Some(content) => {
                let oid = algorithm(Elements::of("hash of signing-certificate-v2", content)?)?;
                let known = oids::hash_of(oid);
                known.ok_or_else(|| first.error(format!("the hash {oid} is not known")))?
            }
        };
        SigningCertificate::finish(first, Some(hash))
    }

    /// `SigningCertificate`, RFC 2634 section 5.4, which is the same with SHA-1.
    fn parse_v1(content: &[u8]) -> Result<SigningCertificate, TokenFormatError> {
        SigningCertificate::finish(first_certificate_id(content)?, None)
    }

    fn finish(
        mut first: Elements<'_>,
        hash: Option<HashAlgorithm>,
    ) -> Result<SigningCertificate, TokenFormatError> {
        let certificate_hash = first.take(Tag::OctetString)?.to_vec();
        let issuer_serial = first.take_if(Tag::Sequence)?.map(<[u8]>::to_vec);
        first.finish()?;
        Ok(SigningCertificate {
            hash,
            certificate_hash,
            issuer_serial,
        })
    }
}

/// The rest of the list is about the chain above, and the list's policies are nobody's concern.
fn first_certificate_id(content: &[u8]) -> Result<Elements<'_>, MalformedDer> {
    let mut list = Elements::of("signing-certificate", content)?.sequence("signing-certificate")?;
    list.sequence("certificate id of signing-certificate")
}
