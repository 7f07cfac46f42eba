//! Whole requests, responses and tokens, made here with keys of the moment.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::named_signature;
use crate::public_key::PublicKey;
use crate::test_keys::TestKey;
use crate::{HashAlgorithm, KeyDetails, UnixSeconds};

mod real_tokens;
mod refusals;

/// When everything in these tests happens: 2026-01-01.
const NOW: u64 = 1_767_225_600;
const HOUR: u64 = 3600;

/// An authority with a root of its own.
pub(super) struct Authority {
    key: TestKey,
    chain: Vec<Vec<u8>>,
    signature: TokenSignature,
}

impl Authority {
    fn new(label: KeyDetails, signature: TokenSignature) -> Authority {
        let (root, leaf) = (TestKey::generate(label), TestKey::generate(label));
        let name = |common_name: &str| AuthorityName {
            organization: "Example".to_owned(),
            common_name: common_name.to_owned(),
        };
        let (root_name, leaf_name) = (name("timestamp root"), name("timestamps"));
        let (root_key, leaf_key) = (public(&root), public(&leaf));
        let certificate = |subject, key, issuer| {
            let certificate = AuthorityCertificate {
                serial_number: SerialNumber::from_random([7; 20]),
                subject,
                key,
                issuer,
                not_before: time(NOW - HOUR),
                not_after: time(NOW + HOUR),
            };
            let tbs = certificate.signed_bytes(signature);
            AuthorityCertificate::finish(&tbs, signature, &root.sign(&tbs))
        };
        let leaf_der = certificate(&leaf_name, &leaf_key, Some((&root_name, &root_key)));
        Authority {
            chain: vec![leaf_der, certificate(&root_name, &root_key, None)],
            key: leaf,
            signature,
        }
    }

    fn chain(&self) -> TimestampChain {
        TimestampChain::parse_der(&self.chain).unwrap()
    }

    fn template(&self) -> TokenTemplate {
        TokenTemplate::new(&self.chain[0], self.signature).unwrap()
    }

    fn token(&self, tst_info: &TstInfo, with_certificate: bool) -> Vec<u8> {
        let template = self.template();
        let unsigned = template.prepare(tst_info, with_certificate);
        let signature = self.key.sign(unsigned.signed_bytes());
        unsigned.finish(&signature)
    }

    fn token_of(&self, message: &[u8]) -> Vec<u8> {
        self.token(&tst_info(imprint(HashAlgorithm::Sha256, message)), true)
    }
}

/// The one most tests use.
pub(super) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY
        .get_or_init(|| Authority::new(KeyDetails::EcdsaP256Sha256, TokenSignature::EcdsaSha256))
}

fn public(key: &TestKey) -> PublicKey {
    PublicKey::from_spki_der(&key.spki).unwrap()
}

fn time(seconds: u64) -> GenTime {
    GenTime::from_seconds(UnixSeconds::new(seconds)).unwrap()
}

fn imprint(hash: HashAlgorithm, message: &[u8]) -> MessageImprint {
    MessageImprint::new(hash, named_signature::digest(hash, message).as_ref()).unwrap()
}

fn tst_info(imprint: MessageImprint) -> TstInfo {
    TstInfo {
        policy: TimestampPolicy::SIGSTORE,
        imprint,
        serial_number: SerialNumber::from_random([9; 20]),
        gen_time: time(NOW),
        accuracy: Some(Accuracy::ONE_SECOND),
        ordering: false,
        nonce: Some(Nonce::from_u64(0x1234)),
        tsa_name: Some(authority().template().tsa_name().to_vec()),
    }
}

#[test]
fn a_token_is_read_and_verified() {
    let cases = [
        (KeyDetails::EcdsaP256Sha256, TokenSignature::EcdsaSha256),
        (KeyDetails::EcdsaP384Sha384, TokenSignature::EcdsaSha384),
        (KeyDetails::EcdsaP521Sha512, TokenSignature::EcdsaSha512),
    ];
    for (label, signature) in cases {
        let authority = Authority::new(label, signature);
        for hash in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            for with_certificate in [false, true] {
                let wanted = tst_info(imprint(hash, b"signature"));
                let der = authority.token(&wanted, with_certificate);
                let token = TimestampToken::parse_der(&der).unwrap();
                assert_eq!(token.der(), der);
                assert_eq!(token.certificates().count(), usize::from(with_certificate));
                let found = authority.chain().verify(&token, b"signature").unwrap();
                assert_eq!(*found, wanted);
                let response = TimestampResponse::granted_der(&der);
                let parsed = TimestampResponse::parse_der(&response).unwrap();
                assert_eq!(parsed.to_der(), response);
                assert_eq!(parsed, TimestampResponse::Granted(Box::new(token)));
            }
        }
    }
}

/// The shape of a token that Sigstore's own authority gave, element by element.
#[test]
fn the_shape_of_a_token_is_the_known_one() {
    let token = authority().token_of(b"signature");
    let mut found = Vec::new();
    outline(&token, 0, 5, &mut found);
    let wanted = [
        "30", " 06", " a0", "  30", "   02", "   31", "    30", "     06", "   30", "    06",
        "    a0", "     04", "   a0", "    30", "     30", "     30", "     03", "   31", "    30",
        "     02", "     30", "     30", "     a0", "     30", "     04",
    ];
    assert_eq!(found, wanted);
}

fn outline(der: &[u8], depth: usize, depth_max: usize, found: &mut Vec<String>) {
    let mut elements = crate::der_reader::Elements::of("token", der).unwrap();
    while !elements.is_empty() {
        let element = elements.take_any().unwrap();
        found.push(format!("{}{:02x}", " ".repeat(depth), element[0]));
        if element[0] & 0x20 != 0 && depth < depth_max {
            let content = der::asn1::AnyRef::try_from(element).unwrap().value();
            outline(content, depth + 1, depth_max, found);
        }
    }
}

#[test]
fn rejections_are_read_as_they_were_written() {
    for failure in [
        FailureInfo::BadAlgorithm,
        FailureInfo::BadRequest,
        FailureInfo::BadDataFormat,
        FailureInfo::TimeNotAvailable,
        FailureInfo::UnacceptedPolicy,
        FailureInfo::UnacceptedExtension,
        FailureInfo::AdditionalInfoNotAvailable,
        FailureInfo::SystemFailure,
    ] {
        let rejection = Rejection::new(failure, "no clock".to_owned());
        let der = rejection.to_der();
        let parsed = TimestampResponse::parse_der(&der).unwrap();
        assert_eq!(parsed, TimestampResponse::Rejected(rejection));
        assert_eq!(parsed.to_der(), der);
    }
    let bare = Rejection {
        status: PkiStatus::Waiting,
        text: None,
        failure: None,
    };
    assert_eq!(hex::encode(bare.to_der()), "30053003020103");
    // `badAlg` is bit 0, `systemFailure` bit 25.
    let bits = |failure| hex::encode(Rejection::new(failure, String::new()).to_der());
    assert!(bits(FailureInfo::BadAlgorithm).ends_with("03020780"));
    assert!(bits(FailureInfo::SystemFailure).ends_with("03050600000040"));
}

fn any_hash() -> impl Strategy<Value = HashAlgorithm> {
    prop_oneof![
        Just(HashAlgorithm::Sha256),
        Just(HashAlgorithm::Sha384),
        Just(HashAlgorithm::Sha512),
    ]
}

fn any_request() -> impl Strategy<Value = TimestampRequest> {
    let nonce = proptest::option::of(any::<u64>().prop_map(Nonce::from_u64));
    (
        any_hash(),
        any::<[u8; 8]>(),
        any::<bool>(),
        nonce,
        any::<bool>(),
    )
        .prop_map(
            |(hash, message, policy, nonce, wants_certificate)| TimestampRequest {
                imprint: imprint(hash, &message),
                policy: policy.then_some(TimestampPolicy::SIGSTORE),
                nonce,
                wants_certificate,
            },
        )
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(request in any_request()) {
        let der = request.to_der();
        prop_assert_eq!(TimestampRequest::parse_der(&der), Ok(request));
    }

    #[test]
    fn whatever_is_read_is_written_again(
        request in any_request(), place in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut der = request.to_der();
        let place = place.index(der.len());
        der[place] = byte;
        if let Ok(parsed) = TimestampRequest::parse_der(&der) {
            prop_assert_eq!(parsed.to_der(), der);
        }
    }

    #[test]
    fn statements_are_read_as_they_were_written(
        seconds in 0_u64..253_402_300_800,
        accuracy in proptest::option::of((
            proptest::option::of(0_u8..128),
            proptest::option::of(1_u16..1000),
            proptest::option::of(1_u16..1000),
        )),
        ordering in any::<bool>(),
        random in any::<[u8; 20]>(),
    ) {
        let accuracy = accuracy.map(|(seconds, millis, micros)| Accuracy {
            seconds,
            millis,
            micros,
        });
        let statement = TstInfo {
            gen_time: time(seconds),
            accuracy,
            ordering,
            serial_number: SerialNumber::from_random(random),
            ..tst_info(imprint(HashAlgorithm::Sha256, b""))
        };
        let der = statement.to_der();
        prop_assert_eq!(TstInfo::parse_der(&der), Ok(statement));
    }

    /// Each byte of a token is either refused, or signed, or compared with the chain.
    #[test]
    fn no_byte_of_a_token_can_be_changed(place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut token = authority().token_of(b"signature");
        let place = place.index(token.len());
        token[place] ^= flip;
        if let Ok(parsed) = TimestampToken::parse_der(&token) {
            prop_assert_eq!(parsed.der(), &token);
            prop_assert!(authority().chain().verify(&parsed, b"signature").is_err(), "{}", place);
        }
    }
}
