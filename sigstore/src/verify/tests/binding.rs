//! That the entry is about the signature, the signer and the artifact of the bundle. Each of these
//! entries is one that the log holds and that is true of something.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::HashAlgorithm;

const CHECK: Check = Check::EntryBinding;
const MESSAGE_KINDS: [Kind; 2] = [Kind::HashedRekordV2, Kind::HashedRekord];
const ALL_KINDS: [Kind; 4] = [
    Kind::HashedRekordV2,
    Kind::HashedRekord,
    Kind::Dsse,
    Kind::Intoto,
];

/// A bundle of the one signature with an entry about the other.
fn with_entry_of(signed: &Signed, other: &Signed, logging: &Logging) -> SigstoreBundle {
    let stamp = signed.timestamped(&Stamping::default());
    signed.bundle(BundleFormat::V03, vec![other.logged(logging)], vec![stamp])
}

fn refused_with(signing: &Signing, kind: Kind, words: &str, edit_body: fn(&mut Value)) {
    let logging = Logging {
        edit_body,
        ..Logging::of(kind)
    };
    let signed = signing.sign();
    let bundle = with_entry_of(&signed, &signed, &logging);
    let policy = match signing.signer {
        Signer::Certified => policy(),
        Signer::Keyed => Policy::key(public(signed.key)),
    };
    refused_by(CHECK, words, verdict(&bundle, &policy, trust()));
}

/// Signing the same again gives another signature, as right as the first.
#[test]
fn it_has_the_signature() {
    let signed = Signing::statement().sign();
    let again = Signing::statement().sign();
    let other = Signed {
        content: again.content,
        ..signed.clone()
    };
    for kind in ALL_KINDS {
        let bundle = with_entry_of(&signed, &other, &Logging::of(kind));
        refused(
            CHECK,
            "the log holds another signature than the bundle",
            &bundle,
        );
    }
}

/// Two certificates for one key: the log saw the other one.
#[test]
fn it_has_the_certificate() {
    let signed = Signing::statement().sign();
    let other = Signed {
        chain: Signing::statement().sign().chain,
        ..signed.clone()
    };
    let bare = Signed {
        chain: Vec::new(),
        ..signed.clone()
    };
    for kind in ALL_KINDS {
        for other in [&other, &bare] {
            let bundle = with_entry_of(&signed, other, &Logging::of(kind));
            refused(
                CHECK,
                "the log holds another signer than the bundle",
                &bundle,
            );
        }
    }
}

#[test]
fn it_has_the_key() {
    let signing = Signing {
        subject: Subject::Envelope,
        ..Signing::keyed()
    };
    let words = "the log holds another signer than the bundle";
    refused_with(&signing, Kind::HashedRekordV2, words, |body| {
        let verifier = "/spec/hashedRekordV002/signature/verifier/publicKey/rawBytes";
        *body.pointer_mut(verifier).unwrap() = json!(STANDARD.encode(other_key()));
    });
    refused_with(&signing, Kind::HashedRekord, words, |body| {
        body["spec"]["signature"]["publicKey"]["content"] = other_pem_json();
    });
    refused_with(&signing, Kind::Dsse, words, |body| {
        body["spec"]["signatures"][0]["verifier"] = other_pem_json();
    });
    refused_with(&signing, Kind::Intoto, words, |body| {
        body["spec"]["content"]["envelope"]["signatures"][0]["publicKey"] = other_pem_json();
    });
}

fn other_key() -> Vec<u8> {
    TestKey::generate(KeyDetails::EcdsaP256Sha256).spki
}

fn other_pem_json() -> Value {
    json!(STANDARD.encode(public_key_pem(&other_key())))
}

/// A certificate where verifiers have the key: nobody asked the authority.
#[test]
fn it_has_a_key_where_a_key_signed() {
    let signed = Signing::keyed().sign();
    let certified = Signed {
        chain: Signing::default().sign().chain,
        ..signed.clone()
    };
    for kind in MESSAGE_KINDS {
        let bundle = with_entry_of(&signed, &certified, &Logging::of(kind));
        let verdict = verdict(&bundle, &Policy::key(public(signed.key)), trust());
        refused_by(
            CHECK,
            "the log holds another signer than the bundle",
            verdict,
        );
    }
}

#[test]
fn it_has_the_digest_of_what_was_signed() {
    let words = "the log holds a signature of something else";
    for signing in [Signing::default(), Signing::statement(), Signing::keyed()] {
        refused_with(&signing, Kind::HashedRekordV2, words, |body| {
            let digest = STANDARD.encode([7; 32]);
            body["spec"]["hashedRekordV002"]["data"]["digest"] = json!(digest);
        });
        refused_with(&signing, Kind::HashedRekord, words, |body| {
            body["spec"]["data"]["hash"]["value"] = json!("07".repeat(32));
        });
    }
    let signing = Signing::statement();
    refused_with(&signing, Kind::Dsse, words, |body| {
        body["spec"]["payloadHash"]["value"] = json!("07".repeat(32));
    });
    refused_with(&signing, Kind::Intoto, words, |body| {
        body["spec"]["content"]["payloadHash"]["value"] = json!("07".repeat(32));
    });
}

/// An envelope's payload and its encoding are not the same thing, and neither is the artifact.
#[test]
fn digests_of_other_parts_do_not_do() {
    let words = "the log holds a signature of something else";
    let signed = Signing::statement().sign();
    let over_artifact = Signed {
        message: ARTIFACT.to_vec(),
        ..signed.clone()
    };
    let BundleContent::Envelope(envelope) = &signed.content else {
        panic!("a statement is in an envelope");
    };
    let over_payload = Signed {
        message: envelope.payload.clone(),
        ..signed.clone()
    };
    for other in [&over_artifact, &over_payload] {
        for kind in MESSAGE_KINDS {
            let bundle = with_entry_of(&signed, other, &Logging::of(kind));
            refused(CHECK, words, &bundle);
        }
    }
}

#[test]
fn an_entry_about_an_envelope_is_not_about_an_artifact() {
    let words = "the log holds an envelope, the bundle a signature over an artifact";
    for kind in [Kind::Dsse, Kind::Intoto] {
        refused_with(&Signing::default(), kind, words, |_| {});
    }
}

/// Any of the hashes may be in the entry; what is not at hand cannot be compared.
#[test]
fn the_digest_may_be_by_another_hash() {
    let logging = Logging {
        edit_body: |body| {
            let digest = crate::named_signature::digest(HashAlgorithm::Sha512, ARTIFACT);
            body["spec"]["data"]["hash"] =
                json!({ "algorithm": "sha512", "value": hex::encode(digest) });
        },
        ..Logging::of(Kind::HashedRekord)
    };
    let signed = Signing::default().sign();
    let bundle = with_entry_of(&signed, &signed, &logging);
    verdict(&bundle, &policy(), trust()).unwrap();
    let digest: [u8; 32] = signed.key.digest(ARTIFACT).try_into().unwrap();
    let artifact = Artifact::from_sha256(digest);
    let verdict = verify(&bundle, &artifact, &policy(), trust());
    refused_by(CHECK, "the artifact's sha512 is needed", verdict);
}

/// What the entry says of its kind is signed by nobody, but its body says it, too.
#[test]
fn it_is_of_the_kind_that_it_says() {
    let signed = Signing::default().sign();
    for (kind, said) in [
        (Kind::HashedRekordV2, Kind::HashedRekord),
        (Kind::HashedRekord, Kind::HashedRekordV2),
        (Kind::HashedRekord, Kind::Dsse),
        (Kind::HashedRekord, Kind::Intoto),
    ] {
        let mut bundle = with_entry_of(&signed, &signed, &Logging::of(kind));
        bundle.log_entries[0].kind_version = said.kind_version();
        refused(CHECK, "the entry: ", &bundle);
    }
    let mut bundle = signed.v1();
    bundle.log_entries[0].kind_version.kind = "rekord".to_owned();
    refused(CHECK, "an entry of kind \"rekord\"", &bundle);
}

#[test]
fn it_has_one_signature() {
    let words = "an entry about 2 signatures, wanted exactly one";
    refused_with(&Signing::statement(), Kind::Dsse, words, |body| {
        let signatures = body["spec"]["signatures"].as_array_mut().unwrap();
        signatures.push(signatures[0].clone());
    });
}

/// The second entry is as right as the first, but about something else.
#[test]
fn every_entry_is_about_the_bundle() {
    let signed = Signing::default().sign();
    let other = Signed {
        content: Signing::default().sign().content,
        ..signed.clone()
    };
    let mut bundle = signed.v2();
    let right = signed.logged(&Logging::of(Kind::HashedRekord));
    bundle.log_entries.push(right);
    verdict(&bundle, &policy(), trust()).unwrap();
    let wrong = other.logged(&Logging::of(Kind::HashedRekord));
    bundle.log_entries.push(wrong);
    refused(
        CHECK,
        "the log holds another signature than the bundle",
        &bundle,
    );
}
