//! The names of images: `REGISTRY/REPOSITORY:TAG`, `REGISTRY/REPOSITORY@sha256:HEX`, or both.
//!
//! The registry has to be in the name: which one is meant by a name without one depends on who
//! reads it, and a signature is looked for where the name says.
//!
//! Invariant: a name that was read is made of characters that mean nothing in URLs, and is written
//! again as it was read.
//!
//! Spec: OCI distribution specification 1.1, "Pulling manifests"; for registries, what Docker's
//! clients take.

use std::fmt;

use thiserror::Error;

use super::ImageDigest;
use crate::canonical_json::excerpt;

/// The name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<ImageDigest>,
}

/// Which manifest of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Digest(ImageDigest),
    /// Whatever the registry says that this tag is now.
    Tag(String),
}

/// Registries take no longer names.
const REPOSITORY_LEN_BYTES_MAX: usize = 255;
/// As the specification has it.
const TAG_LEN_BYTES_MAX: usize = 128;
/// The longest name of a host, and a port.
const REGISTRY_LEN_BYTES_MAX: usize = 253 + 6;

impl ImageReference {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] says which part of the name is not what it should be.
    pub fn parse(text: &str) -> Result<ImageReference, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            None => (text, None),
            Some((name, digest)) => {
                let found = || excerpt(digest);
                let parsed = ImageDigest::parse(digest);
                let parsed = parsed.ok_or_else(|| ReferenceError::Digest { found: found() })?;
                (name, Some(parsed))
            }
        };
        let (registry, path) = name
            .split_once('/')
            .filter(|(registry, _)| is_registry(registry))
            .ok_or_else(|| ReferenceError::Registry {
                found: excerpt(name),
            })?;
        let (repository, tag) = match path.split_once(':') {
            None => (path, None),
            Some((repository, tag)) => (repository, Some(tag)),
        };
        if !is_repository(repository) {
            let found = excerpt(repository);
            return Err(ReferenceError::Repository { found });
        }
        if let Some(found) = tag.filter(|tag| !is_tag(tag)).map(excerpt) {
            return Err(ReferenceError::Tag { found });
        }
        Ok(ImageReference {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }

    /// The host of the registry, and perhaps its port.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in that registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which image of the repository. A digest comes before a tag, and no tag is `latest`.
    #[must_use]
    pub fn target(&self) -> Target {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Target::Digest(*digest),
            (None, Some(tag)) => Target::Tag(tag.clone()),
            (None, None) => Target::Tag("latest".to_owned()),
        }
    }

    /// The image with this digest in the same repository.
    #[must_use]
    pub fn with_digest(&self, digest: ImageDigest) -> ImageReference {
        ImageReference {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether it is a host and perhaps a port, and can't be the first part of a repository.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':').filter(|_| !text.ends_with(']')) {
        None => (text, None),
        Some((host, port)) => (host, Some(port)),
    };
    if port.is_some_and(|port| port.starts_with('0') || port.parse::<u16>().is_err()) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= REGISTRY_LEN_BYTES_MAX
        && host.split('.').all(is_label)
        && (host.contains('.') || port.is_some() || host == "localhost")
}

/// Words of lower-case letters and digits, joined by one of `.`, `_`, `__` or any number of `-`.
fn is_repository(text: &str) -> bool {
    let is_word_byte = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_joint =
        |joint: &str| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|c| c == b'-');
    let is_component = |component: &str| {
        let (first, last) = (component.bytes().next(), component.bytes().last());
        first.is_some_and(is_word_byte)
            && last.is_some_and(is_word_byte)
            && component
                .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                .all(is_joint)
    };
    text.len() <= REPOSITORY_LEN_BYTES_MAX && text.split('/').all(is_component)
}

fn is_tag(text: &str) -> bool {
    let is_inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
    !text.is_empty()
        && text.len() <= TAG_LEN_BYTES_MAX
        && !text.starts_with(['.', '-'])
        && text.bytes().all(is_inner)
}

/// Why a text is not the name of an image.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It does not begin with a registry.
    #[error(
        "found {found}, wanted the registry first, as in registry.example/app: Docker Hub's images \
         are docker.io/library/NAME or docker.io/USER/NAME"
    )]
    Registry {
        /// The name, quoted.
        found: String,
    },
    /// The repository has other characters.
    #[error(
        "repository {found}: wanted words of lower-case letters and digits, joined by . _ - or /"
    )]
    Repository {
        /// The repository, quoted.
        found: String,
    },
    /// The tag has other characters.
    #[error("tag {found}: wanted at most {TAG_LEN_BYTES_MAX} letters, digits, . _ and -")]
    Tag {
        /// The tag, quoted.
        found: String,
    },
    /// The digest is of another algorithm, or is none.
    #[error("digest {found}: wanted sha256: and 64 lower-case hex digits")]
    Digest {
        /// The digest, quoted.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn a_name_is_written_as_it_was_read() {
        for (text, registry, repository) in [
            ("registry.example/app", "registry.example", "app"),
            ("localhost/a/b__c/d--e", "localhost", "a/b__c/d--e"),
            ("localhost:5000/app:v1.2", "localhost:5000", "app"),
            ("[::1]:5000/app", "[::1]:5000", "app"),
            ("[::1]/app", "[::1]", "app"),
            ("docker.io/library/x:1_-.", "docker.io", "library/x"),
            (&format!("h:1/app:v1@{DIGEST}"), "h:1", "app"),
        ] {
            let parsed = ImageReference::parse(text).unwrap();
            assert_eq!(parsed.registry(), registry);
            assert_eq!(parsed.repository(), repository);
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn a_digest_comes_before_a_tag() {
        let target = |text: &str| ImageReference::parse(text).unwrap().target();
        let digest = ImageDigest::new([0; 32]);
        assert_eq!(target("a.b/c"), Target::Tag("latest".to_owned()));
        assert_eq!(target("a.b/c:d"), Target::Tag("d".to_owned()));
        assert_eq!(target(&format!("a.b/c:d@{DIGEST}")), Target::Digest(digest));
        let named = ImageReference::parse("a.b/c:d").unwrap();
        assert_eq!(
            named.with_digest(digest).to_string(),
            format!("a.b/c@{DIGEST}")
        );
    }

    #[test]
    fn what_is_no_name_is_refused_by_its_part() {
        for (text, wanted) in [
            ("app", "wanted the registry"),
            ("library/app", "wanted the registry"),
            ("a.b", "wanted the registry"),
            ("user@a.b/c", "digest"),
            ("a.b:0/c", "wanted the registry"),
            ("a.b:70000/c", "wanted the registry"),
            ("a..b/c", "wanted the registry"),
            ("-a.b/c", "wanted the registry"),
            ("[::g]/c", "wanted the registry"),
            ("https://a.b/c", "wanted the registry"),
            ("a.b/", "repository"),
            ("a.b/C", "repository"),
            ("a.b/c//d", "repository"),
            ("a.b/../c", "repository"),
            ("a.b/c___d", "repository"),
            ("a.b/c._d", "repository"),
            ("a.b/c-", "repository"),
            ("a.b/c?x", "repository"),
            ("a.b/c:", "tag"),
            ("a.b/c:.d", "tag"),
            ("a.b/c:d/e", "tag"),
            ("a.b/c@sha256:00", "digest"),
            ("a.b/c@sha512:00", "digest"),
        ] {
            let error = ImageReference::parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let long = format!("a.b/{}", "c".repeat(256));
        assert!(ImageReference::parse(&long).is_err());
    }
}
