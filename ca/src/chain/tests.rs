//! Tests of chains: made here and loaded again, of the public instance, and each broken rule.

use std::path::PathBuf;

use sigstore::KeyKind;
use sigstore::cert::profile::{assemble, key_id};
use sigstore::cert::{DistinguishedName, Purpose, Validity};

use super::*;
use crate::challenge::tests::tlv;
use crate::signer::{FileSigner, Signer, generate};

pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_735_689_600);
const YEAR_SECONDS: u64 = 31_536_000;

pub(crate) fn signer(kind: KeyKind) -> FileSigner {
    FileSigner::from_pkcs8_der(&generate(kind).unwrap()).unwrap()
}

fn public(signer: &dyn Signer) -> PublicKey {
    PublicKey::from_spki_der(signer.public_key()).unwrap()
}

fn named(common_name: &str) -> DistinguishedName {
    DistinguishedName::new("example.com", common_name).unwrap()
}

fn validity(years: u64) -> Validity {
    Validity {
        not_before: NOW,
        not_after: NOW.plus_seconds(years * YEAR_SECONDS),
    }
}

fn new(name: &DistinguishedName, years: u64) -> NewCertificate<'_> {
    NewCertificate {
        name,
        validity: validity(years),
        serial: random_serial_number().unwrap(),
    }
}

/// A root and an intermediate as `init` makes them, issuing first.
pub(crate) fn made(root: &dyn Signer, issuing: &dyn Signer) -> Vec<Vec<u8>> {
    let root_cert = new(&named("root"), 10).root(root).unwrap();
    let issuer = Issuer::new(&root_cert, root).unwrap();
    let intermediate = new(&named("issuing"), 5)
        .intermediate(&issuer, &public(issuing), Purpose::CodeSigning)
        .unwrap();
    vec![intermediate, root_cert]
}

#[test]
fn what_is_made_is_loaded() {
    for kind in [
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::Rsa { modulus_bits: 2048 },
    ] {
        let (root, issuing) = (signer(kind), signer(kind));
        let certificates = made(&root, &issuing);
        let chain = CertificateChain::from_der(certificates.clone()).unwrap();
        assert_eq!(chain.certificates(), certificates);
        assert_eq!(chain.subject(), named("issuing").to_der());
        assert_eq!(chain.key_id(), key_id(&public(&issuing)));
        assert_eq!(chain.public_key(), &public(&issuing));
        assert_eq!((chain.not_before(), chain.not_after().get()), {
            let validity = validity(5);
            (validity.not_before, validity.not_after.get())
        });
        let again = CertificateChain::from_pem(chain.to_pem().as_bytes());
        assert_eq!(again, Ok(chain));
    }
}

#[test]
fn a_root_alone_is_a_chain() {
    let root = signer(KeyKind::EcdsaP256);
    let certificate = new(&named("root"), 1).root(&root).unwrap();
    let chain = CertificateChain::from_der(vec![certificate]).unwrap();
    assert_eq!(chain.public_key(), &public(&root));
}

#[test]
fn curves_may_differ() {
    let (root, issuing) = (signer(KeyKind::EcdsaP384), signer(KeyKind::EcdsaP256));
    assert!(CertificateChain::from_der(made(&root, &issuing)).is_ok());
}

#[test]
fn the_chain_of_the_public_instance_loads() {
    let path = "../../shared/conformance/trust/production_trusted_root.json";
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), path].iter().collect();
    let Ok(text) = std::fs::read(&path) else {
        skip(&path.display().to_string());
        return;
    };
    let root: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let chain = &root["certificateAuthorities"][1]["certChain"]["certificates"];
    let base64 = base64::engine::general_purpose::STANDARD;
    let der = |cert: &serde_json::Value| {
        use base64::Engine as _;
        base64.decode(cert["rawBytes"].as_str().unwrap()).unwrap()
    };
    let certificates: Vec<_> = chain.as_array().unwrap().iter().map(der).collect();
    assert_eq!(certificates.len(), 2);
    assert!(CertificateChain::from_der(certificates).is_ok());
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn skip(what: &str) {
    eprintln!("SKIPPED: {what} is not there");
}

/// A certificate whose parts can be wrong.
#[derive(Clone)]
struct Parts {
    subject: &'static str,
    issuer: &'static str,
    years: u64,
    extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

impl Parts {
    fn root() -> Self {
        let extensions = vec![
            (oids::KEY_USAGE, true, vec![3, 2, 1, 6]),
            (oids::BASIC_CONSTRAINTS, true, vec![0x30, 3, 1, 1, 0xff]),
        ];
        Self {
            subject: "root",
            issuer: "root",
            years: 10,
            extensions,
        }
    }

    fn issuing() -> Self {
        let purpose = tlv(0x30, &tlv(6, oids::CODE_SIGNING.as_bytes()));
        let mut parts = Self::root();
        parts.subject = "issuing";
        parts.years = 5;
        parts.extensions.extend([
            (oids::EXTENDED_KEY_USAGE, false, purpose),
            (oids::SUBJECT_KEY_IDENTIFIER, false, tlv(4, b"issuing")),
        ]);
        parts
    }

    fn set(&mut self, oid: ObjectIdentifier, critical: bool, value: &[u8]) {
        self.extensions.retain(|(known, ..)| *known != oid);
        self.extensions.push((oid, critical, value.to_vec()));
    }

    fn remove(&mut self, oid: ObjectIdentifier) {
        self.extensions.retain(|(known, ..)| *known != oid);
    }

    fn sign(&self, key: &dyn Signer, by: &dyn Signer) -> Vec<u8> {
        let extensions = self.extensions.iter().flat_map(|(oid, critical, value)| {
            let flag = if *critical {
                tlv(1, &[0xff])
            } else {
                Vec::new()
            };
            tlv(
                0x30,
                &[tlv(6, oid.as_bytes()), flag, tlv(4, value)].concat(),
            )
        });
        let extensions: Vec<u8> = extensions.collect();
        let end = 25 + self.years;
        let validity = [
            tlv(0x17, b"250101000000Z"),
            tlv(0x17, format!("{end}0101000000Z").as_bytes()),
        ];
        let tbs = [
            vec![0xa0, 3, 2, 1, 2, 2, 1, 7],
            by.algorithm().to_der(),
            named(self.issuer).to_der(),
            tlv(0x30, &validity.concat()),
            named(self.subject).to_der(),
            key.public_key().to_vec(),
            tlv(0xa3, &tlv(0x30, &extensions)),
        ];
        let tbs = tlv(0x30, &tbs.concat());
        assemble(&tbs, by.algorithm(), &by.sign(&tbs).unwrap())
    }
}

/// What is wrong with a chain in which one certificate was changed.
fn error(position: usize, change: impl FnOnce(&mut Parts)) -> ChainError {
    let (root, issuing) = (signer(KeyKind::EcdsaP256), signer(KeyKind::EcdsaP256));
    let mut parts = [Parts::issuing(), Parts::root()];
    change(&mut parts[position]);
    let chain = vec![parts[0].sign(&issuing, &root), parts[1].sign(&root, &root)];
    CertificateChain::from_der(chain).unwrap_err()
}

#[test]
fn parts_that_are_right_make_a_chain() {
    let (root, issuing) = (signer(KeyKind::EcdsaP256), signer(KeyKind::EcdsaP256));
    let chain = vec![
        Parts::issuing().sign(&issuing, &root),
        Parts::root().sign(&root, &root),
    ];
    assert_eq!(
        CertificateChain::from_der(chain).unwrap().key_id(),
        b"issuing"
    );
}

#[test]
fn each_broken_rule_is_named() {
    let rule = |position, rule| ChainError::Rule { position, rule };
    let constraints = oids::BASIC_CONSTRAINTS;
    let not_authority = error(1, |p| p.set(constraints, true, &[0x30, 0]));
    assert_eq!(
        not_authority,
        rule(1, "not the certificate of an authority")
    );
    let none = error(0, |p| p.remove(constraints));
    assert_eq!(none, rule(0, "not the certificate of an authority"));
    let lax = error(0, |p| p.set(constraints, false, &[0x30, 3, 1, 1, 0xff]));
    assert_eq!(lax, rule(0, "basic constraints are not critical"));
    let no_room = error(1, |p| {
        p.set(constraints, true, &[0x30, 6, 1, 1, 0xff, 2, 1, 0]);
    });
    assert_eq!(
        no_room,
        rule(1, "more authorities below it than its path length allows")
    );
    let usage = error(0, |p| p.set(oids::KEY_USAGE, true, &[3, 2, 7, 0x80]));
    assert_eq!(
        usage,
        rule(0, "key usage does not include signing certificates")
    );
    let time = tlv(0x30, &tlv(6, oids::TIME_STAMPING.as_bytes()));
    let purpose = error(0, |p| p.set(oids::EXTENDED_KEY_USAGE, false, &time));
    assert_eq!(purpose, rule(0, "purposes do not include code signing"));
    let none = error(0, |p| p.remove(oids::EXTENDED_KEY_USAGE));
    assert_eq!(none, rule(0, "an intermediate without purposes"));
    let code = tlv(0x30, &tlv(6, oids::CODE_SIGNING.as_bytes()));
    let critical = error(0, |p| p.set(oids::EXTENDED_KEY_USAGE, true, &code));
    let wanted = "purposes are critical, which sigstore-python refuses";
    assert_eq!(critical, rule(0, wanted));
    let oid = ObjectIdentifier::new_unwrap("2.5.29.30");
    let unknown = error(0, |p| p.set(oid, true, &[0x30, 0]));
    assert_eq!(unknown, ChainError::UnknownCritical { position: 0, oid });
    let malformed = error(0, |p| p.set(oids::KEY_USAGE, true, b"x"));
    let oid = oids::KEY_USAGE;
    assert_eq!(malformed, ChainError::Extension { position: 0, oid });
    let nameless = error(0, |p| p.remove(oids::SUBJECT_KEY_IDENTIFIER));
    assert_eq!(nameless, ChainError::NoKeyId);
}

#[test]
fn certificates_that_do_not_belong_together_are_refused() {
    let rule = |position, rule| ChainError::Rule { position, rule };
    let other = error(0, |p| p.issuer = "other");
    let wanted = "its issuer is not the subject of the next certificate";
    assert_eq!(other, rule(0, wanted));
    assert_eq!(error(1, |p| p.issuer = "other"), rule(1, wanted));
    let longer = error(0, |p| p.years = 11);
    assert_eq!(
        longer,
        rule(0, "it is valid when the next certificate is not")
    );
    let (root, issuing) = (signer(KeyKind::EcdsaP256), signer(KeyKind::EcdsaP256));
    let mut above = Parts::root();
    above.set(oids::SUBJECT_KEY_IDENTIFIER, false, &tlv(4, b"root"));
    let mut below = Parts::issuing();
    let names_other = tlv(0x30, &tlv(0x80, b"other"));
    below.set(oids::AUTHORITY_KEY_IDENTIFIER, false, &names_other);
    let chain = vec![below.sign(&issuing, &root), above.sign(&root, &root)];
    let wanted = "it names another key of its issuer than the next certificate has";
    assert_eq!(CertificateChain::from_der(chain), Err(rule(0, wanted)));
    let rsa = signer(KeyKind::Rsa { modulus_bits: 2048 });
    let chain = vec![
        Parts::issuing().sign(&rsa, &root),
        Parts::root().sign(&root, &root),
    ];
    let wanted = "rsa and ecdsa keys in one chain";
    assert_eq!(CertificateChain::from_der(chain), Err(rule(0, wanted)));
    // Same names and dates, but signed by somebody else.
    let forged = vec![
        Parts::issuing().sign(&issuing, &issuing),
        Parts::root().sign(&root, &root),
    ];
    let error = CertificateChain::from_der(forged).unwrap_err();
    let wanted = "certificate 0: the certificate's signature does not verify";
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[test]
fn what_is_no_chain_is_refused() {
    assert_eq!(
        CertificateChain::from_der(Vec::new()),
        Err(ChainError::Length { found: 0 })
    );
    let six = CertificateChain::from_der(vec![Vec::new(); 6]);
    assert_eq!(six, Err(ChainError::Length { found: 6 }));
    let error = CertificateChain::from_der(vec![vec![0]]).unwrap_err();
    assert!(
        matches!(error, ChainError::Certificate { position: 0, .. }),
        "{error}"
    );
    assert_eq!(
        CertificateChain::from_pem(b""),
        Err(ChainError::Pem(PemError::NoBlock))
    );
    let (root, issuing) = (signer(KeyKind::EcdsaP256), signer(KeyKind::EcdsaP256));
    let mut chain = made(&root, &issuing);
    chain.pop();
    let error = CertificateChain::from_der(chain).unwrap_err();
    let rule = "its issuer is not the subject of the next certificate";
    assert_eq!(error, ChainError::Rule { position: 0, rule });
    let mut reversed = made(&root, &issuing);
    reversed.reverse();
    assert!(CertificateChain::from_der(reversed).is_err());
}

#[test]
fn a_certificate_does_not_outlive_its_issuer() {
    let root = signer(KeyKind::EcdsaP256);
    let certificate = new(&named("root"), 1).root(&root).unwrap();
    let issuer = Issuer::new(&certificate, &root).unwrap();
    let made = new(&named("issuing"), 2).timestamp_signer(&issuer, &public(&root));
    assert_eq!(made, Err(MakeError::Outlives));
}

#[test]
fn another_key_does_not_sign() {
    let (root, other) = (signer(KeyKind::EcdsaP256), signer(KeyKind::EcdsaP256));
    let certificate = new(&named("root"), 1).root(&root).unwrap();
    assert_eq!(
        Issuer::new(&certificate, &other).unwrap_err(),
        MakeError::OtherKey
    );
}
