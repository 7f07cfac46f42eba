//! Requests to a Rekor v2 log, signed by a key that is the same in every run.
//!
//! The signer is not the library that the server checks with, and its nonces are derived from key
//! and message (RFC 6979), so a text always gives the same request and the same entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Everything in the DER of a P-256 `SubjectPublicKeyInfo` but the point (RFC 5480).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The label of a P-256 key.
pub const KEY_DETAILS: &str = "PKIX_ECDSA_P256_SHA_256";

/// A P-256 key.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    /// Of the public key, in base64.
    spki: String,
}

impl Signer {
    /// The key whose secret is 32 times `seed`, which is not zero.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).expect("a small number is a P-256 secret");
        let mut spki = P256_SPKI_PREFIX.to_vec();
        spki.extend_from_slice(key.verifying_key().to_sec1_point(false).as_bytes());
        let spki = STANDARD.encode(spki);
        Self { key, spki }
    }

    /// The request that logs a signature over `text`, for tests to spoil.
    #[must_use]
    pub fn request(&self, text: &str) -> Value {
        let digest = Sha256::digest(text);
        json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(digest),
            "signature": {"content": self.sign(&digest), "verifier": self.verifier()},
        }})
    }

    /// The request that logs a signed DSSE envelope around `payload`, for tests to spoil.
    #[must_use]
    pub fn envelope_request(&self, payload: &[u8]) -> Value {
        let payload_type = "application/vnd.in-toto+json";
        let head = format!("DSSEv1 28 {payload_type} {} ", payload.len());
        let digest = Sha256::digest([head.as_bytes(), payload].concat());
        json!({"dsseRequestV002": {
            "envelope": {
                "payload": STANDARD.encode(payload),
                "payloadType": payload_type,
                "signatures": [{"sig": self.sign(&digest), "keyid": ""}],
            },
            "verifiers": [self.verifier()],
        }})
    }

    /// The signature over a digest, in base64.
    fn sign(&self, digest: &[u8]) -> String {
        let signature: Signature = self.key.sign_prehash(digest).expect("32 bytes are enough");
        STANDARD.encode(signature.to_der().as_bytes())
    }

    fn verifier(&self) -> Value {
        json!({"publicKey": {"rawBytes": self.spki}, "keyDetails": KEY_DETAILS})
    }

    /// The same as the bytes of a body.
    #[must_use]
    pub fn body(&self, text: &str) -> Vec<u8> {
        self.request(text).to_string().into_bytes()
    }
}

/// The entry that a right request of [`Signer`] must become, put together by hand.
#[must_use]
pub fn leaf_of(request: &Value) -> Vec<u8> {
    let asked = &request["hashedRekordRequestV002"];
    let (digest, signature) = (&asked["digest"], &asked["signature"]["content"]);
    let key = &asked["signature"]["verifier"]["publicKey"]["rawBytes"];
    format!(
        concat!(
            r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"#,
            r#""data":{{"algorithm":"SHA2_256","digest":{}}},"signature":{{"content":{},"#,
            r#""verifier":{{"keyDetails":"{}","publicKey":{{"rawBytes":{}}}}}}}}}}}}}"#
        ),
        digest, signature, KEY_DETAILS, key
    )
    .into_bytes()
}
