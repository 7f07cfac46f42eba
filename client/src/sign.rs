//! Signing: digests in, bundles out that every Sigstore client verifies.
//!
//! The order is the one that wastes least if something is missing: the artifacts are hashed and
//! signed with a key that is here, then somebody says who that is (a certificate for an ID token,
//! once for all of them), then a timestamp authority says when, and only then a log is told. What
//! has no entry yet is verified without one, so that nothing is logged that would not verify; and
//! each bundle is verified whole, by the code that verifies everybody's, before it is written.
//!
//! When the log cannot be reached and there is a `spool`, a signature is kept with its timestamp
//! until it can.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use sigstore::bundle::{
    BundleContent, BundleFormat, MessageDigest, MessageSignature, SignerMaterial, SigstoreBundle,
};
use sigstore::cert::oids;
use sigstore::cert::view::CertificateView;
use sigstore::dsse::{DsseEnvelope, DsseSignature, STATEMENT_TYPE};
use sigstore::identity::{Identity, TextMatch};
use sigstore::signing_config::ClientTrustConfig;
use sigstore::verify::{Artifact, LogPolicy, Policy, TrustMaterial, Verified, verify};
use sigstore::{ExtensionField, FulcioExtensions, SubjectAltName};
use sigstore::{HashedRekord, HashedRekordRequest, PublicKey, VerifierBytes};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::http::Http;
use crate::key::{KeyError, SigningKey};
use crate::oidc::IdToken;
use crate::submit::Patience;

pub(crate) use artifact::{Hashed, hash};
pub(crate) use services::Services;
pub(crate) use spool::{Spool, may_wait};

mod artifact;
mod certificate;
mod recover;
mod rekor;
mod rekor_v1;
mod services;
mod spool;
mod timestamp;

/// One thing that is to be signed.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// What it is about.
    pub(crate) file: PathBuf,
    /// Where the bundle goes.
    pub(crate) bundle: PathBuf,
    pub(crate) hashed: Hashed,
    /// The payload of an in-toto statement about it; `None` to sign the file itself.
    pub(crate) statement: Option<Vec<u8>>,
}

/// Who signs.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) key: SigningKey,
    /// The certificate, DER; `None` for a key that verifiers know.
    certificate: Option<Vec<u8>>,
}

/// One thing that was signed.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) file: PathBuf,
    pub(crate) bundle: PathBuf,
    pub(crate) sha256: [u8; 32],
    /// Whom the certificate names, and by which issuer.
    pub(crate) identity: Option<(String, String)>,
    /// Where each log has it; empty if that is to follow.
    pub(crate) entries: Vec<(String, u64)>,
}

/// How signing goes about it.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) trust: &'a ClientTrustConfig,
    pub(crate) services: &'a Services,
    pub(crate) http: &'a Http,
    /// Where signatures wait for a log that cannot be reached.
    pub(crate) spool: Option<&'a Spool>,
}

impl Signer {
    /// Somebody whose key verifiers know.
    pub(crate) fn with_key(key: SigningKey) -> Signer {
        Signer {
            key,
            certificate: None,
        }
    }

    /// The holder of an ID token, with a new key of which nothing will be left.
    pub(crate) fn with_token(
        key: SigningKey,
        token: &IdToken,
        plan: &Plan<'_>,
    ) -> Result<Signer, Failure> {
        let ca = plan.services.ca.as_ref().ok_or_else(|| {
            let what = "names no certificate authority that can be used now";
            Failure::new(Exit::Usage, "the signing config", what).fix("sign with --key FILE")
        })?;
        let certificate = certificate::request(&ca.url, &key, token, plan.http)?;
        Ok(Signer {
            key,
            certificate: Some(certificate),
        })
    }

    fn material(&self) -> SignerMaterial {
        match &self.certificate {
            Some(der) => SignerMaterial::Certificate(der.clone()),
            None => SignerMaterial::PublicKey {
                hint: key_hint(self.key.public()),
            },
        }
    }

    fn verifier(&self) -> VerifierBytes {
        match &self.certificate {
            Some(der) => VerifierBytes::X509Certificate(der.clone()),
            None => VerifierBytes::PublicKey(self.key.public().spki_der().to_vec()),
        }
    }

    /// Who must have signed for a bundle to be ours.
    fn policy(&self) -> Result<Policy, Failure> {
        match &self.certificate {
            None => Ok(Policy::key(self.key.public().clone())),
            Some(der) => {
                let (name, issuer) = identity(der).ok_or_else(nameless)?;
                Ok(Policy::identities(vec![Identity {
                    issuer: TextMatch::Exact(issuer),
                    name: TextMatch::Exact(name),
                }]))
            }
        }
    }
}

/// Signs all of it, and writes the bundles.
pub(crate) fn sign(
    signer: &Signer,
    orders: &[Order],
    plan: &Plan<'_>,
) -> Result<Vec<Signed>, Failure> {
    let policy = signer.policy()?;
    let trust = TrustMaterial::new(&plan.trust.trusted_root);
    let mut drafts = Vec::with_capacity(orders.len());
    for order in orders {
        drafts.push(Draft::new(signer, order).map_err(|error| key_failure(&error))?);
    }
    timestamp::add(&mut drafts, &plan.services.tsas, plan.http)?;
    if !plan.services.tsas.is_empty() {
        let unlogged = Policy {
            log: LogPolicy::NotRequired,
            ..policy.clone()
        };
        for draft in &drafts {
            draft.check(&unlogged, &trust)?;
        }
    }
    let patience = match plan.spool {
        Some(_) => Patience::SHORT,
        None => Patience::LONG,
    };
    let asking = (plan.http, patience);
    match rekor::add(
        &mut drafts,
        &plan.services.logs,
        &plan.trust.trusted_root,
        asking,
    ) {
        Ok(()) => {}
        Err(failure) => {
            let spool = plan.spool.filter(|_| failure.exit() == Exit::Service);
            return match spool {
                Some(spool) => spool.keep(drafts, &failure),
                None => Err(failure),
            };
        }
    }
    drafts
        .iter()
        .map(|draft| draft.finish(&policy, &trust))
        .collect()
}

/// A bundle that is being put together.
#[derive(Clone, Debug)]
struct Draft {
    order: Order,
    bundle: SigstoreBundle,
    /// What logs are told.
    record: HashedRekord,
    /// The key in DER, which a bundle signed with one does not have.
    spki_der: Vec<u8>,
}

impl Draft {
    /// Signs.
    fn new(signer: &Signer, order: &Order) -> Result<Draft, KeyError> {
        let hash = signer.key.details().hash();
        let (content, digest) = match &order.statement {
            None => {
                let digest = order.hashed.digest(hash).ok_or(KeyError::Library)?.to_vec();
                let message = MessageSignature {
                    digest: Some(MessageDigest {
                        algorithm: hash,
                        digest: digest.clone(),
                    }),
                    signature: signer.key.sign_digest(&digest)?,
                };
                (BundleContent::Message(message), digest)
            }
            Some(payload) => {
                let mut envelope = DsseEnvelope {
                    payload_type: STATEMENT_TYPE.to_owned(),
                    payload: payload.clone(),
                    signatures: Vec::new(),
                };
                let digest = artifact::digest_of(hash, &envelope.encoding());
                envelope.signatures.push(DsseSignature {
                    key_id: String::new(),
                    signature: signer.key.sign_digest(&digest)?,
                });
                (BundleContent::Envelope(envelope), digest)
            }
        };
        let signature = content.signature().to_vec();
        let details = signer.key.details();
        let request = HashedRekordRequest::new(digest, signature, signer.verifier(), details);
        Ok(Draft {
            order: order.clone(),
            record: request.verify().map_err(|_| KeyError::SelfCheck)?,
            spki_der: signer.key.public().spki_der().to_vec(),
            bundle: SigstoreBundle {
                format: BundleFormat::V03,
                signer: signer.material(),
                log_entries: Vec::new(),
                timestamps: Vec::new(),
                content,
            },
        })
    }

    /// Verifies it as it is now.
    fn check(&self, policy: &Policy, trust: &TrustMaterial) -> Result<Verified, Failure> {
        let hashed = &self.order.hashed;
        let mut artifact = Artifact::from_sha256(hashed.sha256);
        for (hash, digest) in &hashed.others {
            artifact = artifact.with_digest(*hash, digest.clone());
        }
        verify(&self.bundle, &artifact, policy, trust).map_err(|refused| {
            let what = "was signed, but would not verify: a service gave something wrong";
            Failure::new(Exit::Refused, self.order.file.display(), what).found(refused)
        })
    }

    /// Verifies all of it, as it will be read, and writes it.
    fn finish(&self, policy: &Policy, trust: &TrustMaterial) -> Result<Signed, Failure> {
        let bytes = self.bundle.encode();
        let read_back = SigstoreBundle::parse(&bytes);
        if read_back.as_ref() != Ok(&self.bundle) {
            let what = "was signed, but its bundle can't be read back";
            return Err(Failure::new(Exit::Refused, self.order.file.display(), what));
        }
        self.check(policy, trust)?;
        files::write(&self.order.bundle, &bytes, Readers::Anybody)?;
        Ok(self.signed())
    }

    fn signed(&self) -> Signed {
        let entries = self.bundle.log_entries.iter();
        let entry = |entry: &sigstore::TransparencyLogEntry| {
            let checkpoint = entry
                .inclusion_proof
                .as_ref()
                .map(|proof| &proof.checkpoint);
            let origin = checkpoint
                .and_then(|text| text.lines().next())
                .unwrap_or_default();
            (origin.to_owned(), entry.log_index.get())
        };
        Signed {
            file: self.order.file.clone(),
            bundle: self.order.bundle.clone(),
            sha256: self.order.hashed.sha256,
            identity: self.bundle.signer.leaf().and_then(identity),
            entries: entries.map(entry).collect(),
        }
    }

    /// The envelope, if it is one that is signed.
    fn envelope(&self) -> Option<&DsseEnvelope> {
        match &self.bundle.content {
            BundleContent::Envelope(envelope) => Some(envelope),
            BundleContent::Message(_) => None,
        }
    }
}

/// What helps a verifier to find the key: SHA-256 of it.
pub(crate) fn key_hint(key: &PublicKey) -> String {
    STANDARD.encode(Sha256::digest(key.spki_der()))
}

/// Whom a certificate names, and by which issuer.
pub(crate) fn identity(der: &[u8]) -> Option<(String, String)> {
    let view = CertificateView::parse(der).ok()?;
    let name = SubjectAltName::parse(view.extension(oids::SUBJECT_ALT_NAME)?.value).ok()?;
    let pairs = view.extensions().iter().map(|e| (e.oid, e.value));
    let extensions = FulcioExtensions::parse(pairs).ok()?;
    let issuer = extensions.get(ExtensionField::Issuer)?;
    Some((name.as_str().to_owned(), issuer.to_owned()))
}

fn nameless() -> Failure {
    let what = "gave a certificate that names nobody, or no issuer";
    Failure::new(Exit::Refused, "the certificate authority", what)
}

/// The failure that a key is which cannot sign.
pub(crate) fn key_failure(error: &KeyError) -> Failure {
    Failure::new(Exit::File, "the key", "can't sign").found(error)
}
