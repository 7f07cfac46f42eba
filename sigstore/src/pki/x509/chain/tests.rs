//! Each rule of a chain by itself: a chain of two, made on the spot, in which one thing is wrong.

use super::super::Key;
use crate::key_details::KeyDetails;
use crate::pem::encode_certificate;
use crate::test_keys::{bit_string, key, tlv};

/// A certificate for the P-256 test key, issued with the P-384 one.
struct Certificate {
    issuer: &'static str,
    subject: &'static str,
    /// From and to, as `UTCTime`.
    validity: (&'static str, &'static str),
    is_authority: bool,
    spki: Vec<u8>,
    signed_by: KeyDetails,
    /// The last number of the identifier of ECDSA with a hash.
    algorithm: u8,
}

impl Certificate {
    fn signer() -> Certificate {
        Certificate {
            issuer: "authority",
            subject: "signer",
            validity: ("250601000000Z", "250602000000Z"),
            is_authority: false,
            spki: key(KeyDetails::EcdsaP256Sha256).spki.clone(),
            signed_by: KeyDetails::EcdsaP384Sha384,
            algorithm: 3,
        }
    }

    fn authority() -> Certificate {
        Certificate {
            issuer: "authority",
            subject: "authority",
            validity: ("250101000000Z", "260101000000Z"),
            is_authority: true,
            spki: key(KeyDetails::EcdsaP384Sha384).spki.clone(),
            ..Certificate::signer()
        }
    }

    fn encode(&self) -> String {
        let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, self.algorithm];
        let algorithm = tlv(0x30, &tlv(0x06, &oid));
        let name = |text: &str| {
            let value = [tlv(0x06, &[0x55, 4, 3]), tlv(0x0c, text.as_bytes())].concat();
            tlv(0x30, &tlv(0x31, &tlv(0x30, &value)))
        };
        let times = [self.validity.0, self.validity.1].map(|time| tlv(0x17, time.as_bytes()));
        let authority: &[u8] = if self.is_authority {
            &[1, 1, 0xff]
        } else {
            &[]
        };
        let constraints = [
            tlv(0x06, &[0x55, 0x1d, 0x13]),
            tlv(0x04, &tlv(0x30, authority)),
        ];
        let tbs = [
            tlv(0xa0, &tlv(0x02, &[2])),
            tlv(0x02, &[1]),
            algorithm.clone(),
            name(self.issuer),
            tlv(0x30, &times.concat()),
            name(self.subject),
            self.spki.clone(),
            tlv(0xa3, &tlv(0x30, &tlv(0x30, &constraints.concat()))),
        ];
        let tbs = tlv(0x30, &tbs.concat());
        let signature = bit_string(&key(self.signed_by).sign(&tbs));
        encode_certificate(&tlv(0x30, &[tbs, algorithm, signature].concat()))
    }
}

fn read(signer: &Certificate, authority: &Certificate) -> Result<Key, String> {
    let text = [signer.encode(), authority.encode()].concat();
    Key::parse(text.as_bytes()).map_err(|error| error.to_string())
}

/// The error, if one thing is wrong with the certificates.
fn refused(change: impl FnOnce(&mut Certificate, &mut Certificate)) -> String {
    let (mut signer, mut authority) = (Certificate::signer(), Certificate::authority());
    assert!(read(&signer, &authority).is_ok());
    change(&mut signer, &mut authority);
    let error = read(&signer, &authority).unwrap_err();
    let (beginning, reason) = error.split_at(error.rfind("chain: ").unwrap());
    assert_eq!(beginning, "x509 key is malformed: certificate 1 of the ");
    reason.to_owned()
}

#[test]
fn an_issuer_of_another_name_is_refused() {
    let error = refused(|signer, _| signer.issuer = "somebody");
    assert_eq!(error, "chain: its issuer is not the subject of the next");
}

#[test]
fn an_issuer_that_is_no_authority_is_refused() {
    let error = refused(|_, authority| authority.is_authority = false);
    assert_eq!(error, "chain: the next is not a certificate authority's");
}

#[test]
fn an_issuer_that_was_not_valid_then_is_refused() {
    let wanted = "chain: the next was not valid when the first began to be";
    let ended = refused(|_, authority| authority.validity.1 = "250531235959Z");
    assert_eq!(ended, wanted);
    let not_begun = refused(|_, authority| authority.validity.0 = "250601000001Z");
    assert_eq!(not_begun, wanted);
}

#[test]
fn an_issuer_that_expired_since_is_accepted() {
    let mut authority = Certificate::authority();
    authority.validity.1 = "250601000000Z";
    assert!(read(&Certificate::signer(), &authority).is_ok());
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let error = refused(|_, authority| {
        authority
            .spki
            .clone_from(&key(KeyDetails::EcdsaP256Sha256).spki);
    });
    assert_eq!(error, "chain: its signature is not by the issuer's key");
}

#[test]
fn an_algorithm_that_is_not_the_issuers_is_refused() {
    let error = refused(|_, authority| {
        authority
            .spki
            .clone_from(&key(KeyDetails::Rsa2048Sha256).spki);
    });
    let wanted = "chain: 1.2.840.10045.4.3.3 with rsa with 2048 bits is not supported";
    assert_eq!(error, wanted);
    let hash = refused(|signer, _| signer.algorithm = 2);
    assert_eq!(hash, "chain: its signature is not by the issuer's key");
}
