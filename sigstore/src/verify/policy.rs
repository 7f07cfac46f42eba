//! What somebody who verifies insists on.

use tiles::VerifierKey;

use crate::identity::Identity;
use crate::public_key::PublicKey;
use crate::time::UnixSeconds;

/// What a bundle must show to be accepted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Who must have signed.
    pub signer: SignerPolicy,
    /// Whether a log must hold an entry about it.
    pub log: LogPolicy,
    /// Whether a certificate log must have promised to show the certificate. If not, promises in
    /// it are not looked at: a private authority may have no such log.
    pub certificate_logged: bool,
    /// Who must have seen the checkpoints of entries, beside their log.
    pub witnesses: WitnessPolicy,
}

impl Policy {
    /// One of these must have signed, with all that a bundle can show: the usual policy.
    #[must_use]
    pub fn identities(identities: Vec<Identity>) -> Policy {
        Policy::of(SignerPolicy::Identities(identities))
    }

    /// This key must have signed, and a log must hold an entry about it.
    #[must_use]
    pub fn key(key: PublicKey) -> Policy {
        Policy::of(SignerPolicy::Key(Box::new(key)))
    }

    fn of(signer: SignerPolicy) -> Policy {
        Policy {
            signer,
            log: LogPolicy::Entry,
            certificate_logged: true,
            witnesses: WitnessPolicy::default(),
        }
    }
}

/// Who must have signed.
#[derive(Clone, Debug)]
pub enum SignerPolicy {
    /// One of these, by a certificate. Without any, nobody is accepted.
    Identities(Vec<Identity>),
    /// The holder of this key. A certificate for it is not accepted in its place: it would say
    /// that the key was used for ten minutes by somebody whom nobody asked about.
    Key(Box<PublicKey>),
}

/// Whether a log must hold an entry about the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPolicy {
    /// One at least, and every entry that is there must be right.
    Entry,
    /// As [`LogPolicy::Entry`], but a signature that was timestamped a short while ago is taken
    /// without: the log was not to be reached, and the entry follows.
    EntryOrPending {
        /// The time.
        now: UnixSeconds,
        /// How old such a signature may be, by the first of its times; and how far in the future,
        /// for clocks differ.
        age_max_seconds: u64,
    },
    /// None need be there. Every entry that is there must be right all the same.
    NotRequired,
}

/// Who must have seen a checkpoint: so many of these witnesses. By default nobody.
#[derive(Clone, Debug, Default)]
pub struct WitnessPolicy {
    /// How many.
    pub quorum: usize,
    /// Keys of witnesses that are trusted to have looked; two of one key count once.
    pub witnesses: Vec<VerifierKey>,
}
