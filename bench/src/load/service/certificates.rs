//! Requests for certificates, each for one of a few keys, all with the same token.

use anyhow::{Context as _, ensure};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use pem_rfc7468::LineEnding;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigstore::cert::{CertificateView, oids};
use sigstore::sct::{log_id, parse_list};
use sigstore::trusted_root::TrustedRoot;
use sigstore::{CtEntry, PublicKey, pem};

/// Keys that are asked for in turn. The server remembers nothing of a key.
const KEY_COUNT: usize = 64;

/// Certificates of an answer: there is a root and something between.
const CHAIN_LEN_MAX: usize = 8;

/// Requests by their numbers.
pub(in super::super) struct CertificateRequests {
    asked: Vec<Asked>,
    trusted: Option<TrustedRoot>,
}

/// One key, and the request for its certificate.
struct Asked {
    spki: Vec<u8>,
    body: Bytes,
}

impl CertificateRequests {
    /// Makes keys and proves that they are at hand, for the owner of an ID token.
    pub(in super::super) fn prepare(
        token: &str,
        trusted: Option<TrustedRoot>,
    ) -> anyhow::Result<Self> {
        let subject = subject(token)?;
        let asked = (0..KEY_COUNT).map(|_| ask(token, &subject));
        Ok(Self {
            asked: asked.collect::<anyhow::Result<_>>()?,
            trusted,
        })
    }

    pub(super) fn body(&self, number: u64) -> Bytes {
        self.asked(number).body.clone()
    }

    fn asked(&self, number: u64) -> &Asked {
        let at = usize::try_from(number).unwrap_or_default() % self.asked.len();
        self.asked
            .get(at)
            .expect("the remainder is below the length")
    }

    pub(super) fn check(&self, number: u64, answer: &[u8]) -> anyhow::Result<()> {
        let chain = chain(answer)?;
        let (leaf, above) = chain.split_first().context("the chain is empty")?;
        let leaf = CertificateView::parse(leaf).context("the certificate")?;
        ensure!(
            leaf.spki() == self.asked(number).spki,
            "the certificate is for another key"
        );
        let scts = leaf.extension(oids::CT_SCT_LIST);
        let scts = parse_list(scts.context("no SCT is embedded")?.value)?;
        let Some(trusted) = &self.trusted else {
            return Ok(());
        };
        let authorities = &trusted.certificate_authorities;
        ensure!(
            authorities
                .iter()
                .any(|trusted| trusted.cert_chain == above),
            "the chain leads to no trusted authority"
        );
        let issuer = above.first().context("nobody issued the certificate")?;
        let issuer = CertificateView::parse(issuer)?;
        leaf.verify_signed_by(&issuer.public_key()?)?;
        let tbs = leaf.tbs_without(oids::CT_SCT_LIST);
        let entry = CtEntry::Precert {
            issuer_key_hash: Sha256::digest(issuer.spki()).into(),
            tbs: &tbs,
        };
        for sct in &scts {
            let named = |log: &&Vec<u8>| log_id(log) == sct.log_id;
            let mut keys = trusted.ctlogs.iter().map(|log| &log.public_key);
            let key = keys
                .find(named)
                .context("an SCT of a log that nobody trusts")?;
            sct.verify(&entry, &PublicKey::from_spki_der(key)?)?;
        }
        ensure!(!scts.is_empty(), "no SCT is embedded");
        Ok(())
    }
}

/// The certificates of an answer in DER, the new one first.
fn chain(answer: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let answer: Value = serde_json::from_slice(answer).context("the answer is not JSON")?;
    let path = "/signedCertificateEmbeddedSct/chain/certificates";
    let texts = answer.pointer(path).and_then(Value::as_array);
    let texts = texts.context("the answer has no chain with an embedded SCT")?;
    let pem: String = texts.iter().filter_map(Value::as_str).collect();
    Ok(pem::parse_certificates(pem.as_bytes(), CHAIN_LEN_MAX)?)
}

fn ask(token: &str, subject: &str) -> anyhow::Result<Asked> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).context("no key was made")?;
    let proof = key.sign(&SystemRandom::new(), subject.as_bytes());
    let proof = proof.context("nothing was signed")?;
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().context("the key has no DER")?;
    let pem = pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, spki.as_ref());
    let body = json!({
        "credentials": { "oidcIdentityToken": token },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": pem.context("the key has no PEM")? },
            "proofOfPossession": STANDARD.encode(proof.as_ref()),
        },
    });
    Ok(Asked {
        spki: spki.as_ref().to_vec(),
        body: body.to_string().into(),
    })
}

/// What the owner of a token signs: the email address, or else the subject.
fn subject(token: &str) -> anyhow::Result<String> {
    let claims = token.split('.').nth(1).context("the token is not a JWT")?;
    let claims = URL_SAFE_NO_PAD
        .decode(claims)
        .context("the token's claims are not base64")?;
    let claims: Value = serde_json::from_slice(&claims).context("the token's claims")?;
    let text = |name| claims.get(name).and_then(Value::as_str);
    let subject = text("email").or_else(|| text("sub"));
    Ok(subject.context("the token has no subject")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_token_signs_address_or_subject() {
        let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let of = |claims| subject(&token(claims)).ok();
        assert_eq!(of(r#"{"sub":"a","email":"b@c"}"#).as_deref(), Some("b@c"));
        assert_eq!(of(r#"{"sub":"a"}"#).as_deref(), Some("a"));
        assert_eq!(of("{}"), None);
        assert!(subject("no token").is_err());
    }

    #[test]
    fn answers_without_a_chain_are_wrong() {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"sub":"a"}"#));
        let requests = CertificateRequests::prepare(&token, None).unwrap();
        assert_ne!(requests.body(0), requests.body(1));
        for answer in ["", "{}", r#"{"signedCertificateEmbeddedSct":{"chain":{}}}"#] {
            assert!(requests.check(0, answer.as_bytes()).is_err(), "{answer}");
        }
    }
}
