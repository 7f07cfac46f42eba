//! Where the log is: `http://HOST[:PORT][/BASE]`.

use http::Uri;
use thiserror::Error;

/// A server, and the path below which a log has its routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    port: u16,
    /// Without a slash at the end.
    base: String,
}

/// Why a URL is not a target.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum TargetError {
    #[error("not a URL")]
    Url,
    #[error("the scheme is {found:?}, wanted http: measure a server without its TLS")]
    Scheme { found: String },
    #[error("the URL has a query, wanted only scheme, host and path")]
    Query,
}

impl Target {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Self, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::Url)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(TargetError::Url);
        };
        if scheme != "http" {
            let found = scheme.to_owned();
            return Err(TargetError::Scheme { found });
        }
        if uri.query().is_some() {
            return Err(TargetError::Query);
        }
        Ok(Self {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(80),
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Host and port, to connect to. An IPv6 address loses its brackets.
    pub(super) fn address(&self) -> (&str, u16) {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        (host, self.port)
    }

    /// What the `Host` header says.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The path of a resource of the log; `resource` begins without a slash.
    pub(super) fn path(&self, resource: &str) -> String {
        format!("{}/{resource}", self.base)
    }

    /// The URL, as it was meant.
    pub(super) fn url(&self) -> String {
        format!("http://{}:{}{}", self.host, self.port, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_lie_below_the_base() {
        let target = Target::parse("http://localhost:3000/logs/log/").unwrap();
        assert_eq!(target.path("add"), "/logs/log/add");
        assert_eq!(target.authority(), "localhost:3000");
        assert_eq!(target.url(), "http://localhost:3000/logs/log");
        let target = Target::parse("http://[::1]").unwrap();
        assert_eq!(target.path("checkpoint"), "/checkpoint");
        assert_eq!(target.address(), ("::1", 80));
    }

    #[test]
    fn other_urls_are_refused() {
        let found = "https".to_owned();
        let scheme = TargetError::Scheme { found };
        assert_eq!(Target::parse("https://log.example.org"), Err(scheme));
        assert_eq!(Target::parse("localhost:3000"), Err(TargetError::Url));
        assert_eq!(Target::parse("http://a/?x"), Err(TargetError::Query));
    }
}
