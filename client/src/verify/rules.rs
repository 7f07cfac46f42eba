//! Whom and what somebody who verifies insists on: from options, or from a policy file.

use std::path::{Path, PathBuf};

use sigstore::identity::Identity;
use sigstore::pki::Key;
use sigstore::verify::{LogPolicy, Policy, SignerPolicy, WitnessPolicy};

use super::policy_file;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// What must hold of an artifact. There is at least one identity or key.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Who may have signed by certificate.
    pub(crate) identities: Vec<Identity>,
    /// Who may have signed by key.
    pub(crate) keys: Vec<Key>,
    /// How many of them must have, each by a bundle of its own.
    pub(crate) signer_count_min: usize,
    /// The types of predicates of which there must be an attestation.
    pub(crate) predicate_types: Vec<String>,
    /// Whether a log must hold what is signed.
    pub(crate) log: LogRule,
    /// Whether a certificate log must have promised to show the certificate.
    pub(crate) certificate_logged: bool,
    /// Who must have seen the checkpoints of logs.
    pub(crate) witnesses: WitnessPolicy,
}

/// Whether a log must hold what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogRule {
    /// It must.
    Required,
    /// It may follow within so many seconds of the signature.
    PendingFor(u64),
    /// It need not.
    NotRequired,
}

/// The longest key that is read: a keyring of some size.
const KEY_LEN_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Rules {
    /// One signer, by any of these means, and what everybody wants.
    pub(crate) fn new(identities: Vec<Identity>, keys: Vec<Key>) -> Result<Rules, Failure> {
        if identities.is_empty() && keys.is_empty() {
            let what = "nothing says who must have signed";
            return Err(Failure::new(Exit::Usage, "the command line", what).fix(
                "give --identity and --issuer of the signer, or --key, or a --policy file; \
                 `cairn inspect` shows what a bundle says of its signer, which proves nothing",
            ));
        }
        Ok(Rules {
            identities,
            keys,
            signer_count_min: 1,
            predicate_types: Vec::new(),
            log: LogRule::Required,
            certificate_logged: true,
            witnesses: WitnessPolicy::default(),
        })
    }

    /// One signer, by identity or by a key in one of these files.
    pub(crate) fn with_keys(
        identities: Vec<Identity>,
        key_files: &[PathBuf],
    ) -> Result<Rules, Failure> {
        let keys: Result<_, _> = key_files.iter().map(|path| read_key(path)).collect();
        Rules::new(identities, keys?)
    }

    /// What a policy file says.
    pub(crate) fn read(path: &Path) -> Result<Rules, Failure> {
        policy_file::read(path)
    }

    /// What a bundle by a certificate must show.
    pub(crate) fn for_identities(&self) -> Policy {
        self.policy(SignerPolicy::Identities(self.identities.clone()))
    }

    /// What a bundle by this key must show, if that is a key that bundles are signed with.
    pub(crate) fn for_key(&self, key: &Key) -> Option<Policy> {
        let key = key.public_key()?.clone();
        Some(self.policy(SignerPolicy::Key(Box::new(key))))
    }

    fn policy(&self, signer: SignerPolicy) -> Policy {
        Policy {
            signer,
            log: match self.log {
                LogRule::Required => LogPolicy::Entry,
                LogRule::NotRequired => LogPolicy::NotRequired,
                LogRule::PendingFor(age_max_seconds) => LogPolicy::EntryOrPending {
                    now: clock::now(),
                    age_max_seconds,
                },
            },
            certificate_logged: self.certificate_logged,
            witnesses: self.witnesses.clone(),
        }
    }
}

/// Reads a public key in any format.
pub(super) fn read_key(path: &Path) -> Result<Key, Failure> {
    let bytes = files::read(path, KEY_LEN_BYTES_MAX)?;
    Key::parse(&bytes).map_err(|error| {
        let failure = Failure::file(path, "is no public key that can be used").found(error);
        if bytes.windows(PRIVATE.len()).any(|window| window == PRIVATE) {
            return failure
                .fix("give the public key: this is the private one, keep it to yourself");
        }
        failure
    })
}

const PRIVATE: &[u8] = b"PRIVATE KEY-----";

impl LogRule {
    /// What `--pending-for` says.
    pub(crate) fn parse_pending(text: &str) -> Result<LogRule, Failure> {
        LogRule::pending_for(text).ok_or_else(|| {
            Failure::new(Exit::Usage, "--pending-for", "is no time")
                .expected("a number and its unit: 90s, 30m, 2h or 1d")
                .found(text)
        })
    }

    /// Reads a time as people write it: `90s`, `30m`, `2h`, `1d`.
    pub(super) fn pending_for(text: &str) -> Option<LogRule> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        number.checked_mul(seconds).map(LogRule::PendingFor)
    }
}
