//! A whole private Sigstore as values, for the tests of this module: authorities, logs, signers.
//!
//! A bundle is made in the steps in which a signer makes one: a [`Signing`] gives a [`Signed`],
//! which is timestamped and logged, and all of it becomes a bundle. At each step a test may change
//! what is about to be signed, and everything that comes after is signed over the change. So a
//! bundle can be right in all but one point.
//!
//! There is no clock: what happens, happens at [`NOW`], unless a test says otherwise.

use std::sync::OnceLock;

pub(crate) use bodies::public_key_pem;
pub(crate) use certificates::{Authorities, CertificateParts, intermediate_parts, name_of};
pub(crate) use logs::{CheckpointParts, Kind, Logging, TestLog, Version, line};
pub(crate) use signing::{Issuer, Signed, Signer, Signing, Subject};
pub(crate) use timestamps::{Stamping, TestTimestampAuthority};

use super::*;
use crate::identity::{Identity, TextMatch};
use crate::public_key::PublicKey;
use crate::sct;
use crate::test_keys::TestKey;
use crate::time::UnixSeconds;
use crate::time_range::{ProtoTime, TimeRange};
use crate::trusted_root::{AuthorityInstance, TransparencyLogInstance, TrustedRoot};
use crate::{BundleFormat, KeyDetails};

mod bodies;
mod certificates;
mod logs;
mod signing;
mod timestamps;

/// When everything happens: 2026-01-01.
pub(crate) const NOW: u64 = 1_767_225_600;
pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3600;
pub(crate) const DAY: u64 = 86_400;

pub(crate) const ARTIFACT: &[u8] = b"the artifact\n";
pub(crate) const NAME: &str = "signer@example.org";
pub(crate) const ISSUER: &str = "https://issuer.example.org";

/// The parties, each with keys of the moment.
pub(crate) struct Instance {
    pub(crate) authorities: Authorities,
    pub(crate) ct_log: TestKey,
    pub(crate) log_v1: TestLog,
    pub(crate) log_v2: TestLog,
    pub(crate) timestamps: TestTimestampAuthority,
    /// Trusted by nobody.
    pub(crate) other_timestamps: TestTimestampAuthority,
}

/// The one that all tests share. What it signs can be had in any form.
pub(crate) fn instance() -> &'static Instance {
    static INSTANCE: OnceLock<Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| Instance {
        authorities: Authorities::new(),
        ct_log: TestKey::generate(KeyDetails::EcdsaP256Sha256),
        log_v1: TestLog::new(Version::V1),
        log_v2: TestLog::new(Version::V2),
        timestamps: TestTimestampAuthority::new("timestamps"),
        other_timestamps: TestTimestampAuthority::new("other timestamps"),
    })
}

impl Instance {
    /// What verifiers trust: every party for a year, from [`NOW`] back and forth half of it.
    pub(crate) fn trusted_root(&self) -> TrustedRoot {
        let ct_log = TransparencyLogInstance::with_p256_key(
            "https://ct.example.org".to_owned(),
            self.ct_log.spki.clone(),
            around_now(),
        );
        TrustedRoot {
            tlogs: vec![self.log_v1.instance(), self.log_v2.instance()],
            certificate_authorities: vec![authority("authority", self.authorities.chain())],
            ctlogs: vec![ct_log],
            timestamp_authorities: vec![authority("timestamps", self.timestamps.chain.clone())],
        }
    }

    /// The same, and something about it changed.
    pub(crate) fn trust_with(&self, change: impl FnOnce(&mut TrustedRoot)) -> TrustMaterial {
        let mut trusted_root = self.trusted_root();
        change(&mut trusted_root);
        let json = trusted_root.encode();
        assert_eq!(TrustedRoot::parse(&json).as_ref(), Ok(&trusted_root));
        TrustMaterial::new(&trusted_root)
    }
}

/// Everything as it should be.
pub(crate) fn trust() -> &'static TrustMaterial {
    static TRUST: OnceLock<TrustMaterial> = OnceLock::new();
    TRUST.get_or_init(|| instance().trust_with(|_| {}))
}

pub(crate) fn authority(name: &str, cert_chain: Vec<Vec<u8>>) -> AuthorityInstance {
    AuthorityInstance {
        subject: crate::trusted_root::AuthoritySubject::default(),
        uri: format!("https://{name}.example.org").replace(' ', "-"),
        cert_chain,
        valid_for: around_now(),
        operator: String::new(),
    }
}

pub(crate) fn time(seconds: u64) -> ProtoTime {
    ProtoTime::from_seconds(UnixSeconds::new(seconds)).unwrap()
}

pub(crate) fn range(start: u64, end: u64) -> TimeRange {
    TimeRange {
        start: time(start),
        end: Some(time(end)),
    }
}

pub(crate) fn around_now() -> TimeRange {
    range(NOW - 180 * DAY, NOW + 180 * DAY)
}

pub(crate) fn public(key: &TestKey) -> PublicKey {
    PublicKey::from_spki_der(&key.spki).unwrap()
}

/// The signer by name and issuer.
pub(crate) fn identity() -> Identity {
    Identity {
        issuer: TextMatch::Exact(ISSUER.to_owned()),
        name: TextMatch::Exact(NAME.to_owned()),
    }
}

pub(crate) fn policy() -> Policy {
    Policy::identities(vec![identity()])
}

/// Reads the bundle as it would be sent, and verifies it.
pub(crate) fn verdict(
    bundle: &SigstoreBundle,
    policy: &Policy,
    trust: &TrustMaterial,
) -> Result<Verified, Refused> {
    let sent = SigstoreBundle::parse(&bundle.encode()).unwrap();
    assert_eq!(sent, *bundle);
    verify(&sent, &Artifact::from_content(ARTIFACT), policy, trust)
}

/// The bundle is refused by this check, for a reason with these words.
#[track_caller]
pub(crate) fn refused_by(check: Check, words: &str, verdict: Result<Verified, Refused>) {
    let refused = verdict.expect_err(words);
    let text = refused.to_string();
    assert_eq!(refused.failed.check, check, "{text}");
    assert!(text.contains(words), "{text}");
    let in_order = refused.passed.iter().all(|passed| passed.check <= check);
    assert!(in_order, "{refused:?}");
}

/// As [`refused_by`], with nothing unusual about policy and trust.
#[track_caller]
pub(crate) fn refused(check: Check, words: &str, bundle: &SigstoreBundle) {
    refused_by(check, words, verdict(bundle, &policy(), trust()));
}
