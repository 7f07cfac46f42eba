//! From a signer's certificate to an authority that is trusted.

use super::*;
use crate::cert::oids;
use crate::der_writer::{sequence, tag, tlv};
use crate::time_range::TimeRange;

/// Trust in one authority with this chain.
fn trust_in(chain: Vec<Vec<u8>>) -> TrustMaterial {
    instance().trust_with(|root| root.certificate_authorities = vec![authority("ca", chain)])
}

/// Trust in the authority, its intermediate changed.
fn trust_with_intermediate(edit: fn(&mut CertificateParts)) -> TrustMaterial {
    let authorities = &instance().authorities;
    trust_in(vec![
        authorities.intermediate(edit),
        authorities.root(|_| {}),
    ])
}

fn refused_trusting(check: Check, words: &str, trust: &TrustMaterial) {
    let bundle = Signing::default().sign().v2();
    refused_by(check, words, verdict(&bundle, &policy(), trust));
}

#[test]
fn an_authority_of_the_issuers_name_is_trusted() {
    let signing = Signing {
        edit_leaf: |leaf| leaf.issuer = name_of("nobody"),
        ..Signing::default()
    };
    let words = "no authority in the trusted root has the name";
    refused(Check::CertificatePath, words, &signing.sign().v2());
    let nobody = instance().trust_with(|root| root.certificate_authorities.clear());
    refused_trusting(Check::CertificatePath, words, &nobody);
}

/// All its names are those of the authority that is trusted.
#[test]
fn the_issuers_key_signed_the_certificate() {
    let others = Authorities::new();
    let words = "signature does not verify";
    refused_trusting(Check::CertificatePath, words, &trust_in(others.chain()));
    let mut signed = Signing::default().sign();
    let last = signed.chain[0].last_mut().unwrap();
    *last ^= 1;
    refused(Check::CertificatePath, words, &signed.v2());
}

#[test]
fn the_root_may_certify_signers_itself() {
    let signing = Signing {
        issuer: Issuer::Root,
        ..Signing::default()
    };
    verdict(&signing.sign().v2(), &policy(), trust()).unwrap();
}

#[test]
fn every_certificate_was_valid_at_the_time() {
    let check = Check::CertificateValidity;
    let expired = trust_with_intermediate(|ca| ca.not_after = NOW - 1);
    refused_trusting(
        check,
        "certificate 1 above the signer's was not valid",
        &expired,
    );
    let authorities = &instance().authorities;
    let expired = authorities.root(|ca| ca.not_after = NOW - 1);
    let chain = vec![authorities.intermediate(|_| {}), expired];
    refused_trusting(check, "certificate 2 above", &trust_in(chain));
    let later = trust_with_intermediate(|ca| ca.not_before = NOW + 1);
    refused_trusting(check, "certificate 1 above", &later);
    // Both ends are included.
    let moment = trust_with_intermediate(|ca| (ca.not_before, ca.not_after) = (NOW, NOW));
    verdict(&Signing::default().sign().v2(), &policy(), &moment).unwrap();
}

#[test]
fn the_signers_certificate_was_valid_at_the_time() {
    let signed = Signing::default().sign();
    let at = |time| signed.v2_at(&[stamp_at(time)]);
    let words = "the signer's certificate was not valid";
    for inside in [NOW - MINUTE, NOW + 9 * MINUTE] {
        verdict(&at(inside), &policy(), trust()).unwrap();
    }
    for outside in [NOW - MINUTE - 1, NOW + 9 * MINUTE + 1] {
        refused(Check::CertificateValidity, words, &at(outside));
    }
}

/// A time that fits does not make up for one that does not.
#[test]
fn every_time_counts() {
    let signed = Signing::default().sign();
    let words = "the signer's certificate was not valid";
    for times in [[NOW, NOW + HOUR], [NOW + HOUR, NOW]] {
        let bundle = signed.v2_at(&times.map(stamp_at));
        refused(Check::CertificateValidity, words, &bundle);
    }
    let mut with_promise = signed.v1();
    with_promise.timestamps = vec![signed.timestamped(&stamp_at(NOW + HOUR))];
    refused(Check::CertificateValidity, words, &with_promise);
    let late = Logging {
        time: NOW + HOUR,
        ..Logging::of(Kind::HashedRekord)
    };
    let mut late = signed.v1_with(&late);
    late.timestamps = vec![signed.timestamped(&stamp_at(NOW))];
    refused(Check::CertificateValidity, words, &late);
}

fn stamp_at(time: u64) -> Stamping {
    Stamping {
        time,
        ..Stamping::default()
    }
}

#[test]
fn the_authority_was_trusted_at_the_time() {
    let trusted = |valid_for: TimeRange| {
        instance().trust_with(|root| root.certificate_authorities[0].valid_for = valid_for)
    };
    let bundle = Signing::default().sign().v2();
    for inside in [range(NOW - 1, NOW), range(NOW, NOW + 1), range(NOW, NOW)] {
        verdict(&bundle, &policy(), &trusted(inside)).unwrap();
    }
    let words = "the trusted root does not trust the authority for that time";
    for outside in [range(0, NOW - 1), range(NOW + 1, NOW + DAY)] {
        refused_trusting(Check::CertificateValidity, words, &trusted(outside));
    }
}

/// An authority that is listed twice is trusted in both ranges, whatever their order.
#[test]
fn an_authority_may_be_trusted_in_two_ranges() {
    let bundle = Signing::default().sign().v2();
    for order in [[0, 1], [1, 0]] {
        let twice = instance().trust_with(|root| {
            let mut both = [
                root.certificate_authorities[0].clone(),
                root.certificate_authorities[0].clone(),
            ];
            both[0].valid_for = range(0, NOW - DAY);
            root.certificate_authorities = order.map(|place: usize| both[place].clone()).to_vec();
        });
        verdict(&bundle, &policy(), &twice).unwrap();
    }
}

#[test]
fn what_stands_above_is_an_authority_for_this() {
    let check = Check::CertificatePath;
    let refused_with = |words, edit| refused_trusting(check, words, &trust_with_intermediate(edit));
    refused_with("it is not an authority's", |ca| {
        ca.remove(oids::BASIC_CONSTRAINTS);
    });
    refused_with("it is not an authority's", |ca| {
        ca.set(oids::BASIC_CONSTRAINTS, true, vec![0x30, 0]);
    });
    refused_with("malformed", |ca| {
        ca.set(oids::BASIC_CONSTRAINTS, true, vec![0x30]);
    });
    refused_with("no signing of certificates", |ca| {
        ca.set(oids::KEY_USAGE, true, vec![3, 2, 7, 0x80]);
    });
    refused_with("malformed", |ca| ca.set(oids::KEY_USAGE, true, vec![3]));
    refused_with("no code signing", |ca| {
        let purpose = tlv(tag::OID, oids::TIME_STAMPING.as_bytes());
        ca.set(oids::EXTENDED_KEY_USAGE, false, sequence(&[purpose]));
    });
    refused_with("malformed", |ca| {
        ca.set(oids::EXTENDED_KEY_USAGE, false, vec![0x30]);
    });
    refused_with("critical extension", |ca| {
        // Name constraints, which nothing here would keep to.
        ca.set("2.5.29.30".parse().unwrap(), true, vec![0x30, 0]);
    });
    // What is not said is not forbidden.
    let silent = trust_with_intermediate(|ca| {
        ca.remove(oids::KEY_USAGE);
        ca.remove(oids::EXTENDED_KEY_USAGE);
    });
    verdict(&Signing::default().sign().v2(), &policy(), &silent).unwrap();
}

#[test]
fn a_trusted_chain_hangs_together() {
    let authorities = &instance().authorities;
    let others = Authorities::new();
    let check = Check::CertificatePath;
    let chain = vec![authorities.intermediate(|_| {}), others.root(|_| {})];
    refused_trusting(check, "certificate 0 of the authority", &trust_in(chain));
    let short = authorities.root(|root| {
        // No authority below it, and there is one.
        root.set(
            oids::BASIC_CONSTRAINTS,
            true,
            vec![0x30, 6, 1, 1, 0xff, 2, 1, 0],
        );
    });
    let chain = vec![authorities.intermediate(|_| {}), short];
    refused_trusting(check, "more authorities are below it", &trust_in(chain));
    let chain = vec![authorities.intermediate(|_| {}), vec![0x30, 0]];
    refused_trusting(check, "a certificate of the authority", &trust_in(chain));
}

/// Only bundles of versions 0.1 and 0.2 have room for certificates above the signer's.
fn bundle_with(above: Vec<Vec<u8>>) -> SigstoreBundle {
    bundle_of(Signing::default().sign(), above)
}

fn bundle_of(mut signed: Signed, above: Vec<Vec<u8>>) -> SigstoreBundle {
    signed.chain.extend(above);
    let stamp = signed.timestamped(&Stamping::default());
    let entry = signed.logged(&Logging::of(Kind::HashedRekordV2));
    signed.bundle(BundleFormat::V02, vec![entry], vec![stamp])
}

fn trust_in_the_root_alone() -> TrustMaterial {
    trust_in(vec![instance().authorities.root(|_| {})])
}

#[test]
fn an_intermediate_may_travel_in_the_bundle() {
    let trust = trust_in_the_root_alone();
    let bundle = bundle_with(vec![instance().authorities.intermediate(|_| {})]);
    verdict(&bundle, &policy(), &trust).unwrap();
    let words = "no authority in the trusted root";
    let without = verdict(&bundle_with(Vec::new()), &policy(), &trust);
    refused_by(Check::CertificatePath, words, without);
}

#[test]
fn an_intermediate_of_the_bundle_is_held_to_the_rules() {
    let trust = trust_in_the_root_alone();
    let refused_with = |check, words: &str, edit| {
        let bundle = bundle_with(vec![instance().authorities.intermediate(edit)]);
        refused_by(check, words, verdict(&bundle, &policy(), &trust));
    };
    let path = Check::CertificatePath;
    let edits: [fn(&mut CertificateParts); 3] = [
        |ca| ca.remove(oids::BASIC_CONSTRAINTS),
        |ca| ca.set(oids::KEY_USAGE, true, vec![3, 2, 7, 0x80]),
        |ca| ca.issuer = name_of("nobody"),
    ];
    for edit in edits {
        refused_with(path, "no authority in the trusted root", edit);
    }
    let expired: fn(&mut CertificateParts) = |ca| ca.not_after = NOW - 1;
    refused_with(Check::CertificateValidity, "certificate 1 above", expired);
    let forged = Authorities::new().intermediate(|_| {});
    let forged = verdict(&bundle_with(vec![forged]), &policy(), &trust);
    refused_by(path, "no authority in the trusted root", forged);
    let garbage = verdict(&bundle_with(vec![vec![0x30, 0]]), &policy(), &trust);
    refused_by(path, "der", garbage);
}

/// An authority that may have none below it, and one below it that certifies the signer.
#[test]
fn a_path_is_no_longer_than_its_authorities_allow() {
    let authorities = &instance().authorities;
    let upper_key = TestKey::generate(KeyDetails::EcdsaP256Sha256);
    let (root_key, key) = (&authorities.root_key, &authorities.key);
    let lower = intermediate_parts("upper", "intermediate", &upper_key, key).sign(&upper_key);
    let mut upper = intermediate_parts("root", "upper", root_key, &upper_key);
    let trust = trust_in_the_root_alone();
    let bundle = bundle_with(vec![lower.clone(), upper.sign(root_key)]);
    let refusal = verdict(&bundle, &policy(), &trust);
    refused_by(
        Check::CertificatePath,
        "no authority in the trusted root",
        refusal,
    );
    // The same when the upper one is trusted.
    let chain = vec![upper.sign(root_key), authorities.root(|_| {})];
    let refusal = verdict(
        &bundle_with(vec![lower.clone()]),
        &policy(),
        &trust_in(chain),
    );
    refused_by(
        Check::CertificatePath,
        "more authorities are below it",
        refusal,
    );
    upper.set(oids::BASIC_CONSTRAINTS, true, vec![0x30, 3, 1, 1, 0xff]);
    let bundle = bundle_with(vec![lower, upper.sign(root_key)]);
    verdict(&bundle, &policy(), &trust).unwrap();
}

/// Even the right one: whoever looks at the bundle alone could take any root for it.
#[test]
fn a_root_does_not_travel_in_the_bundle() {
    let authorities = &instance().authorities;
    let words = "certificate 2 of the bundle is a root";
    refused(
        Check::CertificatePath,
        words,
        &bundle_with(authorities.chain()),
    );
    let words = "certificate 1 of the bundle is a root";
    let own_root = vec![Authorities::new().root(|_| {})];
    refused(Check::CertificatePath, words, &bundle_with(own_root));
}

/// Two authorities that certify each other lead nowhere, and not for ever.
#[test]
fn a_circle_is_no_path() {
    let key = &instance().authorities.key;
    let other = TestKey::generate(KeyDetails::EcdsaP256Sha256);
    let mut above = intermediate_parts("other", "intermediate", &other, key);
    let mut above_that = intermediate_parts("intermediate", "other", key, &other);
    for parts in [&mut above, &mut above_that] {
        parts.set(oids::BASIC_CONSTRAINTS, true, vec![0x30, 3, 1, 1, 0xff]);
    }
    let circle = vec![above.sign(&other), above_that.sign(key)];
    let refusal = verdict(&bundle_with(circle), &policy(), &trust_in_the_root_alone());
    refused_by(
        Check::CertificatePath,
        "no authority in the trusted root",
        refusal,
    );
}
