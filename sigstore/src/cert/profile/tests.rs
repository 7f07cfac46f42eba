//! Tests of the profile: fields in their order and bytes, and each refusal.

use proptest::prelude::*;

use super::*;
use crate::cert::authority::{AuthorityProfile, Purpose, Role};
use crate::cert::{CertificateView, DistinguishedName};
use crate::test_keys::key;
use crate::{KeyDetails, UnixMillis};

const NOW: UnixSeconds = UnixSeconds::new(1_735_689_600);

fn public_key() -> PublicKey {
    PublicKey::from_spki_der(&key(KeyDetails::EcdsaP256Sha256).spki).unwrap()
}

fn validity() -> Validity {
    Validity {
        not_before: NOW,
        not_after: NOW.plus_seconds(600),
    }
}

/// What tests change of a certificate.
#[derive(Clone)]
struct Sample {
    serial: [u8; 20],
    validity: Validity,
    san: SubjectAltName,
    extensions: FulcioExtensions,
}

impl Sample {
    fn good() -> Self {
        let mut extensions = FulcioExtensions::new();
        extensions.set(ExtensionField::Issuer, "https://issuer");
        extensions.set(ExtensionField::TokenSubject, "me");
        Self {
            serial: [0x11; 20],
            validity: validity(),
            san: SubjectAltName::Email("a@b.com".to_owned()),
            extensions,
        }
    }

    fn to_tbs(&self) -> Result<LeafTbs, ProfileError> {
        let name = DistinguishedName::new("example.com", "ca")
            .unwrap()
            .to_der();
        let profile = LeafProfile {
            serial: SerialNumber::from_random(self.serial),
            signature_algorithm: SignatureAlgorithm::EcdsaP256Sha256,
            issuer_name: &name,
            issuer_key_id: &[9; 20],
            validity: self.validity,
            public_key: &public_key(),
            san: &self.san,
            extensions: &self.extensions,
        };
        profile.to_tbs()
    }

    fn error(change: impl FnOnce(&mut Self)) -> ProfileError {
        let mut sample = Self::good();
        change(&mut sample);
        sample.to_tbs().unwrap_err()
    }
}

fn sct() -> SignedCertificateTimestamp {
    SignedCertificateTimestamp {
        log_id: [1; 32],
        timestamp: UnixMillis::new(NOW.get() * 1000),
        extensions: Vec::new(),
        signature: vec![0x30, 0],
    }
}

fn certificate(tbs: &[u8]) -> Vec<u8> {
    assemble(tbs, SignatureAlgorithm::EcdsaP256Sha256, &[1, 2, 3])
}

#[test]
fn the_extensions_are_in_fulcios_order() {
    let leaf = Sample::good().to_tbs().unwrap();
    let der = certificate(&leaf.with_scts(&[sct()]).unwrap());
    let view = CertificateView::parse(&der).unwrap();
    let key_id = hex::encode(key_id(&public_key()));
    let found: Vec<(String, bool, String)> = view
        .extensions()
        .iter()
        .map(|e| (e.oid.to_string(), e.critical, hex::encode(e.value)))
        .collect();
    let list = hex::encode(sct::encode_list(&[sct()]).unwrap());
    let wanted: [(&str, bool, &str); 9] = [
        ("2.5.29.15", true, "03020780"),
        ("2.5.29.37", false, "300a06082b06010505070303"),
        ("2.5.29.14", false, &format!("0414{key_id}")),
        ("2.5.29.35", false, &format!("30168014{}", "09".repeat(20))),
        ("2.5.29.17", true, "300981076140622e636f6d"),
        (
            "1.3.6.1.4.1.57264.1.1",
            false,
            "68747470733a2f2f697373756572",
        ),
        (
            "1.3.6.1.4.1.57264.1.8",
            false,
            "0c0e68747470733a2f2f697373756572",
        ),
        ("1.3.6.1.4.1.57264.1.24", false, "0c026d65"),
        ("1.3.6.1.4.1.11129.2.4.2", false, &list),
    ];
    let wanted = wanted.map(|(oid, critical, value)| (oid.to_owned(), critical, value.to_owned()));
    assert_eq!(found, wanted);
    assert_eq!(view.subject(), [0x30, 0]);
    assert_eq!(view.serial(), [0x11; 20]);
    assert_eq!(
        (view.not_before(), view.not_after()),
        (NOW, NOW.plus_seconds(600))
    );
}

#[test]
fn precertificate_and_certificate_differ_in_the_last_extension_alone() {
    let leaf = Sample::good().to_tbs().unwrap();
    let poisoned = certificate(&leaf.poisoned());
    let view = CertificateView::parse(&poisoned).unwrap();
    assert!(view.is_poisoned());
    let last = view.extensions().last().unwrap();
    assert_eq!((last.oid, last.critical), (oids::CT_POISON, true));
    assert_eq!(view.tbs_without(oids::CT_POISON), leaf.logged());

    let promised = certificate(&leaf.with_scts(&[sct()]).unwrap());
    let view = CertificateView::parse(&promised).unwrap();
    assert!(!view.is_poisoned());
    assert_eq!(view.tbs_without(oids::CT_SCT_LIST), leaf.logged());
    assert!(leaf.with_scts(&[]).is_err());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let error = Sample::error(|p| p.san = SubjectAltName::Email(String::new()));
    assert!(matches!(error, ProfileError::San(SanError::Empty { .. })));
    let field = ExtensionField::BuildConfigUri;
    let error = Sample::error(|p| p.extensions.set(field, "x".repeat(2049)));
    let wanted = "build-config-uri of 2049 bytes, at most 2048 fit into a certificate";
    assert_eq!(error.to_string(), wanted);
    let backwards = Validity {
        not_before: NOW,
        not_after: UnixSeconds::new(0),
    };
    let error = Sample::error(|p| p.validity = backwards);
    assert_eq!(error, ProfileError::Backwards);
    let seconds = u64::MAX;
    let never = Validity {
        not_before: NOW,
        not_after: UnixSeconds::new(seconds),
    };
    let error = Sample::error(|p| p.validity = never);
    assert_eq!(error, ProfileError::Date { seconds });
}

#[test]
fn dates_change_their_form_with_the_year_2050() {
    let last_utc = encode_time(UnixSeconds::new(2_524_607_999)).unwrap();
    assert_eq!(
        last_utc,
        [b"\x17\x0d".as_slice(), b"491231235959Z"].concat()
    );
    let first_general = encode_time(UnixSeconds::new(2_524_608_000)).unwrap();
    assert_eq!(
        first_general,
        [b"\x18\x0f".as_slice(), b"20500101000000Z"].concat()
    );
}

#[test]
fn serial_numbers_are_positive() {
    let serial = |bytes| unsigned(SerialNumber::from_random(bytes).as_bytes());
    assert_eq!(serial([0xff; 20])[..3], [2, 20, 0x7f]);
    assert_eq!(serial([0; 20]), [2, 1, 1]);
    let mut top = [0; 20];
    top[0] = 0x80;
    assert_eq!(serial(top), [2, 1, 1]);
}

/// A certificate of a role, signed with nonsense.
fn authority(role: Role<'_>) -> Vec<u8> {
    let name = DistinguishedName::new("example.com", "root")
        .unwrap()
        .to_der();
    let profile = AuthorityProfile {
        role,
        serial: SerialNumber::from_random([1; 20]),
        signature_algorithm: SignatureAlgorithm::EcdsaP256Sha256,
        issuer_name: &name,
        subject_name: &name,
        validity: validity(),
        public_key: &public_key(),
    };
    certificate(&profile.to_tbs().unwrap())
}

#[test]
fn authorities_have_the_extensions_that_clients_want() {
    let shown = |role| {
        let der = authority(role);
        let view = CertificateView::parse(&der).unwrap();
        let shown = view.extensions().iter().map(|e| {
            let mark = if e.critical { "!" } else { "" };
            format!("{}{mark} {}", e.oid, hex::encode(e.value))
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    let id = hex::encode(key_id(&public_key()));
    let root = format!("2.5.29.15! 03020106, 2.5.29.19! 30030101ff, 2.5.29.14 0414{id}");
    assert_eq!(shown(Role::Root), root);
    let issuer_key_id = &[7; 4];
    let intermediate = format!(
        "2.5.29.15! 03020106, 2.5.29.37 300a06082b06010505070303, \
         2.5.29.19! 30060101ff020100, 2.5.29.14 0414{id}, 2.5.29.35 3006800407070707"
    );
    let purpose = Purpose::CodeSigning;
    let role = Role::Intermediate {
        purpose,
        issuer_key_id,
    };
    assert_eq!(shown(role), intermediate);
    let signer = format!(
        "2.5.29.15! 03020780, 2.5.29.37! 300a06082b06010505070308, \
         2.5.29.14 0414{id}, 2.5.29.35 3006800407070707"
    );
    assert_eq!(shown(Role::TimestampSigner { issuer_key_id }), signer);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        serial in any::<[u8; 20]>(),
        seconds in 0u64..253_402_300_000,
        name in "[a-z/:]{1,200}",
        texts in prop::collection::vec(".{0,60}", 22),
    ) {
        let san = SubjectAltName::Uri(name);
        let mut extensions = FulcioExtensions::new();
        for (field, text) in ExtensionField::ALL.into_iter().zip(&texts) {
            extensions.set(field, text.as_str());
        }
        let not_before = UnixSeconds::new(seconds);
        let validity = Validity { not_before, not_after: not_before };
        let sample = Sample { serial, validity, san, extensions };
        let leaf = sample.to_tbs().unwrap();
        let der = certificate(&leaf.with_scts(&[sct()]).unwrap());
        let view = CertificateView::parse(&der).unwrap();
        prop_assert_eq!(view.not_before(), not_before);
        let fields = view.extensions().iter().map(|e| (e.oid, e.value));
        prop_assert_eq!(FulcioExtensions::parse(fields).unwrap(), sample.extensions);
        let found = view.extension(oids::SUBJECT_ALT_NAME).unwrap();
        prop_assert_eq!(SubjectAltName::parse(found.value).unwrap(), sample.san);
        prop_assert_eq!(view.tbs_without(oids::CT_SCT_LIST), leaf.logged());
    }
}
