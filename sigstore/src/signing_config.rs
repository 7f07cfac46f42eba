//! `signing_config.v0.2.json`: where to sign. `ClientTrustConfig`: that and the trusted root in one
//! file, for clients that are not given a TUF repository.
//!
//! Spec: `sigstore_trustroot.proto`, as protobuf JSON. A client takes for each kind of service the
//! ones whose range of time covers now, at most one for each operator, the highest version that it
//! speaks. Clients differ in the rest, so what this instance writes avoids the differences: the
//! newest log first, the selector `ANY`, and no log before its start has come, because one client
//! picks the newest start without looking at the clock.
//!
//! Of the URLs only that of a timestamp authority is the whole endpoint; the others are bases.
//!
//! Invariant: what is written is parsed as an equal value; each range of a parsed value has a
//! start and each service a URL with a host.

use serde::Serialize;
use serde_json::Value;

use crate::proto_json::{self, FieldName};
use crate::time_range::TimeRange;
use crate::trust_json::{
    TrustFileError, check_media_type, check_url, list, parse_file, required, text, write_file,
};
use crate::trusted_root::TrustedRoot;
use crate::trusted_root::wire::Range;

/// The media type of a signing config.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// The media type of a client trust config.
pub const CLIENT_TRUST_CONFIG_MEDIA_TYPE: &str =
    "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// The services that a signer uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    /// Certificate authorities.
    pub ca_urls: Vec<Service>,
    /// Identity providers. Some clients look up their endpoints even when they have a token.
    pub oidc_urls: Vec<Service>,
    /// Logs, newest first.
    pub rekor_tlog_urls: Vec<Service>,
    /// Timestamp authorities, by their endpoints.
    pub tsa_urls: Vec<Service>,
    /// How many logs to use.
    pub rekor_tlog_config: Selector,
    /// How many timestamp authorities to use.
    pub tsa_config: Selector,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Where it is.
    pub url: String,
    /// Which API it speaks: 1 or 2 for a log, 1 for all others. Never 0.
    pub major_api_version: u32,
    /// When it may be used.
    pub valid_for: TimeRange,
    /// Who runs it; may be empty.
    pub operator: String,
}

/// How many of the services of a kind a signer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// All of them.
    All,
    /// One. The only one that every client knows.
    Any,
    /// So many, never 0.
    Exact(u32),
}

/// Everything that a client needs to sign and verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTrustConfig {
    /// Whom to trust.
    pub trusted_root: TrustedRoot,
    /// Where to sign.
    pub signing_config: SigningConfig,
}

impl SigningConfig {
    /// Reads a `signing_config.v0.2.json`.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] names the field.
    pub fn parse(json: &[u8]) -> Result<SigningConfig, TrustFileError> {
        SigningConfig::parse_value(&parse_file(json)?)
    }

    /// As [`SigningConfig::parse`], for a part of something larger that was parsed without
    /// duplicate keys.
    ///
    /// # Errors
    ///
    /// As [`SigningConfig::parse`].
    pub fn parse_value(value: &Value) -> Result<SigningConfig, TrustFileError> {
        let [media_type, ca, oidc, tlogs, tlog_config, tsas, tsa_config] =
            proto_json::fields(value, "signing config", &CONFIG_FIELDS)?;
        check_media_type(media_type, &[MEDIA_TYPE], MEDIA_TYPE)?;
        Ok(SigningConfig {
            ca_urls: list(ca, "caUrls", Service::parse_value)?,
            oidc_urls: list(oidc, "oidcUrls", Service::parse_value)?,
            rekor_tlog_urls: list(tlogs, "rekorTlogUrls", Service::parse_value)?,
            tsa_urls: list(tsas, "tsaUrls", Service::parse_value)?,
            rekor_tlog_config: Selector::parse_value(tlog_config, "rekorTlogConfig")?,
            tsa_config: Selector::parse_value(tsa_config, "tsaConfig")?,
        })
    }

    /// Writes the file, indented, with a final newline.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write_file(&ConfigJson::from(self))
    }
}

impl ClientTrustConfig {
    /// Reads a client trust config: both of its parts must be there.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] names the field.
    pub fn parse(json: &[u8]) -> Result<ClientTrustConfig, TrustFileError> {
        let value = parse_file(json)?;
        let [media_type, trusted_root, signing_config] =
            proto_json::fields(&value, "client trust config", &CLIENT_FIELDS)?;
        let wanted = CLIENT_TRUST_CONFIG_MEDIA_TYPE;
        check_media_type(media_type, &[wanted], wanted)?;
        let trusted_root = required(trusted_root, "trustedRoot")?;
        let signing_config = required(signing_config, "signingConfig")?;
        Ok(ClientTrustConfig {
            trusted_root: TrustedRoot::parse_value(trusted_root)?,
            signing_config: SigningConfig::parse_value(signing_config)?,
        })
    }

    /// Writes the file, indented, with a final newline.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write_file(&ClientJson {
            media_type: CLIENT_TRUST_CONFIG_MEDIA_TYPE,
            trusted_root: &self.trusted_root,
            signing_config: ConfigJson::from(&self.signing_config),
        })
    }
}

impl Service {
    fn parse_value(value: &Value, path: &str) -> Result<Service, TrustFileError> {
        let [url, version, valid_for, operator] = proto_json::fields(value, path, &SERVICE_FIELDS)?;
        let url_path = format!("{path}.url");
        let url = text(url, &url_path)?;
        check_url(&url, &url_path)?;
        Ok(Service {
            url,
            major_api_version: parse_positive(version, &format!("{path}.majorApiVersion"))?,
            valid_for: TimeRange::parse_value(valid_for, &format!("{path}.validFor"))?,
            operator: proto_json::string(operator, &format!("{path}.operator"))?,
        })
    }
}

impl Selector {
    fn parse_value(value: Option<&Value>, path: &str) -> Result<Selector, TrustFileError> {
        let [selector, count] =
            proto_json::fields(required(value, path)?, path, &[SELECTOR, COUNT])?;
        let selector_path = format!("{path}.selector");
        let number = proto_json::enumeration(selector, &selector_path, |name| {
            let at = SELECTOR_NAMES.iter().position(|known| *known == name)?;
            i32::try_from(at).ok()
        })?;
        match number {
            1 => Ok(Selector::All),
            2 => Ok(Selector::Any),
            3 => parse_positive(count, &format!("{path}.count")).map(Selector::Exact),
            other => Err(TrustFileError::Unsupported {
                path: selector_path,
                found: format!("selector {other}"),
                wanted: "ALL, ANY or EXACT".to_owned(),
            }),
        }
    }
}

/// The names of `ServiceSelector`, each at its number.
const SELECTOR_NAMES: [&str; 4] = ["SERVICE_SELECTOR_UNDEFINED", "ALL", "ANY", "EXACT"];

fn parse_positive(value: Option<&Value>, path: &str) -> Result<u32, TrustFileError> {
    let value = required(value, path)?;
    let Value::Number(number) = value else {
        return Err(proto_json::wrong_type(path, value, "a number").into());
    };
    let positive = number
        .as_u64()
        .and_then(|number| u32::try_from(number).ok());
    positive
        .filter(|number| *number > 0)
        .ok_or_else(|| TrustFileError::Number {
            path: path.to_owned(),
            found: number.to_string(),
            max: u32::MAX,
        })
}

const CONFIG_FIELDS: [FieldName; 7] = [
    FieldName::new("mediaType", "media_type"),
    FieldName::new("caUrls", "ca_urls"),
    FieldName::new("oidcUrls", "oidc_urls"),
    FieldName::new("rekorTlogUrls", "rekor_tlog_urls"),
    FieldName::new("rekorTlogConfig", "rekor_tlog_config"),
    FieldName::new("tsaUrls", "tsa_urls"),
    FieldName::new("tsaConfig", "tsa_config"),
];
const CLIENT_FIELDS: [FieldName; 3] = [
    FieldName::new("mediaType", "media_type"),
    FieldName::new("trustedRoot", "trusted_root"),
    FieldName::new("signingConfig", "signing_config"),
];
const SERVICE_FIELDS: [FieldName; 4] = [
    FieldName::new("url", "url"),
    FieldName::new("majorApiVersion", "major_api_version"),
    FieldName::new("validFor", "valid_for"),
    FieldName::new("operator", "operator"),
];
const SELECTOR: FieldName = FieldName::new("selector", "selector");
const COUNT: FieldName = FieldName::new("count", "count");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientJson<'a> {
    media_type: &'static str,
    #[serde(serialize_with = "TrustedRoot::serialize")]
    trusted_root: &'a TrustedRoot,
    signing_config: ConfigJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigJson<'a> {
    media_type: &'static str,
    ca_urls: Vec<ServiceJson<'a>>,
    oidc_urls: Vec<ServiceJson<'a>>,
    rekor_tlog_urls: Vec<ServiceJson<'a>>,
    tsa_urls: Vec<ServiceJson<'a>>,
    rekor_tlog_config: SelectorJson,
    tsa_config: SelectorJson,
}

impl<'a> From<&'a SigningConfig> for ConfigJson<'a> {
    fn from(config: &'a SigningConfig) -> Self {
        let services = |services: &'a [Service]| services.iter().map(ServiceJson::from).collect();
        ConfigJson {
            media_type: MEDIA_TYPE,
            ca_urls: services(&config.ca_urls),
            oidc_urls: services(&config.oidc_urls),
            rekor_tlog_urls: services(&config.rekor_tlog_urls),
            tsa_urls: services(&config.tsa_urls),
            rekor_tlog_config: SelectorJson::from(config.rekor_tlog_config),
            tsa_config: SelectorJson::from(config.tsa_config),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceJson<'a> {
    url: &'a str,
    major_api_version: u32,
    valid_for: Range,
    #[serde(skip_serializing_if = "str::is_empty")]
    operator: &'a str,
}

impl<'a> From<&'a Service> for ServiceJson<'a> {
    fn from(service: &'a Service) -> Self {
        ServiceJson {
            url: &service.url,
            major_api_version: service.major_api_version,
            valid_for: Range::from(&service.valid_for),
            operator: &service.operator,
        }
    }
}

#[derive(Serialize)]
struct SelectorJson {
    selector: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl From<Selector> for SelectorJson {
    fn from(selector: Selector) -> Self {
        let (selector, count) = match selector {
            Selector::All => ("ALL", None),
            Selector::Any => ("ANY", None),
            Selector::Exact(count) => ("EXACT", Some(count)),
        };
        SelectorJson { selector, count }
    }
}

#[cfg(test)]
mod tests;
