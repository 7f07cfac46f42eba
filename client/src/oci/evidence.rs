//! What a registry keeps about an image, one piece at a time.
//!
//! Whoever may write to the repository may put something there. A piece that is not what it says
//! it is therefore counts for nothing, and is no reason to refuse the others.

use sigstore::SigstoreBundle;
use sigstore::bundle::BUNDLE_LEN_BYTES_MAX;
use sigstore::image::{
    BUNDLE_MEDIA_TYPE_START, Descriptor, EMPTY_MEDIA_TYPE, ImageDigest, Index,
    PREDICATE_TYPE_ANNOTATION, older,
};

use super::registry::Registry;
use crate::exit::Exit;
use crate::failure::Failure;

/// How many pieces are looked at: each is a request or two.
const PIECE_COUNT_MAX: usize = 100;

/// One piece of evidence. Nothing in it has been verified.
#[derive(Debug)]
pub(crate) struct ImageEvidence {
    /// Where it is.
    pub(crate) name: String,
    /// The payload that was signed in place of the image, in the older layout.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) bundle: SigstoreBundle,
    /// The predicate type, as something says of it that nobody signed.
    pub(crate) said_predicate_type: Option<String>,
}

/// Where a piece of evidence is.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// A manifest about the image, whose layer is a bundle.
    Referrer(Descriptor),
    /// The payload of a signature, in the older layout.
    OlderSignature(Descriptor),
    /// An envelope, in the older layout.
    OlderAttestation(Descriptor),
}

/// A way of keeping evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Manifests about the image.
    Current,
    /// Tags; most images of today have none.
    Older,
}

/// Looks for evidence about an image.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    pub(crate) registry: &'a Registry<'a>,
    pub(crate) image: ImageDigest,
}

impl Finder<'_> {
    /// What there is in a layout.
    pub(crate) fn pieces(&self, layout: Layout) -> Result<Vec<Piece>, Failure> {
        match layout {
            Layout::Current => self.current(),
            Layout::Older => self.older(),
        }
    }

    fn current(&self) -> Result<Vec<Piece>, Failure> {
        let listed = self.registry.referrers(self.image)?;
        let listed = bundles(listed.unwrap_or_default());
        // The tag may also be older than the registry's list.
        let found = if listed.is_empty() {
            let tagged = self.tagged()?;
            bundles(tagged.map_or_else(Vec::new, |index| index.manifests))
        } else {
            listed
        };
        self.few(found.into_iter().map(Piece::Referrer).collect())
    }

    fn older(&self) -> Result<Vec<Piece>, Failure> {
        let mut pieces = self.layers(".sig", older::PAYLOAD_MEDIA_TYPE, Piece::OlderSignature)?;
        let wanted = older::ENVELOPE_MEDIA_TYPE;
        pieces.extend(self.layers(".att", wanted, Piece::OlderAttestation)?);
        self.few(pieces)
    }

    /// The list that stands in for the registry's own, if there is one.
    pub(super) fn tagged(&self) -> Result<Option<Index>, Failure> {
        let tag = self.image.tag("");
        let Some(manifest) = self.registry.manifest_by_tag(&tag)? else {
            return Ok(None);
        };
        let index = Index::parse(&manifest.bytes).map_err(|error| {
            let what = "is not the list of what refers to the image";
            Failure::new(Exit::Refused, self.registry.url(&tag), what).found(error)
        })?;
        Ok(Some(index))
    }

    fn layers(
        &self,
        suffix: &str,
        media_type: &str,
        piece: fn(Descriptor) -> Piece,
    ) -> Result<Vec<Piece>, Failure> {
        let tag = self.image.tag(suffix);
        let Some(manifest) = self.registry.manifest_by_tag(&tag)? else {
            return Ok(Vec::new());
        };
        let layers = manifest.manifest(&tag)?.layers.into_iter();
        let wanted = layers.filter(|layer| layer.media_type == media_type);
        Ok(wanted.map(piece).collect())
    }

    fn few(&self, pieces: Vec<Piece>) -> Result<Vec<Piece>, Failure> {
        let (found, name) = (pieces.len(), self.registry.name(self.image));
        if found <= PIECE_COUNT_MAX {
            return Ok(pieces);
        }
        Err(
            Failure::new(Exit::Refused, name, "has more evidence than is looked at")
                .expected(format!("at most {PIECE_COUNT_MAX} pieces"))
                .found(found)
                .fix("fetch the bundle yourself, and: cairn verify --bundle FILE sha256:HEX"),
        )
    }

    /// Fetches and reads a piece.
    pub(crate) fn read(&self, piece: &Piece) -> Result<ImageEvidence, Failure> {
        match piece {
            Piece::Referrer(manifest) => self.referrer(manifest),
            Piece::OlderSignature(layer) => {
                let name = self.registry.name(layer.digest);
                let payload = self.registry.blob(layer, older::PAYLOAD_LEN_BYTES_MAX)?;
                let bundle = older::parse_signature(&layer.annotations);
                Ok(ImageEvidence {
                    bundle: bundle.map_err(|error| no_evidence(&name, &error))?,
                    name,
                    payload: Some(payload),
                    said_predicate_type: None,
                })
            }
            Piece::OlderAttestation(layer) => {
                let name = self.registry.name(layer.digest);
                let envelope = self.registry.blob(layer, BUNDLE_LEN_BYTES_MAX)?;
                let bundle = older::parse_attestation(&envelope, &layer.annotations);
                Ok(ImageEvidence {
                    bundle: bundle.map_err(|error| no_evidence(&name, &error))?,
                    name,
                    payload: None,
                    said_predicate_type: said(layer, older::PREDICATE_TYPE),
                })
            }
        }
    }

    fn referrer(&self, listed: &Descriptor) -> Result<ImageEvidence, Failure> {
        let name = self.registry.name(listed.digest);
        let refuse = |what: &str| Failure::new(Exit::Refused, &name, what);
        let manifest = self.registry.manifest_by_digest(listed.digest)?;
        let manifest = manifest.ok_or_else(|| refuse("is listed, but is not there"))?;
        let manifest = manifest.manifest(&name)?;
        let subject = manifest.subject.as_ref().map(|subject| subject.digest);
        if subject != Some(self.image) {
            let found = subject.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
            let failure = refuse("is about another image").expected(self.image);
            return Err(failure.found(found));
        }
        let [layer] = manifest.layers.as_slice() else {
            let failure = refuse("is no manifest of a bundle").expected("one layer");
            return Err(failure.found(manifest.layers.len()));
        };
        if !is_bundle(&layer.media_type) {
            let failure = refuse("is no manifest of a bundle");
            return Err(failure
                .expected(format!("{BUNDLE_MEDIA_TYPE_START}..."))
                .found(&layer.media_type));
        }
        let json = self.registry.blob(layer, BUNDLE_LEN_BYTES_MAX)?;
        let bundle = SigstoreBundle::parse(&json).map_err(|error| no_evidence(&name, &error))?;
        let said_predicate_type = manifest.annotations.get(PREDICATE_TYPE_ANNOTATION).cloned();
        Ok(ImageEvidence {
            name,
            payload: None,
            bundle,
            said_predicate_type,
        })
    }
}

/// What may be a bundle. Some registries list the type of the configuration, which is empty, in
/// place of that of the artifact; what such a manifest is shows when it is read.
fn bundles(listed: Vec<Descriptor>) -> Vec<Descriptor> {
    let may_be = |kind: &str| is_bundle(kind) || kind == EMPTY_MEDIA_TYPE;
    let may_be = |entry: &Descriptor| entry.artifact_type.as_deref().is_none_or(may_be);
    listed.into_iter().filter(may_be).collect()
}

fn is_bundle(media_type: &str) -> bool {
    media_type.starts_with(BUNDLE_MEDIA_TYPE_START)
}

fn said(layer: &Descriptor, annotation: &str) -> Option<String> {
    layer.annotations.get(annotation).cloned()
}

fn no_evidence(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Refused, name, "is no evidence that can be read").found(error)
}

#[cfg(test)]
mod tests;
