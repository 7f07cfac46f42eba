//! The parts of `SignedData` (RFC 5652 section 5), read and written again without its content.

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::cert::oids;
use crate::der_reader::{Elements, MalformedDer, context, context_primitive};
use crate::der_writer::{sequence, tlv};
use crate::key_details::HashAlgorithm;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const SUBJECT_KEY_ID: ObjectIdentifier = oids::SUBJECT_KEY_IDENTIFIER;
/// A mail address in a distinguished name (RFC 2985 section 5.2.1).
pub(super) const EMAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// The most certificates, attributes or signers: far more than anybody sends.
const COUNT_MAX: usize = 64;

/// Signed data.
#[derive(Clone, Debug)]
pub(super) struct SignedData {
    /// Version and digest algorithms, as they were.
    head: Vec<u8>,
    content_type: ObjectIdentifier,
    /// Certificates, revocation lists and signers, as they were.
    tail: Vec<u8>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) signers: Vec<Signer>,
}

/// One of those who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signer {
    id: SignerId,
    pub(super) hash: HashAlgorithm,
    pub(super) scheme: Scheme,
    pub(super) attributes: Option<Attributes>,
    pub(super) signature: Vec<u8>,
}

/// What was signed in place of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    /// The bytes, under the tag they are signed with.
    pub(super) signed: Vec<u8>,
    pub(super) message_digest: Vec<u8>,
}

/// How the signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Rsa,
    Ecdsa,
    Ed25519,
}

/// How a signer names its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SignerId {
    /// The elements of `IssuerAndSerialNumber`.
    IssuerAndSerial(Vec<u8>),
    KeyId(Vec<u8>),
}

impl SignedData {
    pub(super) fn parse(der: &[u8]) -> Result<SignedData, MalformedDer> {
        let mut content_info = Elements::of_sequence("content info", der)?;
        check_oid(&mut content_info, SIGNED_DATA)?;
        let explicit = content_info.take(context(0))?;
        content_info.finish()?;
        let mut elements = Elements::of_sequence("signed data", explicit)?;
        let mut head = elements.take_whole(Tag::Integer)?.to_vec();
        head.extend(elements.take_whole(Tag::Set)?);
        let mut content = elements.sequence("encapsulated content")?;
        let content_type = content.oid()?;
        // What was signed may be here too. It is not looked at: the message comes from elsewhere.
        content.take_if(context(0))?;
        content.finish()?;
        let mut tail = Vec::new();
        let mut certificates = Vec::new();
        if let Some(set) = elements.take_if(context(0))? {
            tail.extend(tlv(CONTEXT_0, set));
            certificates = each("certificates", set)?;
        }
        if let Some(set) = elements.take_if(context(1))? {
            tail.extend(tlv(CONTEXT_1, set));
        }
        let set = elements.take(Tag::Set)?;
        tail.extend(tlv(SET, set));
        elements.finish()?;
        let signers = each("signers", set)?.into_iter();
        let signers = signers.map(|signer| Signer::parse(&signer, content_type));
        Ok(SignedData {
            head,
            content_type,
            tail,
            certificates,
            signers: signers.collect::<Result<_, _>>()?,
        })
    }

    /// The same without the content.
    pub(super) fn detached(&self) -> Vec<u8> {
        let content = sequence(&[tlv(OID, self.content_type.as_bytes())]);
        let data = sequence(&[&self.head, &content, &self.tail]);
        sequence(&[tlv(OID, SIGNED_DATA.as_bytes()), tlv(CONTEXT_0, &data)])
    }

    /// The certificate that a signer names, if it is here.
    pub(super) fn certificate_of(&self, signer: &Signer) -> Option<&Vec<u8>> {
        let is_named = |der: &&Vec<u8>| named_by(der, &signer.id).unwrap_or(false);
        self.certificates.iter().find(is_named)
    }
}

impl Signer {
    fn parse(der: &[u8], content_type: ObjectIdentifier) -> Result<Signer, MalformedDer> {
        let mut elements = Elements::of_sequence("signer", der)?;
        let version = elements.small_integer()?;
        let (id, wanted) = match elements.take_if(context_primitive(0))? {
            Some(key_id) => (SignerId::KeyId(key_id.to_vec()), 3),
            None => (
                SignerId::IssuerAndSerial(elements.take(Tag::Sequence)?.to_vec()),
                1,
            ),
        };
        if version != wanted {
            return Err(elements.error(format!("version {version}, wanted {wanted}")));
        }
        let hash = algorithm(elements.sequence("digest algorithm")?)?;
        let hash = hash_of(hash).ok_or_else(|| {
            elements.error(format!("hash {hash}, wanted sha-256, sha-384 or sha-512"))
        })?;
        let attributes = match elements.take_if(context(0))? {
            Some(content) => Some(Attributes::parse(content, content_type)?),
            None => None,
        };
        let oid = algorithm(elements.sequence("signature algorithm")?)?;
        let (scheme, named) = scheme_of(oid)
            .ok_or_else(|| elements.error(format!("signature algorithm {oid} is not supported")))?;
        if named.is_some_and(|named| named != hash) {
            return Err(elements.error(format!("{oid} over {hash}, which it is not over")));
        }
        let signature = elements.take(Tag::OctetString)?.to_vec();
        // Unsigned attributes: anybody could have added them.
        elements.take_if(context(1))?;
        elements.finish()?;
        Ok(Signer {
            id,
            hash,
            scheme,
            attributes,
            signature,
        })
    }
}

impl Attributes {
    /// Reads those that count; others are signed, too, but say nothing that is asked for here.
    fn parse(content: &[u8], content_type: ObjectIdentifier) -> Result<Attributes, MalformedDer> {
        let what = "signed attributes";
        let mut found_type = None;
        let mut found_digest = None;
        let end = Elements::of(what, &[])?;
        for attribute in each(what, content)? {
            let mut elements = Elements::of_sequence("signed attribute", &attribute)?;
            let oid = elements.oid()?;
            let mut value = Elements::of("value of a signed attribute", elements.take(Tag::Set)?)?;
            elements.finish()?;
            let twice = match oid {
                CONTENT_TYPE => found_type.replace(value.oid()?).is_some(),
                MESSAGE_DIGEST => {
                    let digest = value.take(Tag::OctetString)?.to_vec();
                    found_digest.replace(digest).is_some()
                }
                _ => continue,
            };
            value.finish()?;
            if twice {
                return Err(end.error(format!("{oid} twice")));
            }
        }
        if found_type != Some(content_type) {
            return Err(end.error(format!("they do not say that {content_type} was signed")));
        }
        let message_digest = found_digest.ok_or_else(|| end.error("no digest".to_owned()))?;
        let signed = tlv(SET, content);
        Ok(Attributes {
            signed,
            message_digest,
        })
    }
}

fn named_by(certificate: &[u8], id: &SignerId) -> Result<bool, MalformedDer> {
    let mut outer = Elements::of_sequence("certificate", certificate)?;
    let mut tbs = outer.sequence("to-be-signed part")?;
    tbs.take_if(context(0))?;
    let serial = tbs.take_whole(Tag::Integer)?;
    tbs.take(Tag::Sequence)?;
    let issuer = tbs.take_whole(Tag::Sequence)?;
    let key_id = match id {
        SignerId::IssuerAndSerial(wanted) => return Ok([issuer, serial].concat() == *wanted),
        SignerId::KeyId(key_id) => key_id,
    };
    // Validity, subject and key.
    for _ in 0..3 {
        tbs.take(Tag::Sequence)?;
    }
    let Some(extensions) = tbs.take_if(context(3))? else {
        return Ok(false);
    };
    let mut extensions = Elements::of_sequence("extensions", extensions)?;
    while !extensions.is_empty() {
        let mut extension = extensions.sequence("extension")?;
        let oid = extension.oid()?;
        extension.take_if(Tag::Boolean)?;
        let value = extension.take(Tag::OctetString)?;
        if oid == SUBJECT_KEY_ID {
            let mut value = Elements::of("subject key identifier", value)?;
            return Ok(value.take(Tag::OctetString)? == key_id.as_slice());
        }
    }
    Ok(false)
}

/// The elements of a SET OF. Those who write them forget to sort them.
fn each(what: &'static str, content: &[u8]) -> Result<Vec<Vec<u8>>, MalformedDer> {
    let mut elements = Elements::of(what, content)?;
    let mut taken = Vec::new();
    while !elements.is_empty() {
        if taken.len() == COUNT_MAX {
            return Err(elements.error(format!("more than {COUNT_MAX}")));
        }
        taken.push(elements.take_any()?.to_vec());
    }
    Ok(taken)
}

fn check_oid(elements: &mut Elements<'_>, wanted: ObjectIdentifier) -> Result<(), MalformedDer> {
    let found = elements.oid()?;
    if found == wanted {
        return Ok(());
    }
    Err(elements.error(format!("content type {found}, wanted {wanted}")))
}

/// An `AlgorithmIdentifier` whose parameters are absent or NULL.
fn algorithm(mut elements: Elements<'_>) -> Result<ObjectIdentifier, MalformedDer> {
    let oid = elements.oid()?;
    elements.take_if(Tag::Null)?;
    elements.finish()?;
    Ok(oid)
}

fn hash_of(oid: ObjectIdentifier) -> Option<HashAlgorithm> {
    match oid {
        SHA_256 => Some(HashAlgorithm::Sha256),
        SHA_384 => Some(HashAlgorithm::Sha384),
        SHA_512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

/// How a signature is made, and over which hash if the algorithm says it.
fn scheme_of(oid: ObjectIdentifier) -> Option<(Scheme, Option<HashAlgorithm>)> {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    Some(match oid {
        oids::RSA_ENCRYPTION => (Scheme::Rsa, None),
        oids::RSA_WITH_SHA256 => (Scheme::Rsa, Some(Sha256)),
        oids::RSA_WITH_SHA384 => (Scheme::Rsa, Some(Sha384)),
        oids::RSA_WITH_SHA512 => (Scheme::Rsa, Some(Sha512)),
        oids::ECDSA_WITH_SHA256 => (Scheme::Ecdsa, Some(Sha256)),
        oids::ECDSA_WITH_SHA384 => (Scheme::Ecdsa, Some(Sha384)),
        oids::ECDSA_WITH_SHA512 => (Scheme::Ecdsa, Some(Sha512)),
        oids::ED25519 => (Scheme::Ed25519, None),
        _ => return None,
    })
}

const OID: u8 = crate::der_writer::tag::OID;
const SET: u8 = crate::der_writer::tag::SET;
/// `[0]` and `[1]` around other elements.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
