//! What a signer does: make a key, have it certified, sign, have that timestamped and logged.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::bundle::{MessageDigest, MessageSignature, SignerMaterial};
use crate::canonical_json::canonicalize;
use crate::dsse::{DsseEnvelope, DsseSignature, STATEMENT_TYPE};
use crate::entry::log_entry::TransparencyLogEntry;
use crate::sct::SignedCertificateTimestamp;
use crate::statement::TYPE_V1;
use crate::test_keys;

/// How something is signed.
pub(crate) struct Signing {
    pub(crate) signer: Signer,
    pub(crate) label: KeyDetails,
    pub(crate) subject: Subject,
    /// Whether an Ed25519 signature is over the content itself.
    pub(crate) pure: bool,
    pub(crate) issuer: Issuer,
    /// Changes the certificate before the log sees it.
    pub(crate) edit_leaf: fn(&mut CertificateParts),
    /// Changes the log's promises, none of which is signed again.
    pub(crate) edit_scts: fn(&mut Vec<SignedCertificateTimestamp>),
    /// Changes the certificate behind the log's back, before it is signed.
    pub(crate) edit_logged_leaf: fn(&mut CertificateParts),
    /// Changes the statement before it is signed.
    pub(crate) edit_statement: fn(&mut Value),
    pub(crate) payload_type: &'static str,
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    Certified,
    Keyed,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The artifact.
    Message,
    /// A statement about the artifact.
    Envelope,
}

/// Which authority certifies the signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    Intermediate,
    Root,
}

/// What was signed, not logged yet.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) key: &'static TestKey,
    /// What the bundle has of certificates; none of a signer with a key alone.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) content: BundleContent,
    /// What the signature is over.
    pub(crate) message: Vec<u8>,
}

impl Default for Signing {
    fn default() -> Self {
        Signing {
            signer: Signer::Certified,
            label: KeyDetails::EcdsaP256Sha256,
            subject: Subject::Message,
            pure: false,
            issuer: Issuer::Intermediate,
            edit_leaf: |_| {},
            edit_scts: |_| {},
            edit_logged_leaf: |_| {},
            edit_statement: |_| {},
            payload_type: STATEMENT_TYPE,
        }
    }
}

impl Signing {
    /// By a key that verifiers have.
    pub(crate) fn keyed() -> Signing {
        Signing {
            signer: Signer::Keyed,
            ..Signing::default()
        }
    }

    /// A statement in an envelope.
    pub(crate) fn statement() -> Signing {
        Signing {
            subject: Subject::Envelope,
            ..Signing::default()
        }
    }

    pub(crate) fn sign(&self) -> Signed {
        let key = test_keys::key(self.label);
        let chain = match self.signer {
            Signer::Certified => vec![instance().authorities.leaf(self, key)],
            Signer::Keyed => Vec::new(),
        };
        let sign = |message: &[u8]| {
            if self.pure {
                key.sign_pure_ed25519(message)
            } else {
                key.sign(message)
            }
        };
        let (content, message) = match self.subject {
            Subject::Message => (message(key, sign(ARTIFACT)), ARTIFACT.to_vec()),
            Subject::Envelope => {
                let mut envelope = self.envelope();
                let encoding = envelope.encoding();
                envelope.signatures[0].signature = sign(&encoding);
                (BundleContent::Envelope(envelope), encoding)
            }
        };
        Signed {
            key,
            chain,
            content,
            message,
        }
    }

    fn envelope(&self) -> DsseEnvelope {
        let digest = hex::encode(Sha256::digest(ARTIFACT));
        let mut statement = json!({
            "_type": TYPE_V1,
            "subject": [
                { "name": "other", "digest": { "sha256": "00".repeat(32) } },
                { "name": "artifact", "digest": { "sha256": digest } },
            ],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": { "anything": [1, 2] },
        });
        (self.edit_statement)(&mut statement);
        DsseEnvelope {
            payload_type: self.payload_type.to_owned(),
            payload: statement.to_string().into_bytes(),
            signatures: vec![DsseSignature {
                key_id: String::new(),
                signature: Vec::new(),
            }],
        }
    }
}

fn message(key: &TestKey, signature: Vec<u8>) -> BundleContent {
    BundleContent::Message(MessageSignature {
        digest: Some(MessageDigest {
            algorithm: key.label.hash(),
            digest: key.digest(ARTIFACT),
        }),
        signature,
    })
}

impl Signed {
    /// An entry of the log that takes this kind.
    pub(crate) fn logged(&self, logging: &Logging) -> TransparencyLogEntry {
        let mut body = bodies::body(self, logging.kind);
        (logging.edit_body)(&mut body);
        logging.kind.log().entry(canonicalize(&body), logging)
    }

    pub(crate) fn timestamped(&self, stamping: &Stamping) -> Vec<u8> {
        stamping.response(self.content.signature())
    }

    /// A bundle with these witnesses.
    pub(crate) fn bundle(
        &self,
        format: BundleFormat,
        log_entries: Vec<TransparencyLogEntry>,
        timestamps: Vec<Vec<u8>>,
    ) -> SigstoreBundle {
        let signer = match (self.chain.as_slice(), format) {
            ([], _) => SignerMaterial::PublicKey {
                hint: "a key of the tests".to_owned(),
            },
            ([leaf], BundleFormat::V03) => SignerMaterial::Certificate(leaf.clone()),
            (chain, _) => SignerMaterial::CertificateChain(chain.to_vec()),
        };
        SigstoreBundle {
            format,
            signer,
            log_entries,
            timestamps,
            content: self.content.clone(),
        }
    }

    /// As it is made today: version 0.3, an entry of Rekor v2, a timestamp.
    pub(crate) fn v2(&self) -> SigstoreBundle {
        self.v2_with(&Logging::of(Kind::HashedRekordV2))
    }

    pub(crate) fn v2_with(&self, logging: &Logging) -> SigstoreBundle {
        let stamp = self.timestamped(&Stamping::default());
        self.bundle(BundleFormat::V03, vec![self.logged(logging)], vec![stamp])
    }

    /// As it was made for years: version 0.3, an entry of Rekor v1, its promise for a time.
    pub(crate) fn v1(&self) -> SigstoreBundle {
        self.v1_with(&Logging::of(Kind::HashedRekord))
    }

    pub(crate) fn v1_with(&self, logging: &Logging) -> SigstoreBundle {
        self.bundle(BundleFormat::V03, vec![self.logged(logging)], Vec::new())
    }

    /// As [`Signed::v2`], with these timestamps.
    pub(crate) fn v2_at(&self, stamps: &[Stamping]) -> SigstoreBundle {
        let stamps = stamps.iter().map(|stamp| self.timestamped(stamp)).collect();
        SigstoreBundle {
            timestamps: stamps,
            ..self.v2()
        }
    }
}
