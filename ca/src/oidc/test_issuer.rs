//! An issuer for the tests of this crate: keys made on the spot, tokens signed with them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sigstore::UnixSeconds;

use super::{IssuerKeys, JwsAlgorithm, KeySet, KeySets};

/// When the tests take place.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A private key and its public half as a JWK without a key id.
pub(crate) struct TestKey {
    pub(crate) algorithm: JwsAlgorithm,
    pub(crate) jwk: Value,
    secret: Secret,
}

enum Secret {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

/// An RSA key, made once.
pub(crate) fn rsa_key() -> &'static TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // A PKCS #1 RSAPublicKey: two integers, of which the last is 65537.
        let der = key.public_key().as_ref();
        let modulus = &der[der.len() - 5 - 256..der.len() - 5];
        TestKey {
            algorithm: JwsAlgorithm::Rs256,
            jwk: json!({"kty": "RSA", "n": encode(modulus), "e": "AQAB"}),
            secret: Secret::Rsa(key),
        }
    })
}

/// A new P-256 key.
pub(crate) fn ecdsa_key() -> TestKey {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref();
    let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
    TestKey {
        algorithm: JwsAlgorithm::Es256,
        jwk: json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}),
        secret: Secret::Ecdsa(key),
    }
}

impl TestKey {
    /// The public half under a key id.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = kid.into();
        jwk
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Secret::Ecdsa(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// A token with this header and payload, whatever they say.
    pub(crate) fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(payload.as_bytes())
        );
        let signature = encode(&self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A token with these claims under a key id.
    pub(crate) fn token_of(&self, kid: &str, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "kid": kid, "typ": "JWT"});
        self.token(&header.to_string(), &claims.to_string())
    }
}

/// Unpadded base64url.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Claims that pass, with others in the place of some. `null` takes one away.
pub(crate) fn claims(issuer: &str, others: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer, "aud": "sigstore", "sub": "someone", "exp": NOW + 600, "iat": NOW - 1,
    });
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let object = claims.as_object_mut().unwrap();
    object.retain(|_, value| !value.is_null());
    claims
}

/// Keys by issuer, in memory.
#[derive(Default)]
pub(crate) struct Keys(BTreeMap<String, Arc<IssuerKeys>>);

impl Keys {
    /// One issuer with these keys, read just now.
    pub(crate) fn of(issuer: &str, jwks: &[Value]) -> Keys {
        let algorithms = [JwsAlgorithm::Rs256, JwsAlgorithm::Es256];
        Keys::with(issuer, jwks, &algorithms, NOW)
    }

    pub(crate) fn with(
        issuer: &str,
        jwks: &[Value],
        algorithms: &[JwsAlgorithm],
        read_at: u64,
    ) -> Keys {
        let key_set = KeySet::parse(json!({"keys": jwks}).to_string().as_bytes()).unwrap();
        let keys = IssuerKeys {
            algorithms: algorithms.to_vec(),
            key_set,
            read_at: UnixSeconds::new(read_at),
        };
        Keys([(issuer.to_owned(), Arc::new(keys))].into())
    }
}

impl KeySets for Keys {
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        self.0.get(issuer).map(Arc::clone)
    }
}
