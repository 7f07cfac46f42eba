//! Images signed by a key that is made here: what counts as a signature, and of what.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sigstore::bundle::MessageSignature;
use sigstore::dsse::{DsseEnvelope, DsseSignature, STATEMENT_TYPE};
use sigstore::pem::PemBlock;
use sigstore::pki::Key;
use sigstore::verify::TrustMaterial;
use sigstore::{BundleContent, BundleFormat, SignerMaterial, SigstoreBundle};

use super::*;
use crate::http::Http;
use crate::trust::TrustArgs;
use crate::verify::{LogRule, Rules};

const IMAGE: ImageDigest = ImageDigest::new([7; 32]);
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Signer {
        Signer(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn key(&self) -> Key {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        let block = PemBlock {
            label: "PUBLIC KEY".to_owned(),
            der: der.as_ref().to_vec(),
        };
        Key::parse(block.encode().as_bytes()).unwrap()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }

    fn evidence(payload: Option<Vec<u8>>, content: BundleContent) -> ImageEvidence {
        ImageEvidence {
            name: "evidence".to_owned(),
            payload,
            bundle: SigstoreBundle {
                format: BundleFormat::V03,
                signer: SignerMaterial::PublicKey {
                    hint: String::new(),
                },
                log_entries: Vec::new(),
                timestamps: Vec::new(),
                content,
            },
            said_predicate_type: None,
        }
    }

    /// A statement about an image, as cosign makes it today.
    fn states(&self, predicate_type: &str, image: ImageDigest) -> ImageEvidence {
        let digest = hex::encode(image.sha256());
        let statement = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "digest": { "sha256": digest } }],
            "predicateType": predicate_type,
            "predicate": {}
        });
        let mut envelope = DsseEnvelope {
            payload_type: STATEMENT_TYPE.to_owned(),
            payload: statement.to_string().into_bytes(),
            signatures: Vec::new(),
        };
        envelope.signatures.push(DsseSignature {
            key_id: String::new(),
            signature: self.sign(&envelope.encoding()),
        });
        Self::evidence(None, BundleContent::Envelope(envelope))
    }

    /// A signature of the older layout.
    fn signs(&self, image: &str) -> ImageEvidence {
        let payload = serde_json::json!({"critical": {
            "identity": {},
            "image": { "docker-manifest-digest": image },
            "type": "cosign container image signature"
        }});
        let payload = payload.to_string().into_bytes();
        let message = MessageSignature {
            digest: None,
            signature: self.sign(&payload),
        };
        Self::evidence(Some(payload), BundleContent::Message(message))
    }
}

fn judge(signers: &[&Signer], predicate_types: &[&str]) -> Judge {
    let keys = signers.iter().map(|signer| signer.key()).collect();
    let mut rules = Rules::new(Vec::new(), keys).unwrap();
    rules.log = LogRule::NotRequired;
    rules.signer_count_min = signers.len();
    rules.predicate_types = predicate_types.iter().map(|&t| t.to_owned()).collect();
    let args = TrustArgs::default();
    let trusted_root = args.source().trusted_root(&Http::offline()).unwrap();
    Judge {
        rules,
        trust: TrustMaterial::new(&trusted_root),
    }
}

fn verdict(judge: &Judge, evidence: impl IntoIterator<Item = ImageEvidence>) -> String {
    let mut trial = ImageTrial::new(judge, IMAGE);
    for evidence in evidence {
        trial.hear(Ok(evidence));
    }
    match trial.verdict("the image") {
        Ok(verdict) => format!("{} proofs", verdict.proofs.len()),
        Err(refusal) => refusal.failure.to_string(),
    }
}

fn check(said: &str, wanted: &str) {
    assert!(said.contains(wanted), "no {wanted:?} in {said}");
}

#[test]
fn either_layout_is_a_signature() {
    let signer = Signer::new();
    let judge = judge(&[&signer], &[]);
    let current = signer.states(SIGN_PREDICATE_TYPE, IMAGE);
    assert_eq!(verdict(&judge, [current]), "1 proofs");
    let older = signer.signs(&IMAGE.to_string());
    assert_eq!(verdict(&judge, [older]), "1 proofs");
    check(&verdict(&judge, []), "has no signature of it");
}

#[test]
fn a_signature_is_of_one_image() {
    let signer = Signer::new();
    let judge = judge(&[&signer], &[]);
    let other = ImageDigest::new([8; 32]);
    let current = signer.states(SIGN_PREDICATE_TYPE, other);
    check(&verdict(&judge, [current]), "no subject of the statement");
    let older = signer.signs(&other.to_string());
    check(&verdict(&judge, [older]), "the signature of another image");
    // A payload that names this image, under the signature of one that does not.
    let mut swapped = signer.signs(&other.to_string());
    swapped.payload = signer.signs(&IMAGE.to_string()).payload;
    check(&verdict(&judge, [swapped]), "signature");
    let mut garbage = signer.signs(&IMAGE.to_string());
    garbage.payload = Some(b"{}".to_vec());
    check(&verdict(&judge, [garbage]), "not what cosign signs");
}

#[test]
fn what_others_put_there_is_passed_over() {
    let (signer, other) = (Signer::new(), Signer::new());
    let judge = judge(&[&signer], &[]);
    let theirs = || other.states(SIGN_PREDICATE_TYPE, IMAGE);
    check(&verdict(&judge, [theirs()]), "evidence");
    let ours = signer.states(SIGN_PREDICATE_TYPE, IMAGE);
    assert_eq!(verdict(&judge, [theirs(), ours, theirs()]), "1 proofs");
    let mut trial = ImageTrial::new(&judge, IMAGE);
    trial.hear(Err(Failure::new(Exit::Refused, "a piece", "is none")));
    let refusal = trial.verdict("the image").unwrap_err();
    check(&refusal.failure.to_string(), "a piece: is none");
}

#[test]
fn an_attestation_is_no_signature_and_none_the_other() {
    let signer = Signer::new();
    let attested = || signer.states(PROVENANCE, IMAGE);
    let signed = || signer.states(SIGN_PREDICATE_TYPE, IMAGE);
    let said = verdict(&judge(&[&signer], &[]), [attested()]);
    check(&said, "has no signature of it");
    check(&said, &format!("attestations of {PROVENANCE}"));
    let wanted = judge(&[&signer], &[PROVENANCE]);
    assert_eq!(verdict(&wanted, [signed(), attested()]), "1 proofs");
    check(&verdict(&wanted, [signed()]), "no such attestation");
    let both = judge(&[&signer], &[PROVENANCE, SIGN_PREDICATE_TYPE]);
    check(&verdict(&both, [attested()]), SIGN_PREDICATE_TYPE);
    assert_eq!(verdict(&both, [attested(), signed()]), "2 proofs");
}

#[test]
fn a_policy_may_want_several_signers() {
    let (first, second) = (Signer::new(), Signer::new());
    let judge = judge(&[&first, &second], &[]);
    let by = |signer: &Signer| signer.states(SIGN_PREDICATE_TYPE, IMAGE);
    check(
        &verdict(&judge, [by(&first), by(&first)]),
        "2 different signers",
    );
    let older = second.signs(&IMAGE.to_string());
    assert_eq!(verdict(&judge, [by(&first), older]), "2 proofs");
}

#[test]
fn an_annotation_may_not_contradict_what_was_signed() {
    let signer = Signer::new();
    let judge = judge(&[&signer], &[]);
    let mut evidence = signer.states(SIGN_PREDICATE_TYPE, IMAGE);
    evidence.said_predicate_type = Some(PROVENANCE.to_owned());
    check(&verdict(&judge, [evidence]), "another predicate type");
}
