//! Tests of issuing: a log's promise in between, each refusal, and OpenSSL as a second opinion.

use std::fmt::Write as _;
use std::process::Command;

use sha2::{Digest as _, Sha256};
use sigstore::cert::{DistinguishedName, ExtensionField};
use sigstore::{CtEntry, KeyKind, UnixMillis};

use super::*;
use crate::chain::tests::{NOW, made, signer, skip};
use crate::chain::{NewCertificate, random_serial_number};
use crate::challenge::check_public_key;
use crate::challenge::tests::ClientKey;
use crate::signer::FileSigner;

/// What promises state.
const TIME: UnixMillis = UnixMillis::new(NOW.get() * 1000);
const EXTENSIONS: [u8; 8] = [0, 0, 5, 0, 0, 0, 0, 7];

/// An authority, a log, and somebody who wants a certificate.
struct World {
    authority: CertificateAuthority,
    root_cert: Vec<u8>,
    log: FileSigner,
    key: CheckedKey,
    san: SubjectAltName,
    extensions: FulcioExtensions,
}

impl World {
    fn new(kind: KeyKind) -> Self {
        let (root, issuing) = (signer(kind), signer(kind));
        let certificates = made(&root, &issuing);
        let root_cert = certificates[1].clone();
        let chain = CertificateChain::from_der(certificates).unwrap();
        let client = ClientKey::p256();
        let key = check_public_key(&client.spki(), &client.sign(b"me"), &["me"]).unwrap();
        let mut extensions = FulcioExtensions::new();
        for field in ExtensionField::ALL {
            extensions.set(
                field,
                format!("https://example.com/{}", field.template_name()),
            );
        }
        Self {
            authority: CertificateAuthority::new(Arc::new(issuing), chain).unwrap(),
            root_cert,
            log: signer(KeyKind::EcdsaP256),
            key,
            san: SubjectAltName::Email("alice@example.com".to_owned()),
            extensions,
        }
    }

    fn request(&self, now: UnixSeconds) -> CertificateRequest<'_> {
        CertificateRequest {
            san: &self.san,
            extensions: &self.extensions,
            key: &self.key,
            now,
            serial: random_serial_number().unwrap(),
        }
    }

    fn pending(&self) -> PendingCertificate {
        self.authority.precertify(&self.request(NOW)).unwrap()
    }

    fn log_key(&self) -> PublicKey {
        PublicKey::from_spki_der(self.log.public_key()).unwrap()
    }

    /// What a log does: it takes the poison out itself, and knows the issuer by its certificate.
    fn promise(&self, pending: &PendingCertificate) -> OwnPromise {
        let precertificate = pending.precertificate();
        let view = CertificateView::parse(&precertificate.der).unwrap();
        assert!(view.is_poisoned());
        let issuer = &precertificate.chain().certificates()[0];
        let issuer = CertificateView::parse(issuer).unwrap();
        view.verify_signed_by(&issuer.public_key().unwrap())
            .unwrap();
        let entry = CtEntry::Precert {
            issuer_key_hash: Sha256::digest(issuer.spki()).into(),
            tbs: &view.tbs_without(oids::CT_POISON),
        };
        assert_eq!(precertificate.logged().entry(), entry);
        let leaf = entry.signed_bytes(TIME, &EXTENSIONS).unwrap();
        let promise = OwnPromise::sign(&self.log, TIME, &EXTENSIONS, leaf).unwrap();
        let sct = promise.clone().into_sct();
        assert_eq!(sct.verify(&entry, &self.log_key()), Ok(()));
        promise
    }

    fn issue(&self) -> IssuedCertificate {
        let pending = self.pending();
        let promise = self.promise(&pending);
        pending.finish(promise, &self.log_key()).unwrap()
    }
}

#[test]
fn a_certificate_is_issued_with_its_promise() {
    for kind in [
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::Rsa { modulus_bits: 2048 },
    ] {
        let world = World::new(kind);
        let pending = world.pending();
        let precertificate = pending.precertificate().der.clone();
        let promise = world.promise(&pending);
        let sct = promise.clone().into_sct();
        let issued = pending.finish(promise, &world.log_key()).unwrap();
        assert_eq!(issued.chain()[1..], *world.authority.chain().certificates());
        let view = CertificateView::parse(&issued.chain()[0]).unwrap();
        view.verify_signed_by(world.authority.chain().public_key())
            .unwrap();
        assert_eq!(view.spki(), world.key.public_key().spki_der());
        assert_eq!(view.issuer(), world.authority.chain().subject());
        assert_eq!(
            (view.not_before(), view.not_after()),
            (NOW, NOW.plus_seconds(600))
        );
        let list = view.extension(oids::CT_SCT_LIST).unwrap();
        assert_eq!(parse_list(list.value), Ok(vec![sct]));
        let before = CertificateView::parse(&precertificate).unwrap();
        assert_eq!(
            view.tbs_without(oids::CT_SCT_LIST),
            before.tbs_without(oids::CT_POISON)
        );
        let fields = view.extensions().iter().map(|e| (e.oid, e.value));
        assert_eq!(FulcioExtensions::parse(fields), Ok(world.extensions));
    }
}

#[test]
fn every_form_of_name_is_issued() {
    let mut world = World::new(KeyKind::EcdsaP256);
    for san in [
        SubjectAltName::Uri("https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1".into()),
        SubjectAltName::OtherName("alice!example.com".into()),
    ] {
        world.san = san.clone();
        let issued = world.issue();
        let view = CertificateView::parse(&issued.chain()[0]).unwrap();
        let found = view.extension(oids::SUBJECT_ALT_NAME).unwrap();
        assert_eq!(SubjectAltName::parse(found.value), Ok(san));
        assert!(found.critical);
    }
}

#[test]
fn the_answer_is_pem_without_a_last_newline() {
    let issued = World::new(KeyKind::EcdsaP256).issue();
    let texts = issued.chain_pem();
    assert_eq!(texts.len(), 3);
    for (text, der) in texts.iter().zip(issued.chain()) {
        assert!(text.ends_with("-----END CERTIFICATE-----"));
        let read = pem::parse_certificates(text.as_bytes(), 1).unwrap();
        assert_eq!(&read[0], der);
    }
}

#[test]
fn a_promise_about_another_certificate_is_refused() {
    let world = World::new(KeyKind::EcdsaP256);
    let (one, other) = (world.pending(), world.pending());
    let promise = world.promise(&other);
    let error = one.finish(promise, &world.log_key()).unwrap_err();
    assert_eq!(error, IssueError::OtherPromise);
}

/// The log has signed one thing, and the promise says another.
#[test]
fn a_promise_that_states_what_was_not_signed_is_refused() {
    let world = World::new(KeyKind::EcdsaP256);
    let pending = world.pending();
    let entry = pending.precertificate().logged().entry();
    let leaf = entry.signed_bytes(TIME, &EXTENSIONS).unwrap();
    let finish = |time, extensions: &[u8], leaf: &[u8]| {
        let promise = OwnPromise::sign(&world.log, time, extensions, leaf.to_vec()).unwrap();
        pending.clone().finish(promise, &world.log_key())
    };
    assert!(finish(TIME, &EXTENSIONS, &leaf).is_ok());
    let refused = Err(IssueError::OtherPromise);
    assert_eq!(finish(UnixMillis::new(1), &EXTENSIONS, &leaf), refused);
    assert_eq!(finish(TIME, &EXTENSIONS[..7], &leaf), refused);
    assert_eq!(finish(TIME, &EXTENSIONS, &leaf[1..]), refused);
}

#[test]
fn a_log_whose_key_clients_would_not_take_promises_nothing() {
    for kind in [KeyKind::EcdsaP384, KeyKind::Rsa { modulus_bits: 2048 }] {
        let log = signer(kind);
        let found = log.algorithm();
        let error = OwnPromise::sign(&log, TIME, &EXTENSIONS, Vec::new()).unwrap_err();
        assert_eq!(error, IssueError::LogAlgorithm { found });
    }
}

#[test]
fn a_promise_of_another_log_is_refused() {
    let world = World::new(KeyKind::EcdsaP256);
    let other = World::new(KeyKind::EcdsaP256);
    let pending = world.pending();
    let promise = world.promise(&pending);
    let error = pending.finish(promise, &other.log_key()).unwrap_err();
    assert!(
        matches!(error, IssueError::Sct(SctError::LogId { .. })),
        "{error}"
    );
}

#[test]
fn a_change_of_keys_in_between_mixes_nothing() {
    let mut world = World::new(KeyKind::EcdsaP256);
    let pending = world.pending();
    let before = world.authority.clone();
    world.authority = World::new(KeyKind::EcdsaP256).authority;
    let promise = world.promise(&pending);
    let issued = pending.finish(promise, &world.log_key()).unwrap();
    let view = CertificateView::parse(&issued.chain()[0]).unwrap();
    assert_eq!(view.verify_signed_by(before.chain().public_key()), Ok(()));
    assert_eq!(issued.chain()[1..], *before.chain().certificates());
}

/// A key that is exchanged behind the authority's back, after its first signature.
#[derive(Debug)]
struct Unsteady(FileSigner, FileSigner, std::sync::atomic::AtomicBool);

impl Signer for Unsteady {
    fn algorithm(&self) -> SignatureAlgorithm {
        let changed = self.2.load(std::sync::atomic::Ordering::SeqCst);
        if changed {
            self.1.algorithm()
        } else {
            self.0.algorithm()
        }
    }

    fn public_key(&self) -> &[u8] {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature = self.0.sign(message);
        self.2.store(true, std::sync::atomic::Ordering::SeqCst);
        signature
    }
}

#[test]
fn a_certificate_that_is_not_what_was_logged_does_not_come_out() {
    let mut world = World::new(KeyKind::EcdsaP256);
    let (root, issuing) = (signer(KeyKind::EcdsaP256), signer(KeyKind::EcdsaP256));
    let chain = CertificateChain::from_der(made(&root, &issuing)).unwrap();
    let unsteady = Unsteady(issuing, signer(KeyKind::EcdsaP384), false.into());
    world.authority = CertificateAuthority::new(Arc::new(unsteady), chain).unwrap();
    let pending = world.pending();
    let promise = world.promise(&pending);
    let error = pending.finish(promise, &world.log_key()).unwrap_err();
    let wanted = IssueError::Certificate(CertificateError::TwoAlgorithms);
    assert_eq!(error, wanted);
}

#[test]
fn check_final_sees_every_difference() {
    let world = World::new(KeyKind::EcdsaP256);
    let pending = world.pending();
    let logged = pending.leaf.logged();
    let promise = world.promise(&pending);
    let scts = [promise.clone().into_sct()];
    let issued = pending.clone().finish(promise, &world.log_key()).unwrap();
    let leaf = &issued.chain()[0];
    assert_eq!(check_final(leaf, &logged, &scts), Ok(()));
    let other = world.pending().leaf.logged();
    let refused = Err(IssueError::NotWhatIsLogged);
    assert_eq!(check_final(leaf, &other, &scts), refused);
    assert_eq!(check_final(leaf, &logged, &[]), refused);
    let poisoned = &pending.precertificate().der;
    assert_eq!(check_final(poisoned, &logged, &scts), refused);
    let error = check_final(&leaf[1..], &logged, &scts).unwrap_err();
    assert!(matches!(error, IssueError::Certificate(_)), "{error}");
}

#[test]
fn an_authority_needs_the_key_of_its_chain() {
    let world = World::new(KeyKind::EcdsaP256);
    let chain = world.authority.chain().clone();
    let other = Arc::new(signer(KeyKind::EcdsaP256));
    let error = CertificateAuthority::new(other, chain).unwrap_err();
    assert_eq!(error, IssueError::OtherKey);
}

#[test]
fn nothing_is_issued_outside_the_validity_of_the_chain() {
    let world = World::new(KeyKind::EcdsaP256);
    let end = world.authority.chain().not_after();
    let error = |now: u64| {
        let request = world.request(UnixSeconds::new(now));
        world.authority.precertify(&request).unwrap_err()
    };
    for now in [NOW.get() - 1, end.get() - VALIDITY_SECONDS + 1, u64::MAX] {
        let (from, until) = (NOW.get(), end.get());
        assert_eq!(error(now), IssueError::ChainValidity { now, from, until });
    }
    let last = UnixSeconds::new(end.get() - VALIDITY_SECONDS);
    assert!(world.authority.precertify(&world.request(last)).is_ok());
}

#[test]
fn a_name_that_cannot_be_written_is_refused() {
    let mut world = World::new(KeyKind::EcdsaP256);
    world.san = SubjectAltName::Email("jos\u{e9}@example.com".into());
    let error = world.authority.precertify(&world.request(NOW)).unwrap_err();
    assert!(
        matches!(error, IssueError::Profile(ProfileError::San(_))),
        "{error}"
    );
}

/// Runs OpenSSL, if it is installed.
fn openssl(arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new("openssl").args(arguments).output() else {
        skip("openssl");
        return None;
    };
    let mut shown = String::from_utf8_lossy(&output.stdout).into_owned();
    write!(shown, "{}", String::from_utf8_lossy(&output.stderr)).unwrap();
    assert!(output.status.success(), "{arguments:?}: {shown}");
    Some(shown)
}

#[test]
fn openssl_reads_and_verifies_what_is_issued() {
    for kind in [KeyKind::EcdsaP384, KeyKind::Rsa { modulus_bits: 2048 }] {
        let world = World::new(kind);
        let issued = world.issue();
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, der: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, pem::encode_certificate(der)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let leaf = write("leaf.pem", &issued.chain()[0]);
        let issuing = write("issuing.pem", &issued.chain()[1]);
        let root = write("root.pem", &world.root_cert);
        let at = (NOW.get() + 60).to_string();
        let verify = [
            "verify",
            "-x509_strict",
            "-attime",
            &at,
            "-CAfile",
            &root,
            "-untrusted",
            &issuing,
            &leaf,
        ];
        let Some(shown) = openssl(&verify) else {
            return;
        };
        assert!(shown.ends_with("leaf.pem: OK\n"), "{shown}");
        let shown = openssl(&["x509", "-in", &leaf, "-noout", "-text"]).unwrap();
        for wanted in [
            "Not Before: Jan  1 00:00:00 2025 GMT",
            "Not After : Jan  1 00:10:00 2025 GMT",
            "X509v3 Key Usage: critical\n                Digital Signature\n",
            "X509v3 Extended Key Usage: \n                Code Signing\n",
            "X509v3 Subject Alternative Name: critical\n                email:alice@example.com\n",
            "CT Precertificate SCTs: \n",
            "Timestamp : Jan  1 00:00:00.000 2025 GMT",
            "Extensions: 00:00:05:00:00:00:00:07",
            "Signature : ecdsa-with-SHA256",
        ] {
            assert!(shown.contains(wanted), "{wanted:?} is not in\n{shown}");
        }
        let shown = openssl(&["asn1parse", "-in", &leaf]).unwrap();
        assert!(shown.contains("1.3.6.1.4.1.57264.1.24"), "{shown}");
    }
}

#[test]
fn openssl_reads_a_timestamp_signers_certificate() {
    let root = signer(KeyKind::EcdsaP256);
    let name = DistinguishedName::new("example.com", "tsa").unwrap();
    let validity = Validity {
        not_before: NOW,
        not_after: NOW.plus_seconds(86_400),
    };
    let serial = random_serial_number().unwrap();
    let new = NewCertificate {
        name: &name,
        validity,
        serial,
    };
    let root_cert = new.root(&root).unwrap();
    let issuer = crate::chain::Issuer::new(&root_cert, &root).unwrap();
    let key = PublicKey::from_spki_der(signer(KeyKind::EcdsaP256).public_key()).unwrap();
    let signer_name = DistinguishedName::new("example.com", "tsa signer").unwrap();
    let new = NewCertificate {
        name: &signer_name,
        ..new
    };
    let leaf = new.timestamp_signer(&issuer, &key).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, der: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem::encode_certificate(der)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (leaf, root) = (write("leaf.pem", &leaf), write("root.pem", &root_cert));
    let at = (NOW.get() + 60).to_string();
    let purpose = [
        "verify",
        "-x509_strict",
        "-purpose",
        "timestampsign",
        "-attime",
        &at,
        "-CAfile",
        &root,
        &leaf,
    ];
    if let Some(shown) = openssl(&purpose) {
        assert!(shown.ends_with("leaf.pem: OK\n"), "{shown}");
    }
}
