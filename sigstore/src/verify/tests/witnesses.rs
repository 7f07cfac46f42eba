//! That enough witnesses saw the checkpoint, where a policy wants it.

use ed25519_dalek::{Signer as _, SigningKey};
use tiles::{KeyName, Note, NoteSignature, VerifierKey, cosigned_bytes};

use super::*;

const CHECK: Check = Check::LogWitnesses;

/// A witness by its name and the seed of its key.
#[derive(Clone, Copy)]
struct Witness(&'static str, u8);

const FIRST: Witness = Witness("first.example.org", 1);
const SECOND: Witness = Witness("second.example.org", 2);
const THIRD: Witness = Witness("third.example.org", 3);

impl Witness {
    fn secret(self) -> SigningKey {
        SigningKey::from_bytes(&[self.1; 32])
    }

    fn key(self) -> VerifierKey {
        let name = KeyName::new(self.0).unwrap();
        VerifierKey::from_cosigner_ed25519(name, self.secret().verifying_key().to_bytes())
    }

    /// Its line under a text.
    fn line(self, text: &str) -> NoteSignature {
        let signature = self.secret().sign(&cosigned_bytes(text.as_bytes(), NOW));
        let timed = [&NOW.to_be_bytes()[..], &signature.to_bytes()].concat();
        line(self.0, self.key().key_id().get(), timed)
    }
}

/// A policy that wants so many of these.
fn wanting(quorum: usize, witnesses: &[Witness]) -> Policy {
    Policy {
        witnesses: WitnessPolicy {
            quorum,
            witnesses: witnesses.iter().map(|witness| witness.key()).collect(),
        },
        ..policy()
    }
}

/// A bundle whose checkpoint has more lines, made from its text.
fn cosigned(lines: impl Fn(&str) -> Vec<NoteSignature>) -> SigstoreBundle {
    let mut bundle = Signing::default().sign().v2();
    let proof = bundle.log_entries[0].inclusion_proof.as_mut().unwrap();
    let note = Note::parse(proof.checkpoint.as_bytes()).unwrap();
    let mut signatures = note.signatures().to_vec();
    signatures.extend(lines(note.text()));
    let note = Note::new(note.text().to_owned(), signatures).unwrap();
    proof.checkpoint = note.encode();
    bundle
}

#[test]
fn as_many_as_the_policy_wants_saw_the_checkpoint() {
    let bundle = cosigned(|text| vec![FIRST.line(text), SECOND.line(text)]);
    let two_of_three = wanting(2, &[FIRST, SECOND, THIRD]);
    let verified = verdict(&bundle, &two_of_three, trust()).unwrap();
    let passed = verified
        .passed()
        .iter()
        .find(|passed| passed.check == CHECK);
    assert_eq!(
        passed.unwrap().found,
        "first.example.org, second.example.org"
    );
    let all = verdict(&bundle, &wanting(3, &[FIRST, SECOND, THIRD]), trust());
    let words = "found first.example.org, second.example.org, wanted 3 of the 3 in the policy";
    refused_by(CHECK, words, all);
    let other = verdict(&bundle, &wanting(1, &[THIRD]), trust());
    refused_by(CHECK, "found none", other);
    // Nobody is asked for where the policy wants none.
    verdict(&bundle, &policy(), trust()).unwrap();
}

#[test]
fn what_a_witness_did_not_sign_does_not_count() {
    let policy = wanting(1, &[FIRST]);
    let of_another = cosigned(|_| vec![FIRST.line("another checkpoint\n")]);
    refused_by(CHECK, "found none", verdict(&of_another, &policy, trust()));
    let forged = cosigned(|text| {
        let signature = SECOND.line(text).signature().to_vec();
        vec![line(FIRST.0, FIRST.key().key_id().get(), signature)]
    });
    refused_by(CHECK, "found none", verdict(&forged, &policy, trust()));
    // What somebody else appended does not spoil the right one.
    let both = cosigned(|text| vec![FIRST.line("another\n"), FIRST.line(text)]);
    verdict(&both, &policy, trust()).unwrap();
}

/// Neither a line nor a key counts twice.
#[test]
fn a_witness_counts_once() {
    let same = Witness("same.example.org", 1);
    let bundle = cosigned(|text| vec![FIRST.line(text), FIRST.line(text), same.line(text)]);
    for witnesses in [&[FIRST, FIRST][..], &[FIRST, same], &[same, FIRST, same]] {
        let verdict = verdict(&bundle, &wanting(2, witnesses), trust());
        refused_by(CHECK, "too few witnesses", verdict);
    }
}

#[test]
fn without_a_checkpoint_nobody_saw_one() {
    let signed = Signing::default().sign();
    let logging = Logging {
        with_proof: false,
        ..Logging::of(Kind::HashedRekord)
    };
    let bundle = signed.bundle(BundleFormat::V01, vec![signed.logged(&logging)], Vec::new());
    let verdict = verdict(&bundle, &wanting(1, &[FIRST]), trust());
    refused_by(
        CHECK,
        "no checkpoint that a witness could have seen",
        verdict,
    );
}

/// Else it would be enough to take the entry out of the bundle.
#[test]
fn a_quorum_wants_an_entry() {
    let mut bundle = Signing::default().sign().v2();
    bundle.log_entries.clear();
    let mut wanting = wanting(1, &[FIRST]);
    wanting.log = LogPolicy::NotRequired;
    refused_by(CHECK, "no entry", verdict(&bundle, &wanting, trust()));
    // One that is to follow is looked at when it is there.
    wanting.log = LogPolicy::EntryOrPending {
        now: UnixSeconds::new(NOW),
        age_max_seconds: HOUR,
    };
    assert!(verdict(&bundle, &wanting, trust()).unwrap().is_pending());
}
