//! What logs hold of a signature, in each kind of entry, as JSON that is not canonical yet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::pem;

pub(super) fn body(signed: &Signed, kind: Kind) -> Value {
    match kind {
        Kind::HashedRekordV2 => hashedrekord_v2(signed),
        Kind::HashedRekord => hashedrekord(signed),
        Kind::Dsse => dsse(signed),
        Kind::Intoto => intoto(signed),
    }
}

fn hashedrekord_v2(signed: &Signed) -> Value {
    let label = signed.key.label;
    let (arm, der) = match signed.chain.first() {
        Some(leaf) => ("x509Certificate", leaf),
        None => ("publicKey", &signed.key.spki),
    };
    json!({ "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": { "hashedRekordV002": {
        "data": {
            "algorithm": label.hash().name(),
            "digest": STANDARD.encode(signed.key.digest(&signed.message)),
        },
        "signature": {
            "content": STANDARD.encode(signed.content.signature()),
            "verifier": { "keyDetails": label.name(), arm: { "rawBytes": STANDARD.encode(der) } },
        },
    } } })
}

fn hashedrekord(signed: &Signed) -> Value {
    let digest = signed.key.digest(&signed.message);
    json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": { "hash": {
            "algorithm": signed.key.label.hash().lower_case_name(),
            "value": hex::encode(digest),
        } },
        "signature": {
            "content": STANDARD.encode(signed.content.signature()),
            "publicKey": { "content": STANDARD.encode(signer_pem(signed)) },
        },
    } })
}

fn dsse(signed: &Signed) -> Value {
    json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": {
        // Of the envelope as it was sent, which nobody can compute again.
        "envelopeHash": sha256(b"the envelope as it was sent"),
        "payloadHash": payload_hash(signed),
        "signatures": [{
            "signature": STANDARD.encode(signed.content.signature()),
            "verifier": STANDARD.encode(signer_pem(signed)),
        }],
    } })
}

fn intoto(signed: &Signed) -> Value {
    let once = STANDARD.encode(signed.content.signature());
    json!({ "apiVersion": "0.0.2", "kind": "intoto", "spec": { "content": {
        "envelope": {
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{
                "sig": STANDARD.encode(once),
                "publicKey": STANDARD.encode(signer_pem(signed)),
            }],
        },
        "hash": sha256(b"the envelope as it was sent"),
        "payloadHash": payload_hash(signed),
    } } })
}

fn payload_hash(signed: &Signed) -> Value {
    match &signed.content {
        BundleContent::Envelope(envelope) => sha256(&envelope.payload),
        // An entry that is about something else than a bundle can be.
        BundleContent::Message(_) => sha256(ARTIFACT),
    }
}

fn sha256(bytes: &[u8]) -> Value {
    json!({ "algorithm": "sha256", "value": hex::encode(Sha256::digest(bytes)) })
}

fn signer_pem(signed: &Signed) -> String {
    match signed.chain.first() {
        Some(leaf) => pem::encode_certificate(leaf),
        None => public_key_pem(&signed.key.spki),
    }
}

/// As it stands in entries of Rekor v1.
pub(crate) fn public_key_pem(spki: &[u8]) -> String {
    let block = pem::PemBlock {
        label: "PUBLIC KEY".to_owned(),
        der: spki.to_vec(),
    };
    block.encode()
}
