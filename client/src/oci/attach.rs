//! Keeping a bundle beside the image that it is about.
//!
//! What is written is what cosign writes today: the bundle is a blob, and a manifest about the
//! image has it as its layer. A registry with the referrers API says so when it takes the manifest;
//! in any other the manifest is added to the list under the tag `sha256-HEX`. Two who do that at
//! the same time could undo each other, so the list is read again, and added to again.

use std::collections::BTreeMap;

use sigstore::bundle::BundleContent;
use sigstore::image::{
    CONTENT_ANNOTATION, DESCRIPTOR_COUNT_MAX, Descriptor, EMPTY_MEDIA_TYPE, ImageDigest, Index,
    Manifest, PREDICATE_TYPE_ANNOTATION,
};
use sigstore::statement::Statement;
use sigstore::{SigstoreBundle, UnixSeconds};

use super::evidence::Finder;
use super::registry::Registry;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Request;
use crate::output;

/// How often a list is written before somebody else's keeps coming in between.
const LIST_TRY_COUNT_MAX: usize = 3;

/// The longest answer to something that was sent.
const ANSWER_LEN_BYTES_MAX: usize = 64 * 1024;

/// What has that media type.
const EMPTY: &[u8] = b"{}";

/// Puts a bundle beside an image, which has to be in the registry, and says under which digest.
pub(crate) fn attach(
    registry: &Registry<'_>,
    image: ImageDigest,
    bundle: &SigstoreBundle,
    now: UnixSeconds,
) -> Result<ImageDigest, Failure> {
    let subject = subject(registry, image)?;
    let json = bundle.encode();
    let media_type = bundle.format.media_type();
    let manifest = Manifest {
        artifact_type: Some(media_type.to_owned()),
        config: Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY),
        layers: vec![Descriptor::of(media_type, &json)],
        subject: Some(subject),
        annotations: annotations(bundle, now),
    };
    push_blob(registry, EMPTY)?;
    push_blob(registry, &json)?;
    let bytes = manifest.encode();
    let mut listed = Descriptor::of(Manifest::MEDIA_TYPE, &bytes);
    listed.artifact_type = manifest.artifact_type;
    listed.annotations = manifest.annotations;
    let digest = listed.digest.to_string();
    let is_listed = push_manifest(registry, &digest, Manifest::MEDIA_TYPE, &bytes)?;
    if !is_listed {
        list(registry, image, &listed)?;
    }
    Ok(listed.digest)
}

/// The image as a manifest about it names it.
fn subject(registry: &Registry<'_>, image: ImageDigest) -> Result<Descriptor, Failure> {
    let manifest = registry.manifest_by_digest(image)?.ok_or_else(|| {
        let name = registry.name(image);
        Failure::new(Exit::Service, name, "is not in the registry").fix("push the image first")
    })?;
    // What the image says itself counts more than what the registry says of it.
    let json: Option<serde_json::Value> = serde_json::from_slice(&manifest.bytes).ok();
    let said = json
        .as_ref()
        .and_then(|json| json.get("mediaType")?.as_str());
    let media_type = said.or(manifest.media_type.as_deref());
    let media_type = media_type.unwrap_or(Manifest::MEDIA_TYPE);
    Ok(Descriptor::of(media_type, &manifest.bytes))
}

fn annotations(bundle: &SigstoreBundle, now: UnixSeconds) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    let mut say = |name: &str, text: String| annotations.insert(name.to_owned(), text);
    say("org.opencontainers.image.created", output::date(now));
    match &bundle.content {
        BundleContent::Message(_) => {
            say(CONTENT_ANNOTATION, "message-signature".to_owned());
        }
        BundleContent::Envelope(envelope) => {
            say(CONTENT_ANNOTATION, "dsse-envelope".to_owned());
            if let Ok(statement) = Statement::parse(&envelope.payload) {
                say(PREDICATE_TYPE_ANNOTATION, statement.predicate_type);
            }
        }
    }
    annotations
}

fn push_blob(registry: &Registry<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let start = registry.url("blobs/uploads/");
    let octets = "application/octet-stream";
    let request = Request::post(&start, octets, b"", ANSWER_LEN_BYTES_MAX);
    let answer = registry.send(&request)?;
    let location = answer.header("location").filter(|_| answer.is_success());
    let Some(location) = location else {
        return Err(answer.refused(&start, "does not take a blob"));
    };
    let place = registry.within(&start, location)?;
    let joint = if place.contains('?') { '&' } else { '?' };
    let place = format!("{place}{joint}digest={}", ImageDigest::of(bytes));
    let request = Request::put(&place, octets, bytes, ANSWER_LEN_BYTES_MAX);
    let answer = registry.send(&request)?;
    if !answer.is_success() {
        return Err(answer.refused(&start, "did not take the blob"));
    }
    Ok(())
}

/// Says whether the registry lists it among what refers to its subject.
fn push_manifest(
    registry: &Registry<'_>,
    reference: &str,
    media_type: &str,
    bytes: &[u8],
) -> Result<bool, Failure> {
    let url = registry.url(&format!("manifests/{reference}"));
    let request = Request::put(&url, media_type, bytes, ANSWER_LEN_BYTES_MAX);
    let answer = registry.send(&request)?;
    if !answer.is_success() {
        return Err(answer.refused(&url, "did not take the manifest"));
    }
    Ok(answer.header("oci-subject").is_some())
}

/// Adds a manifest to the list under the image's tag.
fn list(registry: &Registry<'_>, image: ImageDigest, entry: &Descriptor) -> Result<(), Failure> {
    let finder = Finder { registry, image };
    let is_there = |index: &Index| index.manifests.iter().any(|m| m.digest == entry.digest);
    let tag = image.tag("");
    for _ in 0..LIST_TRY_COUNT_MAX {
        let mut index = finder.tagged()?.unwrap_or_else(|| Index {
            manifests: Vec::new(),
            annotations: BTreeMap::new(),
        });
        if is_there(&index) {
            return Ok(());
        }
        index.manifests.push(entry.clone());
        if index.manifests.len() > DESCRIPTOR_COUNT_MAX {
            let what = "has a list with room for no more under its tag";
            return Err(Failure::new(Exit::Service, registry.name(image), what));
        }
        push_manifest(registry, &tag, Index::MEDIA_TYPE, &index.encode())?;
    }
    if finder.tagged()?.is_some_and(|index| is_there(&index)) {
        return Ok(());
    }
    let what = "others keep writing the list under the tag of the image";
    Err(Failure::new(Exit::Service, registry.url(&tag), what).fix("try again"))
}

#[cfg(test)]
mod tests;
