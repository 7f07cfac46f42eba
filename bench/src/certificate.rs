//! Signing certificates like those that a certificate authority for workloads issues: ten minutes
//! long, an empty subject, the identity as a URI, and everything about the build in extensions.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
};

use crate::mixed;
use crate::rekor::Unmakeable;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;

/// id-ecPublicKey and prime256v1.
const P256_ALGORITHM: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// ecdsa-with-SHA384.
const ECDSA_SHA384: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
/// 1.3.6.1.4.1.57264.1, the arc of build claims.
const BUILD_CLAIMS: &[u8] = b"\x2b\x06\x01\x04\x01\x83\xbf\x30\x01";
/// 1.3.6.1.4.1.11129.2.4.2, the list of signed certificate timestamps.
const SCT_LIST: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02";

/// Issues certificates, and signs their timestamps.
#[derive(Debug)]
pub(crate) struct Authority {
    key: EcdsaKeyPair,
    log_key: EcdsaKeyPair,
    random: SystemRandom,
}

/// One run of a build.
#[derive(Debug)]
pub(crate) struct Workflow {
    repository: String,
    owner: String,
    tag: String,
    commit: String,
    run: u64,
    repository_id: u64,
}

impl Workflow {
    pub(crate) fn new(repository: u64, number: u64) -> Self {
        let owner = format!("example-{:05x}", mixed(repository) % 0xf_ffff);
        let commit = digest(&SHA256, &number.to_be_bytes());
        let mut hex = String::new();
        for byte in commit.as_ref().iter().take(20) {
            let _ = write!(hex, "{byte:02x}");
        }
        Self {
            repository: format!("{owner}/project-{:05x}", mixed(repository + 1) % 0xf_ffff),
            owner,
            tag: format!("refs/tags/v{}.{}.{}", number % 5, number % 23, number % 11),
            commit: hex,
            run: 9_000_000_000 + number * 7,
            repository_id: 100_000_000 + mixed(repository) % 700_000_000,
        }
    }

    fn url(&self) -> String {
        format!("https://forge.example/{}", self.repository)
    }

    /// The workflow file at its tag: who signs.
    fn identity(&self) -> String {
        format!("{}/.forge/workflows/release.yml@{}", self.url(), self.tag)
    }

    /// The claims with their last arc, and whether they are wrapped as a string.
    fn claims(&self) -> [(u8, bool, String); 21] {
        let issuer = "https://token.actions.forge.example".to_owned();
        [
            (1, false, issuer.clone()),
            (2, false, "push".to_owned()),
            (3, false, self.commit.clone()),
            (4, false, "Release".to_owned()),
            (5, false, self.repository.clone()),
            (6, false, self.tag.clone()),
            (8, true, issuer),
            (9, true, self.identity()),
            (10, true, self.commit.clone()),
            (11, true, "forge-hosted".to_owned()),
            (12, true, self.url()),
            (13, true, self.commit.clone()),
            (14, true, self.tag.clone()),
            (15, true, self.repository_id.to_string()),
            (16, true, format!("https://forge.example/{}", self.owner)),
            (17, true, (self.repository_id / 9).to_string()),
            (18, true, self.identity()),
            (19, true, self.commit.clone()),
            (20, true, "push".to_owned()),
            (
                21,
                true,
                format!("{}/actions/runs/{}/attempts/1", self.url(), self.run),
            ),
            (22, true, "public".to_owned()),
        ]
    }
}

impl Authority {
    pub(crate) fn new() -> Result<Self, Unmakeable> {
        let failed = |_| Unmakeable("key");
        Ok(Self {
            key: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(failed)?,
            log_key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?,
            random: SystemRandom::new(),
        })
    }

    /// A certificate for a P-256 key, as an uncompressed point.
    pub(crate) fn certify(
        &self,
        point: &[u8],
        workflow: &Workflow,
        number: u64,
    ) -> Result<Vec<u8>, Unmakeable> {
        let failed = |_| Unmakeable("signature");
        let time = u64::from(u32::MAX) + number * 40;
        let sct = self.log_key.sign(&self.random, point).map_err(failed)?;
        let body = self.body(point, workflow, number, &sct_list(time, sct.as_ref()));
        let signature = self.key.sign(&self.random, &body).map_err(failed)?;
        Ok(sequence(&[
            body,
            der(SEQUENCE, ECDSA_SHA384),
            bit_string(signature.as_ref()),
        ]))
    }

    fn body(&self, point: &[u8], workflow: &Workflow, number: u64, scts: &[u8]) -> Vec<u8> {
        let serial = digest(&SHA256, &[point, &number.to_be_bytes()].concat());
        let serial: Vec<u8> = [0x2a]
            .into_iter()
            .chain(serial.as_ref().iter().copied().take(19))
            .collect();
        let key_id = |key: &[u8]| {
            digest(&SHA256, key)
                .as_ref()
                .iter()
                .copied()
                .take(20)
                .collect::<Vec<u8>>()
        };
        let authority_id = der(0x80, &key_id(self.key.public_key().as_ref()));
        let mut extensions = vec![
            extension(b"\x55\x1d\x0f", true, b"\x03\x02\x07\x80"),
            extension(
                b"\x55\x1d\x25",
                false,
                b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03",
            ),
            extension(b"\x55\x1d\x0e", false, &der(OCTET_STRING, &key_id(point))),
            extension(b"\x55\x1d\x23", false, &der(SEQUENCE, &authority_id)),
            extension(
                b"\x55\x1d\x11",
                true,
                &der(SEQUENCE, &der(0x86, workflow.identity().as_bytes())),
            ),
        ];
        for (arc, wrapped, text) in workflow.claims() {
            let value = if wrapped {
                der(UTF8_STRING, text.as_bytes())
            } else {
                text.into_bytes()
            };
            extensions.push(extension(&[BUILD_CLAIMS, &[arc]].concat(), false, &value));
        }
        extensions.push(extension(SCT_LIST, false, &der(OCTET_STRING, scts)));
        sequence(&[
            der(0xa0, &der(INTEGER, &[2])),
            der(INTEGER, &serial),
            der(SEQUENCE, ECDSA_SHA384),
            name(&[
                (b"\x55\x04\x0a", "sigstore.example"),
                (b"\x55\x04\x03", "sigstore-intermediate"),
            ]),
            validity(number),
            sequence(&[]),
            spki_p256(point),
            der(0xa3, &sequence(&extensions)),
        ])
    }
}

/// The `SubjectPublicKeyInfo` of a P-256 key.
pub(crate) fn spki_p256(point: &[u8]) -> Vec<u8> {
    sequence(&[der(SEQUENCE, P256_ALGORITHM), bit_string(point)])
}

/// Ten minutes, somewhere in a day: forty milliseconds lie between two certificates.
fn validity(number: u64) -> Vec<u8> {
    let at = |second: u64| {
        let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
        let text = format!("260301{hour:02}{minute:02}{:02}Z", second % 60);
        der(UTC_TIME, text.as_bytes())
    };
    let second = number / 25;
    sequence(&[at(second), at(second + 600)])
}

fn name(parts: &[(&[u8], &str)]) -> Vec<u8> {
    let part = |(id, text): &(&[u8], &str)| {
        let pair = sequence(&[der(OID, id), der(UTF8_STRING, text.as_bytes())]);
        der(SET, &pair)
    };
    sequence(&parts.iter().map(part).collect::<Vec<_>>())
}

/// A list of one RFC 6962 timestamp.
fn sct_list(time: u64, signature: &[u8]) -> Vec<u8> {
    let log_id = digest(&SHA256, b"the certificate log");
    let mut sct = vec![0];
    sct.extend_from_slice(log_id.as_ref());
    sct.extend_from_slice(&time.to_be_bytes());
    sct.extend_from_slice(&[0, 0, 4, 3]);
    sct.extend_from_slice(&behind_length(signature));
    behind_length(&behind_length(&sct))
}

fn behind_length(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes()[..], bytes].concat()
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![der(OID, id)];
    if critical {
        parts.push(b"\x01\x01\xff".to_vec());
    }
    parts.push(der(OCTET_STRING, value));
    sequence(&parts)
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    der(BIT_STRING, &[&[0], bytes].concat())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &parts.concat())
}

/// One DER value. None here is longer than 65535 bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let [high, low] = len.to_be_bytes();
    let header = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, content.to_vec()].concat()
}
