//! Logs that are known, and what they promise about entries.

use serde_json::json;
use tiles::LeafIndex;

use super::*;
use crate::entry::log_entry::TransparencyLogEntry;

const CHECK: Check = Check::LogPromise;

/// A bundle of Rekor v1, its entry changed behind the log's back.
fn changed(edit: fn(&mut TransparencyLogEntry)) -> SigstoreBundle {
    let mut bundle = Signing::default().sign().v1();
    edit(&mut bundle.log_entries[0]);
    bundle
}

#[test]
fn the_log_is_known() {
    let unknown = changed(|entry| entry.log_id[0] ^= 1);
    let words = "the trusted root has no log of this id";
    refused(Check::LogKnown, words, &unknown);
    // The entry of another log that is trusted: it did not sign this.
    let other = changed(|entry| entry.log_id = instance().log_v2.instance().log_id);
    refused(CHECK, "the promise of https://log2026.example.org", &other);
}

#[test]
fn the_key_of_the_log_can_be_used() {
    let unusable = instance().trust_with(|root| root.tlogs[0].public_key = vec![5, 0]);
    let words = "the key of log https://rekor.example.org cannot be used";
    let bundle = Signing::default().sign().v1();
    refused_by(
        Check::LogKnown,
        words,
        verdict(&bundle, &policy(), &unusable),
    );
    // Nobody asks for it where another log is relied on.
    verdict(&Signing::default().sign().v2(), &policy(), &unusable).unwrap();
}

#[test]
fn the_log_signed_its_promise() {
    let words = "the promise of https://rekor.example.org";
    let edits: [fn(&mut TransparencyLogEntry); 5] = [
        |entry| {
            *entry
                .signed_entry_timestamp
                .as_mut()
                .unwrap()
                .last_mut()
                .unwrap() ^= 1;
        },
        |entry| entry.signed_entry_timestamp = Some(Vec::new()),
        |entry| entry.log_index = LeafIndex::new(entry.log_index.get() + 1),
        |entry| entry.integrated_time -= 1,
        |entry| entry.canonicalized_body.push(b' '),
    ];
    for edit in edits {
        refused(CHECK, words, &changed(edit));
    }
}

/// The log signed it, and what it signed is not what the entry says.
#[test]
fn the_promise_is_about_this_entry() {
    let edits: [fn(&mut serde_json::Value); 4] = [
        |promise| promise["logIndex"] = json!(7),
        |promise| promise["integratedTime"] = json!(NOW + 1),
        |promise| promise["logID"] = json!("00".repeat(32)),
        |promise| promise["body"] = json!("e30="),
    ];
    for edit_promise in edits {
        let logging = Logging {
            edit_promise,
            ..Logging::of(Kind::HashedRekord)
        };
        let bundle = Signing::default().sign().v1_with(&logging);
        refused(CHECK, "the promise of https://rekor.example.org", &bundle);
    }
}

#[test]
fn the_log_was_trusted_when_it_promised() {
    let trusted = |valid_for| instance().trust_with(|root| root.tlogs[0].valid_for = valid_for);
    let bundle = Signing::default().sign().v1();
    for inside in [range(NOW - 1, NOW), range(NOW, NOW + 1)] {
        verdict(&bundle, &policy(), &trusted(inside)).unwrap();
    }
    let words = "the log is not trusted for the time in its promise";
    for outside in [range(0, NOW - 1), range(NOW + 1, NOW + DAY)] {
        refused_by(CHECK, words, verdict(&bundle, &policy(), &trusted(outside)));
    }
    let beyond = Logging {
        time: 253_402_300_800,
        ..Logging::of(Kind::HashedRekord)
    };
    let beyond = Signing::default().sign().v1_with(&beyond);
    refused(CHECK, "no time of this era", &beyond);
}

/// A promise is checked although a timestamp gives a time, and a proof shows the entry.
#[test]
fn a_promise_is_never_passed_over() {
    let mut bundle = changed(|entry| entry.signed_entry_timestamp = Some(vec![1]));
    let stamp = Stamping::default().response(bundle.content.signature());
    bundle.timestamps = vec![stamp];
    refused(CHECK, "the promise of", &bundle);
    let not_asked = Policy {
        log: LogPolicy::NotRequired,
        ..policy()
    };
    refused_by(
        CHECK,
        "the promise of",
        verdict(&bundle, &not_asked, trust()),
    );
}

/// A log of Rekor v2 promises nothing; its time would be the year 1970.
#[test]
fn a_promise_of_rekor_v2_gives_no_time() {
    let logging = Logging {
        with_promise: true,
        ..Logging::of(Kind::HashedRekordV2)
    };
    let bundle = Signing::default().sign().v2_with(&logging);
    refused(CHECK, "not trusted for the time in its promise", &bundle);
}

/// The oldest bundles have nothing else.
#[test]
fn a_promise_alone_is_enough_in_version_0_1() {
    let signed = Signing::default().sign();
    let logging = Logging {
        with_proof: false,
        ..Logging::of(Kind::HashedRekord)
    };
    let bundle = signed.bundle(BundleFormat::V01, vec![signed.logged(&logging)], Vec::new());
    let verified = verdict(&bundle, &policy(), trust()).unwrap();
    let passed = |check| verified.passed().iter().any(|passed| passed.check == check);
    assert!(passed(CHECK) && !passed(Check::LogInclusion));
}

/// Reading a bundle sees to it; a bundle that was put together by a program was not read.
#[test]
fn an_entry_without_promise_or_proof_is_no_entry() {
    let key = Policy::key(public(Signing::keyed().sign().key));
    let logging = Logging {
        with_promise: false,
        with_proof: false,
        ..Logging::of(Kind::HashedRekord)
    };
    let signed = Signing::keyed().sign();
    let artifact = Artifact::from_content(ARTIFACT);
    for format in [BundleFormat::V01, BundleFormat::V02, BundleFormat::V03] {
        let bundle = signed.bundle(format, vec![signed.logged(&logging)], Vec::new());
        let words = "neither a proof nor a promise";
        let verdict = verify(&bundle, &artifact, &key, trust());
        refused_by(Check::LogInclusion, words, verdict);
    }
}

#[test]
fn from_version_0_2_on_there_is_a_proof() {
    let key = Policy::key(public(Signing::keyed().sign().key));
    let logging = Logging {
        with_proof: false,
        ..Logging::of(Kind::HashedRekord)
    };
    let signed = Signing::keyed().sign();
    let artifact = Artifact::from_content(ARTIFACT);
    for format in [BundleFormat::V02, BundleFormat::V03] {
        let bundle = signed.bundle(format, vec![signed.logged(&logging)], Vec::new());
        let verdict = verify(&bundle, &artifact, &key, trust());
        refused_by(Check::LogInclusion, "has no proof", verdict);
    }
}
