//! A timestamp authority with a root of its own.

use super::*;
use crate::HashAlgorithm;
use crate::named_signature;
use crate::timestamp_token::{
    AuthorityCertificate, AuthorityName, GenTime, MessageImprint, SerialNumber, TimestampPolicy,
    TimestampResponse, TokenSignature, TokenTemplate, TstInfo,
};

const SIGNATURE: TokenSignature = TokenSignature::EcdsaSha256;

pub(crate) struct TestTimestampAuthority {
    pub(crate) key: TestKey,
    /// Its own certificate and its root's, valid for a year around [`NOW`].
    pub(crate) chain: Vec<Vec<u8>>,
}

/// How a timestamp is made.
pub(crate) struct Stamping {
    pub(crate) authority: &'static TestTimestampAuthority,
    pub(crate) time: u64,
    pub(crate) with_certificate: bool,
}

impl Default for Stamping {
    fn default() -> Self {
        Stamping {
            authority: &instance().timestamps,
            time: NOW,
            with_certificate: true,
        }
    }
}

impl TestTimestampAuthority {
    pub(crate) fn new(name: &str) -> TestTimestampAuthority {
        let generate = || TestKey::generate(KeyDetails::EcdsaP256Sha256);
        let (root, key) = (generate(), generate());
        let name_of = |common_name: String| AuthorityName {
            organization: "example.org".to_owned(),
            common_name,
        };
        let (root_name, own_name) = (name_of(format!("root of {name}")), name_of(name.to_owned()));
        let (root_key, own_key) = (public(&root), public(&key));
        let certificate = |subject, key, issuer| {
            let certificate = AuthorityCertificate {
                serial_number: SerialNumber::from_random([7; 20]),
                subject,
                key,
                issuer,
                not_before: gen_time(NOW - 180 * DAY),
                not_after: gen_time(NOW + 180 * DAY),
            };
            let tbs = certificate.signed_bytes(SIGNATURE);
            AuthorityCertificate::finish(&tbs, SIGNATURE, &root.sign(&tbs))
        };
        TestTimestampAuthority {
            chain: vec![
                certificate(&own_name, &own_key, Some((&root_name, &root_key))),
                certificate(&root_name, &root_key, None),
            ],
            key,
        }
    }
}

impl Stamping {
    /// The response about a signature.
    pub(crate) fn response(&self, signature: &[u8]) -> Vec<u8> {
        let template = self.template();
        self.finish(&template, &self.tst_info(&template, signature))
    }

    pub(crate) fn template(&self) -> TokenTemplate {
        TokenTemplate::new(&self.authority.chain[0], SIGNATURE).unwrap()
    }

    pub(crate) fn tst_info(&self, template: &TokenTemplate, signature: &[u8]) -> TstInfo {
        let hash = HashAlgorithm::Sha256;
        let digest = named_signature::digest(hash, signature);
        TstInfo {
            policy: TimestampPolicy::SIGSTORE,
            imprint: MessageImprint::new(hash, digest.as_ref()).unwrap(),
            serial_number: SerialNumber::from_random([9; 20]),
            gen_time: gen_time(self.time),
            accuracy: None,
            ordering: false,
            nonce: None,
            tsa_name: Some(template.tsa_name().to_vec()),
        }
    }

    pub(crate) fn finish(&self, template: &TokenTemplate, tst_info: &TstInfo) -> Vec<u8> {
        let unsigned = template.prepare(tst_info, self.with_certificate);
        let signature = self.authority.key.sign(unsigned.signed_bytes());
        TimestampResponse::granted_der(&unsigned.finish(&signature))
    }
}

fn gen_time(seconds: u64) -> GenTime {
    GenTime::from_seconds(UnixSeconds::new(seconds)).unwrap()
}
