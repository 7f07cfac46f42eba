//! Manifests and indexes, as far as evidence about images needs them.
//!
//! A manifest lists the blobs of one thing, and may say which other manifest it is about (its
//! subject); an index lists manifests. Both are known by the SHA-256 of the bytes in which they
//! came, so whoever wants to rely on one hashes it first.
//!
//! Not read: platforms, configurations, and blobs that are kept elsewhere.
//!
//! Spec: OCI image specification 1.1, `manifest.md`, `image-index.md` and `descriptor.md`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{DESCRIPTOR_COUNT_MAX, ImageDigest, MANIFEST_LEN_BYTES_MAX};
use crate::canonical_json::{JsonError, JsonLimits, excerpt, parse_limited};

/// What a blob or manifest is, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: ImageDigest,
    /// How many bytes that is.
    pub len_bytes: u64,
    /// Of a manifest in an index: what sort of thing it lists.
    pub artifact_type: Option<String>,
    /// What else is said of it.
    pub annotations: BTreeMap<String, String>,
}

/// A list of the blobs of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What sort of thing, where it says so.
    pub artifact_type: Option<String>,
    /// Its configuration, which for evidence is empty.
    pub config: Descriptor,
    /// The blobs; at most [`DESCRIPTOR_COUNT_MAX`].
    pub layers: Vec<Descriptor>,
    /// The manifest that it is about.
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    pub annotations: BTreeMap<String, String>,
}

/// A list of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The manifests; at most [`DESCRIPTOR_COUNT_MAX`].
    pub manifests: Vec<Descriptor>,
    /// What else is said of the list.
    pub annotations: BTreeMap<String, String>,
}

/// As deep as descriptors with annotations nest, and a little deeper for what is not read.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 65_536,
};

impl Manifest {
    /// Its media type.
    pub const MEDIA_TYPE: &'static str = "application/vnd.oci.image.manifest.v1+json";

    /// Reads a manifest. Cost: linear.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] names the field, what was found there and what was wanted.
    pub fn parse(json: &[u8]) -> Result<Manifest, ManifestError> {
        let value = parse(json, Self::MEDIA_TYPE)?;
        let subject = value.get("subject").filter(|subject| !subject.is_null());
        let config = value.get("config").unwrap_or(&Value::Null);
        Ok(Manifest {
            artifact_type: optional_text(&value, "artifactType", "")?,
            config: descriptor(config, "config")?,
            layers: descriptors(&value, "layers")?,
            subject: subject.map(|s| descriptor(s, "subject")).transpose()?,
            annotations: annotations(&value, "")?,
        })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut json = head(Self::MEDIA_TYPE, &self.annotations);
        if let Some(artifact_type) = &self.artifact_type {
            json.insert("artifactType".to_owned(), json!(artifact_type));
        }
        json.insert("config".to_owned(), self.config.to_json());
        let layers = self.layers.iter().map(Descriptor::to_json);
        json.insert("layers".to_owned(), layers.collect());
        if let Some(subject) = &self.subject {
            json.insert("subject".to_owned(), subject.to_json());
        }
        Value::Object(json).to_string().into_bytes()
    }
}

impl Index {
    /// Its media type.
    pub const MEDIA_TYPE: &'static str = "application/vnd.oci.image.index.v1+json";

    /// Reads an index. Cost: linear.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] names the field, what was found there and what was wanted.
    pub fn parse(json: &[u8]) -> Result<Index, ManifestError> {
        let value = parse(json, Self::MEDIA_TYPE)?;
        Ok(Index {
            manifests: descriptors(&value, "manifests")?,
            annotations: annotations(&value, "")?,
        })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut json = head(Self::MEDIA_TYPE, &self.annotations);
        let manifests = self.manifests.iter().map(Descriptor::to_json);
        json.insert("manifests".to_owned(), manifests.collect());
        Value::Object(json).to_string().into_bytes()
    }
}

impl Descriptor {
    /// Of these bytes.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest: ImageDigest::of(bytes),
            len_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }

    fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("mediaType".to_owned(), json!(self.media_type));
        json.insert("digest".to_owned(), json!(self.digest.to_string()));
        json.insert("size".to_owned(), json!(self.len_bytes));
        if let Some(artifact_type) = &self.artifact_type {
            json.insert("artifactType".to_owned(), json!(artifact_type));
        }
        if !self.annotations.is_empty() {
            json.insert("annotations".to_owned(), json!(self.annotations));
        }
        Value::Object(json)
    }
}

fn head(media_type: &str, annotations: &BTreeMap<String, String>) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("schemaVersion".to_owned(), json!(2));
    json.insert("mediaType".to_owned(), json!(media_type));
    if !annotations.is_empty() {
        json.insert("annotations".to_owned(), json!(annotations));
    }
    json
}

fn parse(json: &[u8], media_type: &'static str) -> Result<Value, ManifestError> {
    let found = json.len();
    if found > MANIFEST_LEN_BYTES_MAX {
        return Err(ManifestError::TooLong { found });
    }
    let value = parse_limited(json, JSON_LIMITS)?;
    if value.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        return Err(field("schemaVersion"));
    }
    // Older writers leave the type to the header of the answer.
    match optional_text(&value, "mediaType", "")? {
        Some(found) if found != media_type => Err(ManifestError::MediaType {
            found: excerpt(&found),
            wanted: media_type,
        }),
        _ => Ok(value),
    }
}

fn descriptors(value: &Value, name: &str) -> Result<Vec<Descriptor>, ManifestError> {
    let list = value.get(name).and_then(Value::as_array);
    let list = list.ok_or_else(|| field(name))?;
    let found = list.len();
    if found > DESCRIPTOR_COUNT_MAX {
        let path = name.to_owned();
        return Err(ManifestError::TooMany { path, found });
    }
    let numbered = list.iter().enumerate();
    numbered
        .map(|(number, item)| descriptor(item, &format!("{name}[{number}]")))
        .collect()
}

fn descriptor(value: &Value, path: &str) -> Result<Descriptor, ManifestError> {
    let at = |name: &str| format!("{path}.{name}");
    let missing = |name: &str| field(&at(name));
    let digest = value.get("digest").and_then(Value::as_str);
    let digest = digest.and_then(ImageDigest::parse);
    let len_bytes = value.get("size").and_then(Value::as_u64);
    Ok(Descriptor {
        media_type: optional_text(value, "mediaType", path)?.ok_or_else(|| missing("mediaType"))?,
        digest: digest.ok_or_else(|| missing("digest"))?,
        len_bytes: len_bytes.ok_or_else(|| missing("size"))?,
        artifact_type: optional_text(value, "artifactType", path)?,
        annotations: annotations(value, path)?,
    })
}

fn optional_text(value: &Value, name: &str, path: &str) -> Result<Option<String>, ManifestError> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(field(format!("{path}.{name}").trim_start_matches('.'))),
    }
}

fn annotations(value: &Value, path: &str) -> Result<BTreeMap<String, String>, ManifestError> {
    let annotations = match value.get("annotations") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(annotations) => annotations.as_object(),
    };
    let refuse = || field(format!("{path}.annotations").trim_start_matches('.'));
    let pairs = annotations.ok_or_else(refuse)?.iter().map(|(name, text)| {
        let text = text.as_str().ok_or_else(refuse)?;
        Ok((name.clone(), text.to_owned()))
    });
    pairs.collect()
}

fn field(path: &str) -> ManifestError {
    let path = path.to_owned();
    ManifestError::Field { path }
}

/// Why bytes are not a manifest, or not an index.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestError {
    /// Longer than registries take.
    #[error("{found} bytes, at most {MANIFEST_LEN_BYTES_MAX} are read")]
    TooLong {
        /// The length in bytes.
        found: usize,
    },
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Something else.
    #[error("mediaType: found {found}, wanted {wanted}")]
    MediaType {
        /// What it says it is, quoted.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// A field is missing or not what it should be.
    #[error("{path}: missing, or not what the OCI image specification has there")]
    Field {
        /// Where.
        path: String,
    },
    /// A list that does not end.
    #[error("{path}: {found} items, at most {DESCRIPTOR_COUNT_MAX} are read")]
    TooMany {
        /// Where.
        path: String,
        /// How many there are.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let mut layer = Descriptor::of("application/x", b"x");
        layer.annotations.insert("a".to_owned(), "b".to_owned());
        Manifest {
            artifact_type: Some("application/y".to_owned()),
            config: Descriptor::of("application/vnd.oci.empty.v1+json", b"{}"),
            layers: vec![layer],
            subject: Some(Descriptor::of(Manifest::MEDIA_TYPE, b"image")),
            annotations: BTreeMap::from([("c".to_owned(), "d".to_owned())]),
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let manifest = manifest();
        assert_eq!(Manifest::parse(&manifest.encode()).unwrap(), manifest);
        let mut entry = Descriptor::of(Manifest::MEDIA_TYPE, &manifest.encode());
        entry.artifact_type = Some("application/y".to_owned());
        let index = Index {
            manifests: vec![entry],
            annotations: BTreeMap::new(),
        };
        assert_eq!(Index::parse(&index.encode()).unwrap(), index);
        assert!(Index::parse(&manifest.encode()).is_err());
    }

    #[test]
    fn each_field_is_missed() {
        let good: Value = serde_json::from_slice(&manifest().encode()).unwrap();
        for (pointer, wrong, wanted) in [
            ("/schemaVersion", json!(1), "schemaVersion"),
            ("/mediaType", json!("application/z"), "mediaType: found"),
            ("/mediaType", json!(1), "mediaType: missing"),
            ("/artifactType", json!(1), "artifactType"),
            ("/config", Value::Null, "config.mediaType"),
            ("/layers", Value::Null, "layers"),
            ("/layers/0/digest", json!("sha512:00"), "layers[0].digest"),
            ("/layers/0/size", json!(-1), "layers[0].size"),
            ("/layers/0/mediaType", Value::Null, "layers[0].mediaType"),
            ("/layers/0/annotations", json!([]), "layers[0].annotations"),
            ("/subject/digest", json!(1), "subject.digest"),
            ("/annotations/c", json!(1), "annotations"),
        ] {
            let mut value = good.clone();
            *value.pointer_mut(pointer).unwrap() = wrong;
            let error = Manifest::parse(value.to_string().as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(wanted), "{pointer}: {error}");
        }
        let mut many = good.clone();
        many["layers"] = vec![good["layers"][0].clone(); DESCRIPTOR_COUNT_MAX + 1].into();
        let error = Manifest::parse(many.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, ManifestError::TooMany { .. }), "{error}");
        let twice = good.to_string().replacen('{', r#"{"schemaVersion":2,"#, 1);
        let error = Manifest::parse(twice.as_bytes()).unwrap_err();
        assert!(matches!(error, ManifestError::Json(_)), "{error}");
        let long = vec![b' '; MANIFEST_LEN_BYTES_MAX + 1];
        let error = Manifest::parse(&long).unwrap_err();
        assert!(matches!(error, ManifestError::TooLong { .. }), "{error}");
    }
}
