//! The signature, and what it is over.

use serde_json::json;

use super::*;
use crate::HashAlgorithm;
use crate::bundle::{MessageDigest, MessageSignature};
use crate::test_keys;

/// The same, signed by somebody else's key of the same kind.
fn by_another(signing: &Signing) -> Signed {
    let mut signed = signing.sign();
    let other = TestKey::generate(signing.label).sign(&signed.message);
    *signature_of(&mut signed.content) = other;
    signed
}

fn signature_of(content: &mut BundleContent) -> &mut Vec<u8> {
    match content {
        BundleContent::Message(message) => &mut message.signature,
        BundleContent::Envelope(envelope) => &mut envelope.signatures[0].signature,
    }
}

fn message_of(content: &mut BundleContent) -> &mut MessageSignature {
    match content {
        BundleContent::Message(message) => message,
        BundleContent::Envelope(_) => panic!("an envelope"),
    }
}

#[test]
fn the_digest_that_is_mentioned_is_the_artifacts() {
    let mut bundle = Signing::default().sign().v2();
    let digest = message_of(&mut bundle.content).digest.as_mut().unwrap();
    digest.digest[0] ^= 1;
    let words = "the bundle is about another artifact";
    refused(Check::MessageDigest, words, &bundle);
    let p384 = Signing {
        label: KeyDetails::EcdsaP384Sha384,
        ..Signing::default()
    };
    let short = Artifact::from_sha256([7; 32]);
    let verdict = verify(&p384.sign().v2(), &short, &policy(), trust());
    let words = "the artifact's sha384 is needed: give the file itself";
    refused_by(Check::MessageDigest, words, verdict);
}

#[test]
fn the_signature_is_by_the_signers_key() {
    for signing in [Signing::default(), Signing::statement()] {
        refused(Check::Signature, "", &by_another(&signing).v2());
        refused(Check::Signature, "", &by_another(&signing).v1());
    }
    for label in [
        KeyDetails::EcdsaP384Sha384,
        KeyDetails::EcdsaP521Sha512,
        KeyDetails::Rsa2048Sha256,
    ] {
        for subject in [Subject::Message, Subject::Envelope] {
            let signing = Signing {
                label,
                subject,
                ..Signing::default()
            };
            refused(Check::Signature, "", &by_another(&signing).v2());
        }
    }
}

/// Ed25519 is tried in both its forms, and fails in both.
#[test]
fn a_signature_by_ed25519_is_by_the_signers_key() {
    for subject in [Subject::Message, Subject::Envelope] {
        let signing = Signing {
            label: KeyDetails::Ed25519Ph,
            subject,
            ..Signing::default()
        };
        let mut signed = signing.sign();
        signature_of(&mut signed.content)[63] ^= 1;
        refused(Check::Signature, "", &signed.v2());
        let mut short = signing.sign();
        signature_of(&mut short.content).pop();
        refused(Check::Signature, "", &short.v2());
    }
}

/// Nothing mentions the digest, so the signature alone says what it is about.
#[test]
fn the_signature_is_over_the_artifact() {
    let mut signed = Signing::default().sign();
    *signature_of(&mut signed.content) = signed.key.sign(b"another artifact");
    message_of(&mut signed.content).digest = None;
    refused(Check::Signature, "", &signed.v2());
}

#[test]
fn a_digest_need_not_be_mentioned() {
    for label in KeyDetails::ALL {
        let signing = Signing {
            label,
            ..Signing::default()
        };
        let mut signed = signing.sign();
        message_of(&mut signed.content).digest = None;
        verdict(&signed.v2(), &policy(), trust()).unwrap();
    }
}

/// Older signers use SHA-256 with every curve, and say so only in the digest that they mention.
#[test]
fn the_hash_is_the_one_of_the_key_or_the_one_that_is_mentioned() {
    let p384 = Signing {
        label: KeyDetails::EcdsaP384Sha384,
        ..Signing::keyed()
    };
    let signed = p384.sign();
    let policy = Policy {
        log: LogPolicy::NotRequired,
        ..Policy::key(public(signed.key))
    };
    // Mentioned is SHA-256, signed is SHA-384.
    let mut bundle = signed.bundle(BundleFormat::V03, Vec::new(), Vec::new());
    let sha256 = test_keys::key(KeyDetails::EcdsaP256Sha256).digest(ARTIFACT);
    message_of(&mut bundle.content).digest = Some(MessageDigest {
        algorithm: HashAlgorithm::Sha256,
        digest: sha256,
    });
    verdict(&bundle, &policy, trust()).unwrap();
    // With the digest alone that is mentioned, the other form cannot be tried.
    let digest = test_keys::key(KeyDetails::EcdsaP256Sha256).digest(ARTIFACT);
    let artifact = Artifact::from_sha256(digest.try_into().unwrap());
    let verdict = verify(&bundle, &artifact, &policy, trust());
    refused_by(Check::Signature, "", verdict);
}

#[test]
fn ed25519_over_the_content_needs_the_content() {
    let pure = Signing {
        label: KeyDetails::Ed25519Ph,
        pure: true,
        ..Signing::keyed()
    };
    let signed = pure.sign();
    let policy = Policy {
        log: LogPolicy::NotRequired,
        ..Policy::key(public(signed.key))
    };
    let mut bundle = signed.bundle(BundleFormat::V03, Vec::new(), Vec::new());
    let sha512 = signed.key.digest(ARTIFACT);
    let artifact = Artifact::default().with_digest(HashAlgorithm::Sha512, sha512);
    let verdict = verify(&bundle, &artifact, &policy, trust());
    refused_by(Check::Signature, "give the file itself", verdict);
    message_of(&mut bundle.content).digest = None;
    let short = Artifact::from_sha256([7; 32]);
    let verdict = verify(&bundle, &short, &policy, trust());
    refused_by(Check::Signature, "give the file itself", verdict);
}

#[test]
fn an_envelope_holds_a_statement() {
    let other = Signing {
        payload_type: "application/json",
        ..Signing::statement()
    };
    let words = "the envelope holds no in-toto statement";
    refused(Check::StatementSubject, words, &other.sign().v2());
    let wrong = Signing {
        edit_statement: |statement| statement["_type"] = json!("https://example.org"),
        ..Signing::statement()
    };
    refused(Check::StatementSubject, "_type", &wrong.sign().v2());
}

#[test]
fn a_subject_of_the_statement_is_the_artifact() {
    let words = "no subject of the statement is the artifact";
    let edits: [fn(&mut serde_json::Value); 4] = [
        |statement| {
            statement["subject"].as_array_mut().unwrap().pop();
        },
        // A digest by another name is another digest.
        |statement| {
            let digest = statement["subject"][1]["digest"]["sha256"].take();
            statement["subject"][1]["digest"] = json!({ "gitCommit": digest });
        },
        |statement| {
            let digest = &mut statement["subject"][1]["digest"]["sha256"];
            *digest = json!(digest.as_str().unwrap().to_uppercase());
        },
        // A name is not looked at.
        |statement| {
            let digest = statement["subject"][1]["digest"]["sha256"].take();
            statement["subject"][1]["name"] = digest;
            statement["subject"][1]["digest"] = json!({ "sha256": "11" });
        },
    ];
    for edit_statement in edits {
        let signing = Signing {
            edit_statement,
            ..Signing::statement()
        };
        refused(Check::StatementSubject, words, &signing.sign().v2());
    }
}

/// The statement is the signer's word, but it must not write on a terminal.
#[test]
fn what_a_statement_is_about_is_told_escaped() {
    let signing = Signing {
        edit_statement: |statement| {
            statement["subject"] = json!([{ "digest": { "\u{1b}[2J": "\u{9b}0m" } }]);
        },
        ..Signing::statement()
    };
    let refused = verdict(&signing.sign().v2(), &policy(), trust()).unwrap_err();
    assert_eq!(refused.failed.check, Check::StatementSubject);
    assert!(!refused.to_string().contains(char::is_control), "{refused}");
}
