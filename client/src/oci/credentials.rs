//! Who the user is to a registry: what `docker login` has kept in `config.json`.
//!
//! Only what is in the file is read. Programs that keep passwords elsewhere (`credsStore` and
//! `credHelpers`) are not started: a registry that is known to one of them alone is asked as
//! somebody unknown.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::config;
use crate::failure::Failure;
use crate::files;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// `NAME:PASSWORD` in base64.
    basic: Zeroizing<String>,
}

/// The longest file: some hundred registries.
const CONFIG_LEN_BYTES_MAX: usize = 1024 * 1024;

/// The name under which Docker's clients keep Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

impl Credentials {
    /// What is known of the user at this registry.
    pub(super) fn find(registry: &str) -> Result<Option<Credentials>, Failure> {
        let Some(home) = config::docker_home() else {
            return Ok(None);
        };
        let path = home.join("config.json");
        match files::read_if_there(&path, CONFIG_LEN_BYTES_MAX)?.map(Zeroizing::new) {
            None => Ok(None),
            Some(json) => Credentials::parse(&path, &json, registry),
        }
    }

    fn parse(path: &Path, json: &[u8], registry: &str) -> Result<Option<Credentials>, Failure> {
        let config: serde_json::Value = serde_json::from_slice(json)
            .map_err(|error| Failure::file(path, "is not JSON").found(error))?;
        let keys = match registry {
            "docker.io" => vec![DOCKER_HUB_KEY.to_owned(), registry.to_owned()],
            _ => vec![registry.to_owned(), format!("https://{registry}")],
        };
        let known = |key: &String| config.get("auths")?.get(key)?.get("auth")?.as_str();
        let Some(basic) = keys.iter().find_map(known).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let decoded = STANDARD.decode(basic).map(Zeroizing::new).ok();
        if decoded.is_none_or(|decoded| !decoded.contains(&b':')) {
            let what = format!("has something for {registry} that is no name and password");
            return Err(Failure::file(path, what).fix("docker login, or podman login, again"));
        }
        Ok(Some(Credentials {
            basic: Zeroizing::new(basic.to_owned()),
        }))
    }

    /// The value of the header `Authorization`.
    pub(super) fn authorization(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Basic {}", *self.basic))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str, registry: &str) -> Result<Option<Credentials>, Failure> {
        Credentials::parse(Path::new("config.json"), json.as_bytes(), registry)
    }

    #[test]
    fn a_registry_is_told_only_what_is_kept_for_it() {
        let json = r#"{"auths":{
            "a.example":{"auth":"YTpi"},
            "https://b.example":{"auth":"YTpj"},
            "https://index.docker.io/v1/":{"auth":"YTpk"},
            "c.example":{}
        },"credsStore":"desktop"}"#;
        let known = |registry| {
            let credentials = parse(json, registry).unwrap()?;
            Some(credentials.authorization().to_string())
        };
        assert_eq!(known("a.example").as_deref(), Some("Basic YTpi"));
        assert_eq!(known("b.example").as_deref(), Some("Basic YTpj"));
        assert_eq!(known("docker.io").as_deref(), Some("Basic YTpk"));
        assert_eq!(known("c.example"), None);
        assert_eq!(known("a.example:5000"), None);
        assert_eq!(parse("{}", "a.example"), Ok(None));
        let shown = format!("{:?}", parse(json, "a.example"));
        assert!(!shown.contains("YTpi"), "{shown}");
    }

    #[test]
    fn what_is_no_password_is_said() {
        for json in [
            r#"{"auths":{"a.example":{"auth":"!"}}}"#,
            r#"{"auths":{"a.example":{"auth":"YQ=="}}}"#,
            "[",
        ] {
            assert!(parse(json, "a.example").is_err(), "{json}");
        }
    }
}
