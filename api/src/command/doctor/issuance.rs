//! A certificate, asked for with a token, and the certificate log's promise in it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigstore::cert::{CertificateView, oids};
use sigstore::sct::parse_list;
use sigstore::{CtEntry, PublicKey, SignedCertificateTimestamp};

use super::CA_CHAIN as CHAIN;
use super::authority::certificates_of;
use super::report::{OrFix as _, Report, Trouble, Verdict, failed, skipped};
use super::site::{Answer, Site, text};
use super::trust::Trusted;
use crate::wall_clock;

/// What is known by now.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) trusted: Option<&'a Trusted>,
    /// The URLs of the CA's issuers.
    pub(super) issuers: &'a [String],
    /// The operator's token.
    pub(super) token: Option<&'a str>,
}

const TOKEN: &str = "give a fresh token of one of the CA's issuers, for its audience: `cairnd \
    issuer test-token` says what is wrong with one";
const ISSUE: &str = "look in the server's log why no certificate was issued";
const PROMISE: &str = "the CA logs into a certificate log that clients do not trust: make it \
    trusted with `cairnd trust add ct`, or name the trusted one as `log` in [ca]";

/// Has a certificate issued, if there is a token.
pub(super) fn check(site: &Site, asked: &Asked<'_>, report: &mut Report) {
    let Some(trusted) = asked.trusted else {
        report.check(
            "certificate",
            skipped("there is no trusted root to check one by"),
        );
        return;
    };
    let found = token(site, asked).and_then(|token| issue(site, &token));
    let found = found.and_then(|chain| {
        let detail = check_chain(trusted, &chain)?;
        Ok((chain, detail))
    });
    if let Some(chain) = report.take("certificate", found) {
        report.check("certificate log's promise", promise(trusted, &chain));
    }
}

/// The operator's token, or one that a development instance gives to anybody.
fn token(site: &Site, asked: &Asked<'_>) -> Result<String, Trouble> {
    if let Some(token) = asked.token {
        return Ok(token.trim().to_owned());
    }
    let own = format!("{}/dev/oidc/email", site.url());
    if !asked.issuers.contains(&own) {
        return skipped("no --identity-token was given, and this is no development instance");
    }
    let form = b"grant_type=password&username=doctor%40example.com".to_vec();
    let place = format!("{own}/token");
    let answer = site.post(&place, "application/x-www-form-urlencoded", form);
    let body = answer.and_then(Answer::done).or_fix(ISSUE)?;
    let tokens: Value = serde_json::from_slice(&body).or_fix(ISSUE)?;
    match text(&tokens, "/id_token") {
        Some(token) => Ok(token.to_owned()),
        None => failed("the development issuer gave no token", ISSUE),
    }
}

/// What a proof of possession is over: the address, or the subject where there is none.
fn subject(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let claim = claims.get("email").or_else(|| claims.get("sub"))?;
    claim.as_str().map(str::to_owned)
}

/// The certificates of the answer, the new one first.
fn issue(site: &Site, token: &str) -> Result<Vec<Vec<u8>>, Trouble> {
    let Some(subject) = subject(token) else {
        return failed("this is no ID token", TOKEN);
    };
    let made = || {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let proof = key.sign(&SystemRandom::new(), subject.as_bytes())?;
        Ok::<_, aws_lc_rs::error::Unspecified>((spki_of(key.public_key().as_ref()), proof))
    };
    let (spki, proof) = made()
        .map_err(|_| anyhow::anyhow!("this machine makes no key"))
        .or_fix("restart this machine")?;
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(spki)
    );
    let request = json!({
        "credentials": {"oidcIdentityToken": token},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": pem},
            "proofOfPossession": STANDARD.encode(proof.as_ref()),
        },
    });
    let body = request.to_string().into_bytes();
    let answer = site.post("/api/v2/signingCert", "application/json", body);
    let answer = answer.or_fix(ISSUE)?;
    let fix = if answer.status.is_client_error() {
        TOKEN
    } else {
        ISSUE
    };
    let answer: Value = serde_json::from_slice(&answer.done().or_fix(fix)?).or_fix(ISSUE)?;
    let place = "/signedCertificateEmbeddedSct/chain/certificates";
    certificates_of(&answer, place)
}

/// A point on P-256 as `SubjectPublicKeyInfo` (RFC 5480).
fn spki_of(point: &[u8]) -> Vec<u8> {
    [P256_SPKI_PREFIX.as_slice(), point].concat()
}

const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Checks that the new certificate is by a CA that clients trust, and valid now.
fn check_chain(trusted: &Trusted, chain: &[Vec<u8>]) -> Verdict {
    let Some((leaf, above)) = chain.split_first() else {
        return failed("the answer has no certificate", ISSUE);
    };
    let leaf = CertificateView::parse(leaf).or_fix(ISSUE)?;
    leaf.verify_signed_by(&issuer_key(above)?).or_fix(CHAIN)?;
    let mut authorities = trusted.root.certificate_authorities.iter();
    let is_trusted = authorities.any(|authority| {
        authority.cert_chain == above && authority.valid_for.contains(trusted.now)
    });
    if !is_trusted {
        return failed("it was issued by a CA that clients do not trust now", CHAIN);
    }
    let now = wall_clock::seconds();
    let begins = leaf.not_before();
    let is_early = begins > now.plus_seconds(super::CLOCK_APART_SECONDS_MAX);
    if is_early || leaf.not_after() < now {
        return failed(
            "it is not valid now by this machine's clock",
            "set both clocks by NTP: `timedatectl set-ntp true`",
        );
    }
    let minutes = leaf.not_after().get().saturating_sub(begins.get()) / 60;
    Ok(format!(
        "issued by a CA of the trusted root, for {minutes} minutes"
    ))
}

fn issuer_key(above: &[Vec<u8>]) -> Result<PublicKey, Trouble> {
    let first = above.first().map(Vec::as_slice).unwrap_or_default();
    PublicKey::from_certificate_der(first).or_fix(ISSUE)
}

/// Checks that a log that clients trust promised to show this certificate.
fn promise(trusted: &Trusted, chain: &[Vec<u8>]) -> Verdict {
    let Some((leaf, above)) = chain.split_first() else {
        return failed("the answer has no certificate", ISSUE);
    };
    let view = CertificateView::parse(leaf).or_fix(ISSUE)?;
    let Some(list) = view.extension(oids::CT_SCT_LIST) else {
        return failed("the certificate has no promise", PROMISE);
    };
    let tbs = view.tbs_without(oids::CT_SCT_LIST);
    let entry = CtEntry::Precert {
        issuer_key_hash: Sha256::digest(issuer_key(above)?.spki_der()).into(),
        tbs: &tbs,
    };
    for promise in parse_list(list.value).or_fix(PROMISE)? {
        if let Some(log) = verified(trusted, &promise, &entry)? {
            return Ok(format!("made by {log}"));
        }
    }
    failed("no log that clients trust now made it", PROMISE)
}

/// The log that made a promise, if clients trust it. A promise that it did not make fails.
fn verified(
    trusted: &Trusted,
    promise: &SignedCertificateTimestamp,
    entry: &CtEntry<'_>,
) -> Result<Option<String>, Trouble> {
    let mut logs = trusted.root.ctlogs.iter();
    let log = logs.find(|log| log.log_id == promise.log_id && log.valid_for.contains(trusted.now));
    let Some(log) = log else { return Ok(None) };
    let key = PublicKey::from_spki_der(&log.public_key).or_fix(PROMISE)?;
    promise.verify(entry, &key).or_fix(PROMISE)?;
    Ok(Some(log.base_url.clone()))
}
