//! `trusted_root.json`: the keys and certificates that a verifier trusts, and from when to when.
//!
//! Instances stay in the file for ever, because what they signed stays in use; the range of time
//! says whether one is still active. Spec: `sigstore_trustroot.proto`, as protobuf JSON.
//!
//! Written with the first media type, `...trustedroot+json;version=0.1`: the definition asks for
//! the second, but sigstore-go and sigstore-python accept only the first. Both are read.
//!
//! Not here: deciding what belongs into a file (`ca`), and using one to verify.
//!
//! Invariant: a parsed value can be used by every known client: each range has a start, each log
//! an id of 32 bytes that no other log of its list has, and each chain a certificate. What
//! [`TrustedRoot::encode`] writes is parsed as an equal value.

use serde_json::Value;

use crate::proto_json::{self, FieldName};
use crate::time_range::TimeRange;
use crate::trust_json::{
    TrustFileError, bytes, check_media_type, check_url, list, parse_file, required, write_file,
};

pub use log_instance::{LogKeyDetails, TransparencyLogInstance};

mod log_instance;
pub(crate) mod wire;

/// The media type that is written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
const MEDIA_TYPE_V02: &str = "application/vnd.dev.sigstore.trustedroot.v0.2+json";

/// The trusted parties of a Sigstore instance, each list oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedRoot {
    /// The signature logs.
    pub tlogs: Vec<TransparencyLogInstance>,
    /// The authorities that certify signers.
    pub certificate_authorities: Vec<AuthorityInstance>,
    /// The certificate transparency logs.
    pub ctlogs: Vec<TransparencyLogInstance>,
    /// The authorities that sign timestamps.
    pub timestamp_authorities: Vec<AuthorityInstance>,
}

/// A certificate or timestamp authority: one chain. An authority with two intermediates is there
/// twice, with the same last certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityInstance {
    /// Its name, for people.
    pub subject: AuthoritySubject,
    /// Where it answers; may be empty. For a timestamp authority the whole endpoint.
    pub uri: String,
    /// DER certificates, the one that signs first, the trust anchor last. Of a timestamp
    /// authority the first is its leaf.
    pub cert_chain: Vec<Vec<u8>>,
    /// When it may sign.
    pub valid_for: TimeRange,
    /// Who runs it; may be empty.
    pub operator: String,
}

/// The part of a distinguished name that the format has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthoritySubject {
    /// Who.
    pub organization: String,
    /// What.
    pub common_name: String,
}

impl TrustedRoot {
    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] names the field.
    pub fn parse(json: &[u8]) -> Result<TrustedRoot, TrustFileError> {
        TrustedRoot::parse_value(&parse_file(json)?)
    }

    /// As [`TrustedRoot::parse`], for a part of something larger that was parsed without duplicate
    /// keys.
    ///
    /// # Errors
    ///
    /// As [`TrustedRoot::parse`].
    pub fn parse_value(value: &Value) -> Result<TrustedRoot, TrustFileError> {
        let [media_type, tlogs, authorities, ctlogs, tsas] =
            proto_json::fields(value, "trusted root", &ROOT_FIELDS)?;
        check_media_type(media_type, &[MEDIA_TYPE, MEDIA_TYPE_V02], MEDIA_TYPE)?;
        let trusted_root = TrustedRoot {
            tlogs: list(tlogs, "tlogs", TransparencyLogInstance::parse_value)?,
            certificate_authorities: list(
                authorities,
                "certificateAuthorities",
                AuthorityInstance::parse_value,
            )?,
            ctlogs: list(ctlogs, "ctlogs", TransparencyLogInstance::parse_value)?,
            timestamp_authorities: list(
                tsas,
                "timestampAuthorities",
                AuthorityInstance::parse_value,
            )?,
        };
        check_log_ids(&trusted_root.tlogs, "tlogs")?;
        check_log_ids(&trusted_root.ctlogs, "ctlogs")?;
        Ok(trusted_root)
    }

    /// Writes the file, indented, with a final newline.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write_file(&wire::TrustedRoot::from(self))
    }

    /// Checks what a file must have beyond what can be read, because some client trips over it:
    /// a scheme in each log's URL, a second certificate behind each timestamp authority's leaf,
    /// and everything that reading checks.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] names the field.
    pub fn check_publishable(&self) -> Result<(), TrustFileError> {
        if TrustedRoot::parse(&self.encode())? != *self {
            unreachable!("what is written is read as it was");
        }
        for (name, logs) in [("tlogs", &self.tlogs), ("ctlogs", &self.ctlogs)] {
            for (number, log) in logs.iter().enumerate() {
                check_url(&log.base_url, &format!("{name}[{number}].baseUrl"))?;
            }
        }
        for (number, authority) in self.timestamp_authorities.iter().enumerate() {
            if authority.cert_chain.len() < 2 {
                let path = format!("timestampAuthorities[{number}].certChain.certificates[1]");
                return Err(TrustFileError::Missing { path });
            }
        }
        Ok(())
    }

    pub(crate) fn serialize<S: serde::Serializer>(
        trusted_root: &TrustedRoot,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&wire::TrustedRoot::from(trusted_root), serializer)
    }
}

impl AuthorityInstance {
    fn parse_value(value: &Value, path: &str) -> Result<AuthorityInstance, TrustFileError> {
        let [subject, uri, chain, valid_for, operator] =
            proto_json::fields(value, path, &AUTHORITY_FIELDS)?;
        let subject = match subject {
            None => AuthoritySubject::default(),
            Some(subject) => AuthoritySubject::parse_value(subject, &format!("{path}.subject"))?,
        };
        let chain_path = format!("{path}.certChain");
        let [certificates] =
            proto_json::fields(required(chain, &chain_path)?, &chain_path, &[CERTIFICATES])?;
        let list_path = format!("{chain_path}.certificates");
        let cert_chain = list(certificates, &list_path, |certificate, path| {
            let [raw_bytes] = proto_json::fields(certificate, path, &[RAW_BYTES])?;
            bytes(raw_bytes, &format!("{path}.rawBytes"))
        })?;
        if cert_chain.is_empty() {
            return Err(TrustFileError::Missing { path: list_path });
        }
        Ok(AuthorityInstance {
            subject,
            uri: proto_json::string(uri, &format!("{path}.uri"))?,
            cert_chain,
            valid_for: TimeRange::parse_value(valid_for, &format!("{path}.validFor"))?,
            operator: proto_json::string(operator, &format!("{path}.operator"))?,
        })
    }
}

impl AuthoritySubject {
    fn parse_value(value: &Value, path: &str) -> Result<AuthoritySubject, TrustFileError> {
        let [organization, common_name] =
            proto_json::fields(value, path, &[ORGANIZATION, COMMON_NAME])?;
        Ok(AuthoritySubject {
            organization: proto_json::string(organization, &format!("{path}.organization"))?,
            common_name: proto_json::string(common_name, &format!("{path}.commonName"))?,
        })
    }
}

const ROOT_FIELDS: [FieldName; 5] = [
    FieldName::new("mediaType", "media_type"),
    FieldName::new("tlogs", "tlogs"),
    FieldName::new("certificateAuthorities", "certificate_authorities"),
    FieldName::new("ctlogs", "ctlogs"),
    FieldName::new("timestampAuthorities", "timestamp_authorities"),
];
const AUTHORITY_FIELDS: [FieldName; 5] = [
    FieldName::new("subject", "subject"),
    FieldName::new("uri", "uri"),
    FieldName::new("certChain", "cert_chain"),
    FieldName::new("validFor", "valid_for"),
    FieldName::new("operator", "operator"),
];
const CERTIFICATES: FieldName = FieldName::new("certificates", "certificates");
const RAW_BYTES: FieldName = FieldName::new("rawBytes", "raw_bytes");
const ORGANIZATION: FieldName = FieldName::new("organization", "organization");
const COMMON_NAME: FieldName = FieldName::new("commonName", "common_name");

/// sigstore-go keeps its logs in a map by id: of two with one id it would see the last.
fn check_log_ids(logs: &[TransparencyLogInstance], name: &str) -> Result<(), TrustFileError> {
    for (number, log) in logs.iter().enumerate() {
        let first = logs.iter().position(|other| other.log_id == log.log_id);
        if let Some(first) = first.filter(|first| *first != number) {
            return Err(TrustFileError::SameLogId {
                path: format!("{name}[{number}].logId"),
                other: format!("{name}[{first}]"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
