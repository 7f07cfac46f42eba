//! Timestamps, and that there is a time at all.

use super::*;
use crate::timestamp_token::{FailureInfo, MessageImprint, Rejection};
use crate::{HashAlgorithm, named_signature};

const CHECK: Check = Check::Timestamp;

fn stamped(stampings: &[Stamping]) -> SigstoreBundle {
    Signing::default().sign().v2_at(stampings)
}

fn by_other() -> Stamping {
    Stamping {
        authority: &instance().other_timestamps,
        ..Stamping::default()
    }
}

#[test]
fn there_is_a_time() {
    let words = "neither a timestamp nor a promise";
    refused(Check::SigningTime, words, &stamped(&[]));
    // A log's own word without its signature is nobody's word.
    let unsigned = Logging {
        with_promise: false,
        ..Logging::of(Kind::HashedRekord)
    };
    let bundle = Signing::default().sign().v1_with(&unsigned);
    assert_eq!(bundle.log_entries[0].integrated_time, NOW);
    refused(Check::SigningTime, words, &bundle);
}

#[test]
fn a_timestamp_comes_with_certificates_or_without() {
    for with_certificate in [true, false] {
        let stamping = Stamping {
            with_certificate,
            ..Stamping::default()
        };
        verdict(&stamped(&[stamping]), &policy(), trust()).unwrap();
    }
}

#[test]
fn it_is_by_an_authority_that_is_trusted() {
    let words = "by no timestamp authority in the trusted root";
    for with_certificate in [true, false] {
        let stamping = Stamping {
            with_certificate,
            ..by_other()
        };
        refused(CHECK, words, &stamped(&[stamping]));
    }
    let bundle = stamped(&[Stamping::default()]);
    let nobody = instance().trust_with(|root| root.timestamp_authorities.clear());
    refused_by(CHECK, words, verdict(&bundle, &policy(), &nobody));
    // A signer's authority is none of timestamps.
    let mixed = instance().trust_with(|root| {
        root.timestamp_authorities = root.certificate_authorities.clone();
    });
    let words = "https://authority.example.org: ";
    refused_by(CHECK, words, verdict(&bundle, &policy(), &mixed));
}

#[test]
fn it_is_about_this_signature() {
    let signed = Signing::default().sign();
    let mut bundle = signed.v2();
    bundle.timestamps = vec![Stamping::default().response(b"another signature")];
    refused(CHECK, "https://timestamps.example.org: ", &bundle);
    // Of the artifact is not of the signature.
    bundle.timestamps = vec![Stamping::default().response(ARTIFACT)];
    refused(CHECK, "https://timestamps.example.org: ", &bundle);
}

#[test]
fn it_may_be_by_any_hash() {
    let signed = Signing::default().sign();
    let digest = named_signature::digest(HashAlgorithm::Sha512, signed.content.signature());
    let template = Stamping::default().template();
    let mut tst_info = Stamping::default().tst_info(&template, signed.content.signature());
    tst_info.imprint = MessageImprint::new(HashAlgorithm::Sha512, digest.as_ref()).unwrap();
    let mut bundle = signed.v2();
    bundle.timestamps = vec![Stamping::default().finish(&template, &tst_info)];
    verdict(&bundle, &policy(), trust()).unwrap();
}

#[test]
fn the_authority_was_trusted_at_its_time() {
    let trusted = |valid_for| {
        instance().trust_with(|root| root.timestamp_authorities[0].valid_for = valid_for)
    };
    let bundle = stamped(&[Stamping::default()]);
    for inside in [range(NOW - 1, NOW), range(NOW, NOW + 1)] {
        verdict(&bundle, &policy(), &trusted(inside)).unwrap();
    }
    for outside in [range(0, NOW - 1), range(NOW + 1, NOW + DAY)] {
        let words = "the trusted root does not trust it";
        refused_by(CHECK, words, verdict(&bundle, &policy(), &trusted(outside)));
    }
}

/// The trusted root trusts the authority longer than its certificates last.
#[test]
fn its_certificates_were_valid_at_its_time() {
    let trust = instance().trust_with(|root| {
        root.timestamp_authorities[0].valid_for = range(0, NOW + 1000 * DAY);
    });
    let late = Stamping {
        time: NOW + 180 * DAY + 1,
        ..Stamping::default()
    };
    refused_by(
        CHECK,
        "was not valid",
        verdict(&stamped(&[late]), &policy(), &trust),
    );
}

#[test]
fn one_that_does_not_hold_is_not_passed_over() {
    for stampings in [
        [Stamping::default(), by_other()],
        [by_other(), Stamping::default()],
    ] {
        refused(CHECK, "by no timestamp authority", &stamped(&stampings));
    }
    let mut with_promise = Signing::default().sign().v1();
    with_promise.timestamps = vec![by_other().response(with_promise.content.signature())];
    refused(CHECK, "by no timestamp authority", &with_promise);
}

#[test]
fn what_is_no_timestamp_is_refused() {
    let mut bundle = stamped(&[Stamping::default()]);
    let rejection = Rejection::new(FailureInfo::BadRequest, "no".to_owned());
    bundle.timestamps = vec![rejection.to_der()];
    refused(CHECK, "refused to give one", &bundle);
    bundle.timestamps = vec![vec![0x30, 0]];
    refused(CHECK, "timestamp response", &bundle);
}

#[test]
fn its_signature_is_the_authoritys() {
    let mut bundle = stamped(&[Stamping::default()]);
    let last = bundle.timestamps[0].last_mut().unwrap();
    *last ^= 1;
    refused(CHECK, "https://timestamps.example.org: ", &bundle);
}

/// One whose certificates cannot be used is told when a bundle relies on it, and no sooner.
#[test]
fn an_authority_that_cannot_be_used_harms_only_its_own() {
    let add = |root: &mut crate::trusted_root::TrustedRoot| {
        let unusable = authority("unusable", vec![vec![0x30, 0]]);
        root.timestamp_authorities.insert(0, unusable);
    };
    let bundle = stamped(&[Stamping::default()]);
    verdict(&bundle, &policy(), &instance().trust_with(add)).unwrap();
    let other = verdict(
        &stamped(&[by_other()]),
        &policy(),
        &instance().trust_with(add),
    );
    refused_by(CHECK, "https://unusable.example.org: ", other);
}
