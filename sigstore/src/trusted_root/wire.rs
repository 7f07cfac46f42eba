//! The JSON shape of a trusted root, for writing: fields in the order of the protobuf definition,
//! empty ones left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{AuthorityInstance, MEDIA_TYPE, TransparencyLogInstance};
use crate::time_range::TimeRange;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrustedRoot<'a> {
    media_type: &'static str,
    tlogs: Vec<Instance<'a>>,
    certificate_authorities: Vec<Authority<'a>>,
    ctlogs: Vec<Instance<'a>>,
    timestamp_authorities: Vec<Authority<'a>>,
}

impl<'a> From<&'a super::TrustedRoot> for TrustedRoot<'a> {
    fn from(root: &'a super::TrustedRoot) -> Self {
        let authority = Authority::from;
        TrustedRoot {
            media_type: MEDIA_TYPE,
            tlogs: root.tlogs.iter().map(Instance::from).collect(),
            certificate_authorities: root.certificate_authorities.iter().map(authority).collect(),
            ctlogs: root.ctlogs.iter().map(Instance::from).collect(),
            timestamp_authorities: root.timestamp_authorities.iter().map(authority).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Instance<'a> {
    base_url: &'a str,
    hash_algorithm: &'static str,
    public_key: PublicKey,
    log_id: LogId,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_key_id: Option<LogId>,
    #[serde(skip_serializing_if = "str::is_empty")]
    operator: &'a str,
}

impl<'a> From<&'a TransparencyLogInstance> for Instance<'a> {
    fn from(log: &'a TransparencyLogInstance) -> Self {
        let id = |id: &[u8]| LogId {
            key_id: STANDARD.encode(id),
        };
        Instance {
            base_url: &log.base_url,
            hash_algorithm: "SHA2_256",
            public_key: PublicKey {
                raw_bytes: STANDARD.encode(&log.public_key),
                key_details: log.key_details.name(),
                valid_for: Range::from(&log.valid_for),
            },
            log_id: id(&log.log_id),
            checkpoint_key_id: log.checkpoint_key_id.as_deref().map(id),
            operator: &log.operator,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    raw_bytes: String,
    key_details: &'static str,
    valid_for: Range,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authority<'a> {
    subject: Subject<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    uri: &'a str,
    cert_chain: Chain,
    valid_for: Range,
    #[serde(skip_serializing_if = "str::is_empty")]
    operator: &'a str,
}

impl<'a> From<&'a AuthorityInstance> for Authority<'a> {
    fn from(authority: &'a AuthorityInstance) -> Self {
        let certificates = authority.cert_chain.iter().map(|der| Certificate {
            raw_bytes: STANDARD.encode(der),
        });
        Authority {
            subject: Subject {
                organization: &authority.subject.organization,
                common_name: &authority.subject.common_name,
            },
            uri: &authority.uri,
            cert_chain: Chain {
                certificates: certificates.collect(),
            },
            valid_for: Range::from(&authority.valid_for),
            operator: &authority.operator,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subject<'a> {
    organization: &'a str,
    common_name: &'a str,
}

#[derive(Serialize)]
struct Chain {
    certificates: Vec<Certificate>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    raw_bytes: String,
}

/// A range of time, here and in signing configs.
#[derive(Serialize)]
pub(crate) struct Range {
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

impl From<&TimeRange> for Range {
    fn from(range: &TimeRange) -> Self {
        Range {
            start: range.start.to_string(),
            end: range.end.map(|end| end.to_string()),
        }
    }
}
