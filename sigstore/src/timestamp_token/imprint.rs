//! What is timestamped: the digest of something, and by which hash.

use der::Tag;

use super::error::RequestError;
use super::oids;
use super::writer;
use crate::der_reader::Elements;
use crate::key_details::HashAlgorithm;

/// `MessageImprint`, RFC 3161 section 2.4.1: a digest of the length of its hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageImprint {
    hash: HashAlgorithm,
    digest: Vec<u8>,
    /// Whether the hash has parameters: NULL or none at all. Both are in use, and a client may
    /// compare the bytes that come back with what it sent.
    null_parameters: bool,
}

impl MessageImprint {
    /// A digest that was made with this hash, written without parameters.
    ///
    /// # Errors
    ///
    /// [`RequestError::DigestLen`] if the digest has another length than the hash.
    pub fn new(hash: HashAlgorithm, digest: &[u8]) -> Result<MessageImprint, RequestError> {
        let (found, wanted) = (digest.len(), hash.digest_len_bytes());
        if found != wanted {
            return Err(RequestError::DigestLen {
                hash,
                found,
                wanted,
            });
        }
        Ok(MessageImprint {
            hash,
            digest: digest.to_vec(),
            null_parameters: false,
        })
    }

    /// The hash.
    #[must_use]
    pub const fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Whether this is the digest of `message`. Cost: linear in it.
    #[must_use]
    pub fn is_of(&self, message: &[u8]) -> bool {
        crate::named_signature::digest(self.hash, message).as_ref() == self.digest
    }

    pub(super) fn parse(mut elements: Elements<'_>) -> Result<MessageImprint, RequestError> {
        let mut algorithm = elements.sequence("hash algorithm")?;
        let oid = algorithm.oid()?;
        let null_parameters = match algorithm.take_if(Tag::Null)? {
            None => false,
            Some([]) => true,
            Some(_) => return Err(algorithm.error("a NULL with content".to_owned()).into()),
        };
        algorithm.finish()?;
        let digest = elements.take(Tag::OctetString)?;
        elements.finish()?;
        let hash = match oid {
            oids::MD_5 => return Err(RequestError::WeakHash { name: "md5" }),
            oids::SHA_1 => return Err(RequestError::WeakHash { name: "sha1" }),
            other => oids::hash_of(other).ok_or_else(|| RequestError::UnknownHash {
                found: other.to_string(),
            })?,
        };
        let imprint = MessageImprint::new(hash, digest)?;
        Ok(MessageImprint {
            null_parameters,
            ..imprint
        })
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        let null = writer::element(writer::NULL, &[]);
        let parameters: &[u8] = if self.null_parameters { &null } else { &[] };
        let oid = writer::oid(&oids::of_hash(self.hash));
        let algorithm = writer::sequence(&[&oid, parameters]);
        let digest = writer::element(writer::OCTET_STRING, &[&self.digest]);
        writer::sequence(&[&algorithm, &digest])
    }
}
