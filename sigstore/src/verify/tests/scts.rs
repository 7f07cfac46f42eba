//! That a certificate log promised to show the signer's certificate.

use super::*;
use crate::cert::oids;
use crate::sct::SignedCertificateTimestamp;
use crate::time::UnixMillis;

const CHECK: Check = Check::CertificateLogged;

fn with_scts(edit_scts: fn(&mut Vec<SignedCertificateTimestamp>)) -> SigstoreBundle {
    let signing = Signing {
        edit_scts,
        ..Signing::default()
    };
    signing.sign().v2()
}

#[test]
fn there_is_a_promise() {
    refused(CHECK, "it carries no promise", &with_scts(Vec::clear));
    let malformed = Signing {
        edit_logged_leaf: |leaf| leaf.set(oids::CT_SCT_LIST, false, vec![4, 2, 0, 0]),
        ..Signing::default()
    };
    refused(CHECK, "list of 0 scts", &malformed.sign().v2());
    let not_asked = Policy {
        certificate_logged: false,
        ..policy()
    };
    let verified = verdict(&with_scts(Vec::clear), &not_asked, trust()).unwrap();
    assert!(verified.passed().iter().all(|passed| passed.check != CHECK));
}

#[test]
fn it_is_by_a_log_that_is_trusted() {
    let nobody = instance().trust_with(|root| root.ctlogs.clear());
    let words = "no log that is trusted promised to show it, found promises of log";
    refused_by(
        CHECK,
        words,
        verdict(&with_scts(|_| {}), &policy(), &nobody),
    );
    let unusable = instance().trust_with(|root| root.ctlogs[0].public_key = vec![5, 0]);
    let verdict = verdict(&with_scts(|_| {}), &policy(), &unusable);
    refused_by(CHECK, "the promise of https://ct.example.org", verdict);
}

#[test]
fn it_is_signed_by_the_log_with_every_byte() {
    let words = "the sct does not verify";
    let edits: [fn(&mut Vec<SignedCertificateTimestamp>); 4] = [
        |scts| *scts[0].signature.last_mut().unwrap() ^= 1,
        |scts| scts[0].extensions[7] ^= 1,
        |scts| scts[0].extensions.clear(),
        |scts| scts[0].timestamp = UnixMillis::new(NOW * 1000 + 1),
    ];
    for edit in edits {
        refused(CHECK, words, &with_scts(edit));
    }
}

/// A log's promise about one certificate, put into another of the same signer.
#[test]
fn it_is_about_this_certificate() {
    let signing = Signing {
        edit_logged_leaf: |leaf| leaf.serial[0] ^= 1,
        ..Signing::default()
    };
    refused(CHECK, "the sct does not verify", &signing.sign().v2());
}

/// The authority's key is part of what is promised: of two with one name, this one.
#[test]
fn it_is_about_a_certificate_by_this_issuer() {
    let others = Authorities::new();
    let signing = Signing::default();
    let signed = signing.sign();
    let view = CertificateView::parse(&signed.chain[0]).unwrap();
    let algorithm = crate::cert::SignatureAlgorithm::EcdsaP256Sha256;
    let reissued =
        crate::cert::profile::assemble(view.tbs(), algorithm, &others.key.sign(view.tbs()));
    let reissued = Signed {
        chain: vec![reissued],
        ..signed
    };
    let trust = instance().trust_with(|root| {
        root.certificate_authorities = vec![authority("ca", others.chain())];
    });
    let verdict = verdict(&reissued.v2(), &policy(), &trust);
    refused_by(CHECK, "the sct does not verify", verdict);
}

#[test]
fn the_log_was_trusted_when_it_promised() {
    let trusted = |valid_for| instance().trust_with(|root| root.ctlogs[0].valid_for = valid_for);
    let bundle = with_scts(|_| {});
    for inside in [range(NOW - 1, NOW), range(NOW, NOW + 1)] {
        verdict(&bundle, &policy(), &trusted(inside)).unwrap();
    }
    let words = "a time at which the log is not trusted";
    for outside in [range(0, NOW - 1), range(NOW + 1, NOW + DAY)] {
        refused_by(CHECK, words, verdict(&bundle, &policy(), &trusted(outside)));
    }
}

/// A promise of a log that nobody knows says nothing; one in a known log's name must hold.
#[test]
fn one_promise_is_enough_and_none_may_be_false() {
    let unknown: fn(&mut Vec<SignedCertificateTimestamp>) = |scts| {
        let mut unknown = scts[0].clone();
        unknown.log_id[0] ^= 1;
        scts.insert(0, unknown);
    };
    verdict(&with_scts(unknown), &policy(), trust()).unwrap();
    let false_one = with_scts(|scts| {
        let mut false_one = scts[0].clone();
        false_one.timestamp = UnixMillis::new(NOW * 1000 - 1);
        scts.push(false_one);
    });
    refused(CHECK, "the sct does not verify", &false_one);
}
