//! That checks are made in the order in which they are listed, whatever is in a bundle.

use proptest::prelude::*;

use super::*;

/// What the checks of one entry are, before the certificate's and behind them.
const OF_ONE_ENTRY: [Check; 6] = [
    Check::LogKnown,
    Check::LogPromise,
    Check::LogInclusion,
    Check::LogCheckpoint,
    Check::LogValidity,
    Check::EntryBinding,
];

/// Which of three stages a check of an entry belongs to.
fn stage(check: Check) -> Option<usize> {
    match check {
        Check::LogKnown | Check::LogPromise => Some(0),
        Check::LogInclusion | Check::LogCheckpoint | Check::LogWitnesses | Check::LogValidity => {
            Some(1)
        }
        Check::EntryBinding => Some(2),
        _ => None,
    }
}

/// In `Check::ALL`'s order but for entries: each stage goes through the entries one by one.
fn in_order(passed: &[Passed]) -> bool {
    passed.windows(2).all(|pair| {
        let (a, b) = (pair[0].check, pair[1].check);
        a <= b || (stage(a).is_some() && stage(a) == stage(b))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn checks_are_made_in_their_order(
        keyed in any::<bool>(),
        envelope in any::<bool>(),
        kinds in proptest::sample::subsequence(
            vec![Kind::HashedRekordV2, Kind::HashedRekord, Kind::Dsse, Kind::Intoto], 1..=4,
        ).prop_shuffle(),
        stamp_count in 1_u64..4,
        mentioned in any::<bool>(),
    ) {
        let signing = Signing {
            signer: if keyed { Signer::Keyed } else { Signer::Certified },
            subject: if envelope { Subject::Envelope } else { Subject::Message },
            ..Signing::default()
        };
        let mut signed = signing.sign();
        if let BundleContent::Message(message) = &mut signed.content && !mentioned {
            message.digest = None;
        }
        let fits = |kind: &Kind| envelope || !matches!(kind, Kind::Dsse | Kind::Intoto);
        let kinds: Vec<Kind> = kinds.into_iter().filter(fits).collect();
        prop_assume!(!kinds.is_empty());
        let entries = kinds.iter().map(|kind| signed.logged(&Logging::of(*kind))).collect();
        let stamp_at = |number| Stamping { time: NOW + number, ..Stamping::default() };
        let stamps = (0..stamp_count).map(|n| signed.timestamped(&stamp_at(n))).collect();
        let bundle = signed.bundle(BundleFormat::V03, entries, stamps);
        let policy = if keyed { Policy::key(public(signed.key)) } else { policy() };
        let verified = verdict(&bundle, &policy, trust()).unwrap();
        prop_assert!(in_order(verified.passed()), "{:?}", verified.passed());
        if kinds.len() == 1 {
            prop_assert!(verified.passed().is_sorted_by_key(|passed| passed.check));
        }
        let count_of = |check| verified.passed().iter().filter(|p| p.check == check).count();
        let promises = kinds.iter().filter(|kind| **kind != Kind::HashedRekordV2).count();
        let counts = OF_ONE_ENTRY.map(count_of);
        let all = kinds.len();
        prop_assert_eq!(counts, [all, promises, all, all, all - promises, all]);
    }
}
