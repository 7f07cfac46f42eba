//! The authority as a client sees it, and as OpenSSL does.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use der::asn1::ObjectIdentifier;
use sigstore::timestamp_token::{MessageImprint, Nonce, TimestampToken};
use sigstore::{HashAlgorithm, KeyKind, UnixMillis, UnixSeconds};

use super::*;
use crate::signer::{FileSigner, generate};

/// 2026-01-01, when everything here happens.
const NOW: u64 = 1_767_225_600;
const YEAR: u64 = 31_536_000;

fn signer(kind: KeyKind) -> Arc<dyn Signer> {
    Arc::new(FileSigner::from_pkcs8_der(&generate(kind).unwrap()).unwrap())
}

/// An authority under a root, with the certificates of both.
fn authority(kind: KeyKind) -> (TimestampAuthority, Vec<Vec<u8>>) {
    let (root, leaf) = (signer(kind), signer(kind));
    let names = AuthorityNames::of_organization("Example");
    let (from, to) = (UnixSeconds::new(NOW - YEAR), UnixSeconds::new(NOW + YEAR));
    let certificates = vec![
        issue_authority(root.as_ref(), leaf.as_ref(), &names, from, to).unwrap(),
        issue_root(root.as_ref(), &names, from, to).unwrap(),
    ];
    let policy = TimestampPolicy::SIGSTORE;
    let authority = TimestampAuthority::new(leaf, &certificates, policy).unwrap();
    (authority, certificates)
}

fn at(seconds: u64) -> TrustedTime {
    let wall = UnixMillis::new(seconds * 1000 + 999);
    let monotonic = Duration::ZERO;
    let reading = ClockReading { wall, monotonic };
    ClockGuard::new(reading, UnixMillis::new(0), None)
        .time(reading)
        .unwrap()
}

fn request() -> TimestampRequest {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"signature");
    TimestampRequest {
        imprint: MessageImprint::new(HashAlgorithm::Sha256, digest.as_ref()).unwrap(),
        policy: None,
        nonce: None,
        wants_certificate: false,
    }
}

fn granted(response: &[u8]) -> TimestampToken {
    match TimestampResponse::parse_der(response).unwrap() {
        TimestampResponse::Granted(token) => *token,
        TimestampResponse::Rejected(rejection) => panic!("{rejection}"),
    }
}

#[test]
fn a_granted_request_is_answered_as_asked() {
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384] {
        let (authority, _) = authority(kind);
        for wants_certificate in [false, true] {
            let asked = TimestampRequest {
                policy: Some(TimestampPolicy::SIGSTORE),
                nonce: Some(Nonce::from_u64(u64::MAX)),
                wants_certificate,
                ..request()
            };
            let serial_number = random_serial_number().unwrap();
            let response = authority
                .answer(&asked, at(NOW), serial_number.clone())
                .unwrap();
            let token = granted(&response);
            let said = authority.chain().verify(&token, b"signature").unwrap();
            assert_eq!(said.imprint, asked.imprint);
            assert_eq!(said.nonce, asked.nonce);
            assert_eq!(said.serial_number, serial_number);
            assert_eq!(said.gen_time.millis(), UnixMillis::new(NOW * 1000));
            assert_eq!(said.policy, authority.policy());
            assert_eq!(token.certificates().count(), usize::from(wants_certificate));
        }
    }
}

#[test]
fn refusals_say_why_to_people_and_programs() {
    let (authority, _) = authority(KeyKind::EcdsaP256);
    let serial = || random_serial_number().unwrap();
    let other = TimestampPolicy::new(ObjectIdentifier::new_unwrap("1.2.3"));
    let asked = TimestampRequest {
        policy: Some(other),
        ..request()
    };
    let refusal = authority.answer(&asked, at(NOW), serial()).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.is_callers_fault()),
        ("policy", true)
    );
    let rejection = refusal.rejection();
    assert_eq!(rejection.failure, Some(FailureInfo::UnacceptedPolicy));
    let text = "unaccepted policy 1.2.3, this authority works by 1.3.6.1.4.1.57264.2";
    assert_eq!(rejection.text.as_deref(), Some(text));

    let late = at(NOW + YEAR + 1);
    let refusal = authority.answer(&request(), late, serial()).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.is_callers_fault()),
        ("certificate", false)
    );
    assert_eq!(
        refusal.rejection().failure,
        Some(FailureInfo::SystemFailure)
    );
    authority
        .answer(&request(), at(NOW + YEAR), serial())
        .unwrap();

    let refusal = TimestampRefusal::from(ClockRefusal::Silence);
    assert_eq!(refusal.code(), "clock");
    assert_eq!(
        refusal.rejection().failure,
        Some(FailureInfo::TimeNotAvailable)
    );
    let refusal = TimestampRefusal::from(TimestampRequest::parse_der(b"").unwrap_err());
    assert_eq!(
        (refusal.code(), refusal.is_callers_fault()),
        ("bad-request", true)
    );
    let parsed = TimestampResponse::parse_der(&refusal.rejection().to_der()).unwrap();
    assert_eq!(parsed, TimestampResponse::Rejected(refusal.rejection()));
}

#[test]
fn an_authority_needs_a_chain_that_clients_take() {
    let (_, certificates) = authority(KeyKind::EcdsaP256);
    let refused = |signer, certificates: &[Vec<u8>]| {
        TimestampAuthority::new(signer, certificates, TimestampPolicy::SIGSTORE).unwrap_err()
    };
    let other = || signer(KeyKind::EcdsaP256);
    assert_eq!(refused(other(), &certificates), AuthorityError::OtherKey);
    assert_eq!(refused(other(), &certificates[..1]), AuthorityError::NoRoot);
    let error = refused(other(), &certificates[1..]);
    assert!(matches!(error, AuthorityError::Chain(_)), "{error}");
    let rsa = signer(KeyKind::Rsa { modulus_bits: 2048 });
    let error = refused(rsa, &certificates);
    assert!(matches!(error, AuthorityError::Algorithm { .. }), "{error}");
}

#[test]
fn serial_numbers_do_not_repeat() {
    let serials: HashSet<_> = (0..10_000)
        .map(|_| random_serial_number().unwrap())
        .collect();
    assert_eq!(serials.len(), 10_000);
}

/// Runs `openssl`; `None` where it is not installed.
fn openssl(directory: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output();
    let Ok(output) = output else {
        skip();
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Some((output.status.success(), text))
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip() {
    eprintln!("SKIPPED: openssl is not installed");
}

fn write_pem(path: &Path, certificate: &[u8]) {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|l| std::str::from_utf8(l).unwrap())
        .collect();
    let body = lines.join("\n");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    fs::write(path, pem).unwrap();
}

/// A request that OpenSSL makes about the file `data`, read by us.
fn openssl_asks(directory: &Path, hash: &str, certificate: bool) -> Option<TimestampRequest> {
    let certificate: &[&str] = if certificate { &["-cert"] } else { &[] };
    let ask = ["ts", "-query", "-data", "data", hash, "-out", "q.tsq"];
    let (asked, text) = openssl(directory, &[&ask, certificate].concat())?;
    assert!(asked, "{text}");
    let query = fs::read(directory.join("q.tsq")).unwrap();
    let request = TimestampRequest::parse_der(&query).unwrap();
    assert_eq!(request.to_der(), query);
    assert!(request.nonce.is_some());
    assert_eq!(request.wants_certificate, !certificate.is_empty());
    Some(request)
}

/// What OpenSSL says of the response `r.tsr` to this query or about this data.
fn openssl_verifies(directory: &Path, about: [&str; 2]) -> (bool, String) {
    let time = NOW.to_string();
    let with = [
        "-in",
        "r.tsr",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "tsa.pem",
        "-attime",
        &time,
    ];
    let arguments = [&["ts", "-verify"][..], &about, &with].concat();
    openssl(directory, &arguments).expect("it was there a moment ago")
}

#[test]
fn openssl_asks_and_accepts_the_answer() {
    for (kind, hash) in [
        (KeyKind::EcdsaP256, "-sha256"),
        (KeyKind::EcdsaP384, "-sha512"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path();
        let (authority, certificates) = authority(kind);
        write_pem(&directory.join("tsa.pem"), &certificates[0]);
        write_pem(&directory.join("root.pem"), &certificates[1]);
        fs::write(directory.join("data"), b"signature").unwrap();
        fs::write(directory.join("other"), b"another signature").unwrap();
        for certificate in [true, false] {
            let Some(request) = openssl_asks(directory, hash, certificate) else {
                return;
            };
            let number = random_serial_number().unwrap();
            let response = authority.answer(&request, at(NOW), number.clone()).unwrap();
            fs::write(directory.join("r.tsr"), response).unwrap();
            let (accepted, text) = openssl_verifies(directory, ["-queryfile", "q.tsq"]);
            assert!(accepted && text.contains("Verification: OK"), "{text}");
            let (accepted, text) = openssl_verifies(directory, ["-data", "other"]);
            assert!(
                !accepted && text.contains("message imprint mismatch"),
                "{text}"
            );

            let (_, text) = openssl(directory, &["ts", "-reply", "-in", "r.tsr", "-text"]).unwrap();
            let number = format!("Serial number: 0x{}", number.to_string().to_uppercase());
            for wanted in [
                number.as_str(),
                "Policy OID: 1.3.6.1.4.1.57264.2",
                "Time stamp: Jan  1 00:00:00 2026 GMT",
                "Accuracy: 0x01 seconds",
                "Ordering: no",
            ] {
                assert!(text.contains(wanted), "{wanted} is not in\n{text}");
            }
        }
    }
}

#[test]
fn openssl_reads_rejections_and_certificates() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    let rejection = TimestampRefusal::from(ClockRefusal::Silence).rejection();
    fs::write(directory.join("r.tsr"), rejection.to_der()).unwrap();
    let Some((_, text)) = openssl(directory, &["ts", "-reply", "-in", "r.tsr", "-text"]) else {
        return;
    };
    assert!(text.contains("Status: Rejected"), "{text}");
    assert!(text.contains("clock is not to be trusted"), "{text}");
    assert!(
        text.contains("the TSA's time source is not available"),
        "{text}"
    );

    let (_, certificates) = authority(KeyKind::EcdsaP256);
    fs::write(directory.join("tsa.der"), &certificates[0]).unwrap();
    let show = [
        "x509", "-inform", "DER", "-in", "tsa.der", "-noout", "-text",
    ];
    let (_, text) = openssl(directory, &show).unwrap();
    for wanted in [
        "X509v3 Extended Key Usage: critical\n                Time Stamping",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "Subject: O = Example, CN = timestamp authority",
        "Issuer: O = Example, CN = timestamp root",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
}
