//! Calls to one repository of a registry.
//!
//! Redirects are followed for blobs alone, which registries keep elsewhere: a few of them, without
//! anything that says who asks, and the bytes are hashed like any others.

use std::cell::OnceCell;

use reqwest::Url;
use sigstore::image::{
    DESCRIPTOR_COUNT_MAX, Descriptor, ImageDigest, ImageReference, Index, MANIFEST_LEN_BYTES_MAX,
    Manifest, Target,
};
use zeroize::Zeroizing;

pub(crate) use super::authorize::Access;
use super::authorize::Applicant;
use super::credentials::Credentials;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Answer, Http, Request, is_private_enough};

/// How many places a blob may be fetched from by way of each other.
const REDIRECT_COUNT_MAX: usize = 3;

/// How many pages a list of referrers may have.
const PAGE_COUNT_MAX: usize = 16;

/// The longest answer that is read for what it says of a failure.
const MESSAGE_LEN_BYTES_MAX: usize = 64 * 1024;

/// Every sort of manifest that an image may have.
const ANY_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// One repository of a registry.
#[derive(Debug)]
pub(crate) struct Registry<'a> {
    http: &'a Http,
    image: ImageReference,
    /// `https://HOST`, or `http://` for this machine.
    origin: String,
    access: Access,
    credentials: Option<Credentials>,
    /// What the registry was told of who asks, once it wanted to know.
    authorization: OnceCell<Zeroizing<String>>,
}

/// A manifest of any sort, as it came.
#[derive(Debug)]
pub(crate) struct RawManifest {
    pub(crate) digest: ImageDigest,
    pub(crate) bytes: Vec<u8>,
    /// What the registry says it is.
    pub(super) media_type: Option<String>,
}

impl<'a> Registry<'a> {
    /// The repository of an image. Without `plain_http`, TLS is left out only for this machine.
    pub(crate) fn of(
        image: &ImageReference,
        access: Access,
        plain_http: bool,
        http: &'a Http,
    ) -> Result<Registry<'a>, Failure> {
        let host = match image.registry() {
            // The host of the images is another than that of their names.
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        let plain = format!("http://{host}");
        let origin = if plain_http || is_private_enough(&plain) {
            plain
        } else {
            format!("https://{host}")
        };
        let credentials = if is_private_enough(&origin) {
            Credentials::find(image.registry())?
        } else {
            None
        };
        Ok(Registry {
            http,
            image: image.clone(),
            origin,
            access,
            credentials,
            authorization: OnceCell::new(),
        })
    }

    /// The image that is meant, by its digest. A tag is looked up, now and once.
    pub(crate) fn resolve(&self) -> Result<ImageDigest, Failure> {
        let tag = match self.image.target() {
            Target::Digest(digest) => return Ok(digest),
            Target::Tag(tag) => tag,
        };
        match self.manifest(&tag, None)? {
            Some(manifest) => Ok(manifest.digest),
            None => Err(Failure::new(
                Exit::Service,
                &self.image,
                "is not in the registry",
            )),
        }
    }

    /// The name of something in this repository by its digest.
    pub(crate) fn name(&self, digest: ImageDigest) -> String {
        self.image.with_digest(digest).to_string()
    }

    /// A manifest by its digest, `None` if there is none.
    pub(super) fn manifest_by_digest(
        &self,
        digest: ImageDigest,
    ) -> Result<Option<RawManifest>, Failure> {
        self.manifest(&digest.to_string(), Some(digest))
    }

    /// A manifest by its tag, `None` if there is none.
    pub(super) fn manifest_by_tag(&self, tag: &str) -> Result<Option<RawManifest>, Failure> {
        self.manifest(tag, None)
    }

    fn manifest(
        &self,
        reference: &str,
        wanted: Option<ImageDigest>,
    ) -> Result<Option<RawManifest>, Failure> {
        let url = self.url(&format!("manifests/{reference}"));
        let request = Request::get(&url, MANIFEST_LEN_BYTES_MAX).accept(ANY_MANIFEST);
        let answer = self.send(&request)?;
        if answer.status == 404 {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(answer.refused(&url, "does not give the manifest"));
        }
        let digest = ImageDigest::of(&answer.body);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
            return Err(other_bytes(&url, wanted, digest));
        }
        let media_type = answer.header("content-type").map(str::to_owned);
        Ok(Some(RawManifest {
            digest,
            bytes: answer.body,
            media_type,
        }))
    }

    /// A blob of at most so many bytes.
    pub(super) fn blob(&self, blob: &Descriptor, len_max: usize) -> Result<Vec<u8>, Failure> {
        let len = usize::try_from(blob.len_bytes).ok();
        let name = self.name(blob.digest);
        let len = len.filter(|len| *len <= len_max).ok_or_else(|| {
            Failure::new(Exit::Refused, &name, "is longer than any evidence")
                .expected(format!("at most {len_max} bytes"))
                .found(blob.len_bytes)
        })?;
        let mut url = self.url(&format!("blobs/{}", blob.digest));
        // A refusal has a text, however short the blob is.
        let answer_len_max = len.max(MESSAGE_LEN_BYTES_MAX);
        let mut answer = self.send(&Request::get(&url, answer_len_max))?;
        for _ in 0..REDIRECT_COUNT_MAX {
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                break;
            }
            url = self.elsewhere(&url, &answer)?;
            let request = Request::get(&url, answer_len_max);
            answer = self.http.send(&request).map_err(|e| e.failure(&url))?;
        }
        if !answer.is_success() {
            return Err(answer.refused(&url, "does not give the blob"));
        }
        let found = ImageDigest::of(&answer.body);
        if answer.body.len() != len || found != blob.digest {
            return Err(other_bytes(&url, blob.digest, found));
        }
        Ok(answer.body)
    }

    /// Where a redirect leads, if anybody should follow it.
    fn elsewhere(&self, url: &str, answer: &Answer) -> Result<String, Failure> {
        let refuse = |what: &str| Failure::new(Exit::Service, url, what);
        let location = answer.header("location");
        let location = location.ok_or_else(|| refuse("redirects to nowhere"))?;
        let next = Url::parse(url).and_then(|url| url.join(location));
        let next = next.map_err(|_| refuse("redirects to what is no URL").found(location))?;
        let is_allowed = match next.scheme() {
            "https" => true,
            "http" => self.origin.starts_with("http://"),
            _ => false,
        };
        if !is_allowed {
            let failure = refuse("redirects to where nobody should be sent");
            return Err(failure.expected("https://").found(location));
        }
        Ok(next.into())
    }

    /// The manifests that say they are about this one. `None` if the registry keeps no such list.
    pub(super) fn referrers(&self, image: ImageDigest) -> Result<Option<Vec<Descriptor>>, Failure> {
        let mut url = self.url(&format!("referrers/{image}"));
        let mut all: Vec<Descriptor> = Vec::new();
        for _ in 0..PAGE_COUNT_MAX {
            let request = Request::get(&url, MANIFEST_LEN_BYTES_MAX).accept(Index::MEDIA_TYPE);
            let answer = self.send(&request)?;
            // What registries without the list say, which is 404 by the specification.
            if matches!(answer.status, 400 | 404 | 405 | 406) {
                return Ok(None);
            }
            if !answer.is_success() {
                return Err(answer.refused(&url, "does not list what refers to the image"));
            }
            let index = Index::parse(&answer.body).map_err(|error| {
                let what = "answered with no list of what refers to the image";
                Failure::new(Exit::Service, &url, what).found(error)
            })?;
            all.extend(index.manifests);
            if all.len() > DESCRIPTOR_COUNT_MAX {
                return Err(endless(&url));
            }
            match answer.header("link").and_then(next_page) {
                None => return Ok(Some(all)),
                Some(next) => url = self.within(&url, next)?,
            }
        }
        Err(endless(&url))
    }

    /// A URL of the same registry that an answer of it names.
    pub(super) fn within(&self, url: &str, reference: &str) -> Result<String, Failure> {
        let next = Url::parse(url).and_then(|url| url.join(reference)).ok();
        let here = Url::parse(&self.origin).ok();
        let next = next.filter(|next| here.is_some_and(|here| here.origin() == next.origin()));
        next.map(String::from).ok_or_else(|| {
            let what = "names a place that is not of the same registry";
            Failure::new(Exit::Service, url, what).found(reference)
        })
    }

    /// A URL of this repository.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.origin, self.image.repository())
    }

    /// Sends a request, and once more with an answer to who is asking if the registry wants one.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let once = |request: &Request<'_>| {
            let answer = self.http.send(request);
            answer.map_err(|error| error.failure(request.url()))
        };
        if let Some(authorization) = self.authorization.get() {
            return once(&request.clone().authorization(authorization));
        }
        let answer = once(request)?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let applicant = Applicant {
            http: self.http,
            origin: &self.origin,
            repository: self.image.repository(),
            access: self.access,
            credentials: self.credentials.as_ref(),
        };
        let authorization = applicant.authorize(&answer)?;
        let authorization = self.authorization.get_or_init(|| authorization);
        once(&request.clone().authorization(authorization))
    }
}

impl RawManifest {
    /// Reads it as a manifest about blobs.
    pub(super) fn manifest(&self, name: &str) -> Result<Manifest, Failure> {
        Manifest::parse(&self.bytes).map_err(|error| {
            Failure::new(Exit::Refused, name, "is no manifest of evidence").found(error)
        })
    }
}

/// The URL of the next page in a header `Link`.
fn next_page(link: &str) -> Option<&str> {
    let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
    is_next.then_some(url)
}

fn endless(url: &str) -> Failure {
    let what = "lists more about the image than is looked at";
    Failure::new(Exit::Service, url, what)
        .expected(format!("at most {DESCRIPTOR_COUNT_MAX} manifests"))
        .fix("fetch the bundle yourself, and: cairn verify --bundle FILE sha256:HEX")
}

fn other_bytes(url: &str, wanted: ImageDigest, found: ImageDigest) -> Failure {
    Failure::new(Exit::Refused, url, "gives other bytes than those asked for")
        .expected(wanted)
        .found(found)
}

#[cfg(test)]
mod tests;
