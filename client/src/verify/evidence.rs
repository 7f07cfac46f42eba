//! What proves an artifact: a bundle, or a signature in a file of its own. Its bytes say which.

use std::path::{Path, PathBuf};

use sigstore::bundle::{BUNDLE_LEN_BYTES_MAX, MessageSignature};
use sigstore::dsse::{DsseEnvelope, DsseSignature};
use sigstore::pki::Signature;
use sigstore::{BundleContent, BundleFormat, SignerMaterial, SigstoreBundle};

use super::ArtifactFile;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// A signature, and what came with it.
#[derive(Clone, Debug)]
pub(crate) enum Evidence {
    /// With what a log or an authority says of it.
    Bundle(Box<SigstoreBundle>),
    /// By itself.
    Signature(Box<Signature>),
}

/// The files that belong to one signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct EvidenceFiles {
    /// The bundle or the signature.
    pub(crate) signature: PathBuf,
    /// The signer's certificate, where it is in a file of its own.
    pub(crate) certificate: Option<PathBuf>,
    /// An RFC 3161 response about the signature, where it is in a file of its own.
    pub(crate) timestamp: Option<PathBuf>,
}

/// The longest file with a certificate or a timestamp.
const SMALL_LEN_BYTES_MAX: usize = 256 * 1024;

/// The most certificates of a chain.
const CERTIFICATE_COUNT_MAX: usize = 10;

impl EvidenceFiles {
    /// The file beside an artifact in which signers put their bundle.
    pub(crate) fn beside(artifact: &ArtifactFile) -> Result<EvidenceFiles, Failure> {
        let Some(path) = artifact.path() else {
            let what = "is a digest, so there is no file beside it to look for the bundle";
            return Err(Failure::new(Exit::Usage, artifact.name(), what).fix("give --bundle FILE"));
        };
        let candidates = SUFFIXES.map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        });
        match candidates.iter().find(|candidate| candidate.exists()) {
            Some(found) => Ok(EvidenceFiles {
                signature: found.clone(),
                ..EvidenceFiles::default()
            }),
            None => Err(Failure::file(path, "there is no bundle beside it")
                .expected(candidates.map(|c| c.display().to_string()).join(", or "))
                .fix("give the file with the bundle or the signature: --bundle FILE")),
        }
    }

    /// Reads them.
    pub(crate) fn read(&self) -> Result<Evidence, Failure> {
        let bytes = files::read(&self.signature, BUNDLE_LEN_BYTES_MAX)?;
        let evidence = parse(&self.signature, &bytes)?;
        if self.certificate.is_none() && self.timestamp.is_none() {
            return Ok(evidence);
        }
        let Evidence::Signature(signature) = evidence else {
            let what = "is a bundle, which has the certificate and timestamps in it";
            let failure = Failure::new(Exit::Usage, self.signature.display(), what);
            return Err(failure.fix("leave --certificate and --timestamp out"));
        };
        self.assemble(&signature)
            .map(|bundle| Evidence::Bundle(Box::new(bundle)))
    }

    /// A bundle from its parts.
    fn assemble(&self, signature: &Signature) -> Result<SigstoreBundle, Failure> {
        let signer = match &self.certificate {
            Some(path) => SignerMaterial::CertificateChain(read_certificates(path)?),
            None => SignerMaterial::PublicKey {
                hint: String::new(),
            },
        };
        let timestamp = self.timestamp.as_deref();
        let timestamp = timestamp.map(|path| files::read(path, SMALL_LEN_BYTES_MAX));
        Ok(SigstoreBundle {
            format: BundleFormat::V02,
            signer,
            log_entries: Vec::new(),
            timestamps: timestamp.transpose()?.into_iter().collect(),
            content: BundleContent::Message(MessageSignature {
                digest: None,
                signature: signature.canonical(),
            }),
        })
    }
}

/// In the order in which they are looked for, by the Sigstore client specification.
const SUFFIXES: [&str; 3] = [".sigstore.json", ".sigstore", ".sig"];

fn parse(path: &Path, bytes: &[u8]) -> Result<Evidence, Failure> {
    let not_that = |what: &str, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Refused, path.display(), what).found(error)
    };
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let signature = Signature::parse(bytes);
        let signature = signature.map_err(|error| not_that("is no signature", &error))?;
        return Ok(Evidence::Signature(Box::new(signature)));
    }
    // One look at the text says which of three kinds of JSON it is; each reader is strict.
    let bundle = if contains(bytes, b"\"base64Signature\"") {
        SigstoreBundle::parse_cosign(bytes)
    } else if contains(bytes, b"\"mediaType\"") || !contains(bytes, b"\"payloadType\"") {
        SigstoreBundle::parse(bytes)
    } else {
        return match bare_envelope(bytes) {
            Some(bundle) => Ok(Evidence::Bundle(Box::new(bundle))),
            None => Err(not_that("is no envelope", &"not what DSSE has in JSON")),
        };
    };
    let bundle = bundle.map_err(|error| not_that("is no bundle", &error))?;
    Ok(Evidence::Bundle(Box::new(bundle)))
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// An envelope by itself: signed by a key, logged nowhere.
fn bare_envelope(bytes: &[u8]) -> Option<SigstoreBundle> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let text = |value: &serde_json::Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let base64 = |value: &serde_json::Value, name: &str| decode_base64(&text(value, name)?);
    let [signature] = value.get("signatures")?.as_array()?.as_slice() else {
        return None;
    };
    Some(SigstoreBundle {
        format: BundleFormat::V03,
        signer: SignerMaterial::PublicKey {
            hint: String::new(),
        },
        log_entries: Vec::new(),
        timestamps: Vec::new(),
        content: BundleContent::Envelope(DsseEnvelope {
            payload_type: text(&value, "payloadType")?,
            payload: base64(&value, "payload")?,
            signatures: vec![DsseSignature {
                key_id: text(signature, "keyid").unwrap_or_default(),
                signature: base64(signature, "sig")?,
            }],
        }),
    })
}

/// A certificate and perhaps those above it: PEM, PEM in base64 as cosign writes it, or DER.
fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = files::read(path, SMALL_LEN_BYTES_MAX)?;
    let text = str::from_utf8(&bytes).ok().map(str::trim);
    let unwrapped = text.and_then(decode_base64);
    let bytes = unwrapped.unwrap_or(bytes);
    if bytes.first() == Some(&DER_SEQUENCE) {
        return Ok(vec![bytes]);
    }
    sigstore::pem::parse_certificates(&bytes, CERTIFICATE_COUNT_MAX)
        .map_err(|error| Failure::file(path, "is no certificate").found(error))
}

const DER_SEQUENCE: u8 = 0x30;

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}
