//! Every form of bundle there is, as its signers make it.

use super::*;

const FORMATS: [BundleFormat; 3] = [BundleFormat::V01, BundleFormat::V02, BundleFormat::V03];
const KINDS: [Kind; 4] = [
    Kind::HashedRekordV2,
    Kind::HashedRekord,
    Kind::Dsse,
    Kind::Intoto,
];

/// Whether a log takes such an entry about such a signature.
fn fits(kind: Kind, subject: Subject) -> bool {
    match kind {
        Kind::HashedRekordV2 | Kind::HashedRekord => true,
        Kind::Dsse | Kind::Intoto => subject == Subject::Envelope,
    }
}

fn policy_for(signing: &Signing, signed: &Signed) -> Policy {
    match signing.signer {
        Signer::Certified => policy(),
        Signer::Keyed => Policy::key(public(signed.key)),
    }
}

/// The codes that were passed, each once.
fn codes(verified: &Verified) -> Vec<&'static str> {
    let mut codes: Vec<_> = verified.passed().iter().map(|p| p.check.code()).collect();
    codes.dedup();
    codes
}

#[test]
fn every_form_of_bundle_is_verified() {
    let mut count = 0;
    for signer in [Signer::Certified, Signer::Keyed] {
        for subject in [Subject::Message, Subject::Envelope] {
            let signing = Signing {
                signer,
                subject,
                ..Signing::default()
            };
            let signed = signing.sign();
            for kind in KINDS.into_iter().filter(|kind| fits(*kind, subject)) {
                for format in FORMATS {
                    let logging = Logging {
                        with_promise: kind != Kind::HashedRekordV2,
                        ..Logging::of(kind)
                    };
                    if format == BundleFormat::V01 && !logging.with_promise {
                        continue;
                    }
                    let stamp = signed.timestamped(&Stamping::default());
                    let bundle = signed.bundle(format, vec![signed.logged(&logging)], vec![stamp]);
                    let verified = verdict(&bundle, &policy_for(&signing, &signed), trust());
                    let verified = verified.unwrap_or_else(|refused| {
                        panic!("{signer:?} {subject:?} {kind:?} {format:?}: {refused}")
                    });
                    let times = 1 + usize::from(logging.with_promise);
                    assert_eq!(verified.times().len(), times);
                    assert_eq!(verified.statement().is_some(), subject == Subject::Envelope);
                    assert!(!verified.is_pending());
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 2 * (2 + 3) + 2 * (2 + 3 + 3 + 3));
}

#[test]
fn every_kind_of_key_signs() {
    for label in KeyDetails::ALL {
        for subject in [Subject::Message, Subject::Envelope] {
            for signer in [Signer::Certified, Signer::Keyed] {
                let signing = Signing {
                    signer,
                    label,
                    subject,
                    ..Signing::default()
                };
                let signed = signing.sign();
                for bundle in [signed.v2(), signed.v1()] {
                    let verified = verdict(&bundle, &policy_for(&signing, &signed), trust());
                    verified.unwrap_or_else(|refused| {
                        panic!("{label:?} {subject:?} {signer:?}: {refused}")
                    });
                }
            }
        }
    }
}

/// Ed25519 over the content itself, as Rekor v1 takes it in envelopes.
#[test]
fn ed25519_may_be_over_the_content_itself() {
    let signing = Signing {
        label: KeyDetails::Ed25519Ph,
        pure: true,
        ..Signing::keyed()
    };
    let key = Policy::key(public(signing.sign().key));
    let envelope = Signing {
        subject: Subject::Envelope,
        ..signing
    };
    let bundle = envelope.sign().v1_with(&Logging::of(Kind::Dsse));
    verdict(&bundle, &key, trust()).unwrap();
    let bundle = signing.sign().bundle(BundleFormat::V03, vec![], vec![]);
    let policy = Policy {
        log: LogPolicy::NotRequired,
        ..key
    };
    verdict(&bundle, &policy, trust()).unwrap();
}

/// What a bundle of today shows, from the first check to the last.
#[test]
fn all_that_was_checked_is_told_in_its_order() {
    let bundle = Signing::statement().sign().v2();
    let verified = verdict(&bundle, &policy(), trust()).unwrap();
    let found: Vec<String> = verified
        .passed()
        .iter()
        .map(|passed| passed.check.to_string())
        .collect();
    let wanted = [
        "signer-material",
        "certificate-profile",
        "log-known",
        "timestamp",
        "signing-time",
        "certificate-path",
        "certificate-validity",
        "certificate-logged",
        "identity-issuer",
        "identity-name",
        "log-entry",
        "log-inclusion",
        "log-checkpoint",
        "log-validity",
        "signature",
        "statement-subject",
        "entry-binding",
    ];
    assert_eq!(found, wanted);
    let VerifiedSigner::Certified { signer, identity } = verified.signer() else {
        panic!("{verified:?}");
    };
    assert_eq!((signer.name.as_str(), *identity), (NAME, 0));
    assert_eq!(signer.issuer, ISSUER);
    let [found] = verified.times() else {
        panic!("{verified:?}");
    };
    assert_eq!(found.time, time(NOW));
    assert_eq!(codes(&verified), wanted);
}
