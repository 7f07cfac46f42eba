//! Verifying a bundle: the one place that fixes the order of checks.
//!
//! [`verify`] is the only way from a [`SigstoreBundle`] to a [`Verified`], and it makes every check
//! of [`Check`], in that order, until one does not hold:
//!
//! 1. Who: the bundle has the kind of signer that the [`Policy`] wants; a certificate is one of a
//!    signer; the digest that the bundle mentions is the artifact's.
//! 2. When: each entry is in a log that is trusted; each promise and each timestamp holds; there is
//!    a time.
//! 3. May: the certificate leads to a trusted authority, all of that path was valid at every time,
//!    a certificate log promised to show the certificate, and it names whom the policy wants.
//! 4. Seen: each entry's proof leads to a root hash that the log signed, and enough witnesses saw.
//! 5. What: the signature is by that signer over this artifact, or over an envelope whose statement
//!    is about it.
//! 6. Same: each entry is about just this signature, signer and artifact.
//!
//! A witness that does not hold is never passed over, even where fewer would do. Time, trust and
//! artifact are arguments; what is verified today is verified in ten years. Of several entries,
//! each is taken through a step before the next one is: through 2 before any is in 4.
//!
//! Not here: files, networks, and which of several bundles are wanted.
//!
//! Spec: the Sigstore client specification, section 4.

use crate::bundle::{BundleContent, SigstoreBundle};
use crate::cert::view::CertificateView;
use crate::public_key::PublicKey;
use crate::statement::Statement;
use crate::time_range::ProtoTime;

pub use artifact::{Artifact, hashes_needed};
pub use certificate::CertifiedSigner;
pub use check::{Check, Failed, Passed, Refused};
pub use policy::{LogPolicy, Policy, SignerPolicy, WitnessPolicy};
pub use time::{SigningTime, TimeSource};
pub use trust::TrustMaterial;

mod artifact;
mod binding;
mod certificate;
mod check;
mod content;
mod log;
mod path;
mod policy;
mod time;
mod trust;

/// A bundle of which every check held. There is no other way to one of these than [`verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    signer: VerifiedSigner,
    times: Vec<SigningTime>,
    statement: Option<Statement>,
    pending: bool,
    passed: Vec<Passed>,
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifiedSigner {
    /// Somebody with a certificate.
    Certified {
        /// Whom it names.
        signer: Box<CertifiedSigner>,
        /// Which of the identities in the policy that is, counted from 0.
        identity: usize,
    },
    /// The holder of the key in the policy.
    Key,
}

impl Verified {
    /// Who signed.
    #[must_use]
    pub fn signer(&self) -> &VerifiedSigner {
        &self.signer
    }

    /// When the signature is known to have existed; may be empty for a key alone.
    #[must_use]
    pub fn times(&self) -> &[SigningTime] {
        &self.times
    }

    /// What the envelope says of the artifact, if it was one.
    #[must_use]
    pub fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// Whether the policy took it without an entry of a log because that is to follow.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// Every check that was made, in its order.
    #[must_use]
    pub fn passed(&self) -> &[Passed] {
        &self.passed
    }
}

/// Verifies a bundle. Cost: some six signature checks, and hashing a statement if there is one.
///
/// # Errors
///
/// [`Refused`]: the first check that did not hold, with what was found and wanted.
pub fn verify(
    bundle: &SigstoreBundle,
    artifact: &Artifact<'_>,
    policy: &Policy,
    trust: &TrustMaterial,
) -> Result<Verified, Refused> {
    let mut checks = Checks {
        bundle,
        artifact,
        policy,
        trust,
        passed: Vec::new(),
    };
    match checks.run() {
        Ok((signer, times, statement)) => Ok(Verified {
            signer,
            times,
            statement,
            pending: bundle.log_entries.is_empty()
                && matches!(policy.log, LogPolicy::EntryOrPending { .. }),
            passed: checks.passed,
        }),
        Err(failed) => Err(Refused {
            failed,
            passed: checks.passed,
        }),
    }
}

/// The checks under way.
struct Checks<'a> {
    bundle: &'a SigstoreBundle,
    artifact: &'a Artifact<'a>,
    policy: &'a Policy,
    trust: &'a TrustMaterial,
    passed: Vec<Passed>,
}

type Found = (VerifiedSigner, Vec<SigningTime>, Option<Statement>);

impl Checks<'_> {
    fn run(&mut self) -> Result<Found, Failed> {
        match (&self.policy.signer, self.bundle.signer.leaf()) {
            (SignerPolicy::Key(key), None) => {
                let kind = key.kind();
                self.pass(Check::SignerMaterial, format!("the given key, {kind}"));
                self.by_key(key)
            }
            (SignerPolicy::Identities(_), Some(leaf)) => {
                let view = CertificateView::parse(leaf)
                    .map_err(|error| Failed::new(Check::SignerMaterial, error))?;
                let number = hex::encode(view.serial());
                self.pass(Check::SignerMaterial, format!("certificate {number}"));
                self.by_certificate(&view)
            }
            (SignerPolicy::Key(_), Some(_)) => Err(Failed::new(
                Check::SignerMaterial,
                "a key is wanted, and the bundle is by a certificate: name its identity and issuer",
            )),
            (SignerPolicy::Identities(_), None) => Err(Failed::new(
                Check::SignerMaterial,
                "an identity is wanted, and the bundle is by a key: give the key",
            )),
        }
    }

    fn by_key(&mut self, key: &PublicKey) -> Result<Found, Failed> {
        self.message_digest()?;
        let times = self.times()?;
        self.logged(&times)?;
        let statement = self.signed_by(key)?;
        self.bound(binding::Signer::Key(key))?;
        Ok((VerifiedSigner::Key, times, statement))
    }

    fn by_certificate(&mut self, leaf: &CertificateView<'_>) -> Result<Found, Failed> {
        let signer = certificate::profile(leaf)?;
        let name = signer.name.as_str();
        self.pass(Check::CertificateProfile, format!("for {name:?}"));
        self.message_digest()?;
        let times = self.times()?;
        if times.is_empty() {
            let reason = "neither a timestamp nor a promise of a log says when it was signed";
            return Err(Failed::new(Check::SigningTime, reason));
        }
        let identity = self.certified(leaf, &signer, &times)?;
        self.logged(&times)?;
        let key = leaf
            .public_key()
            .map_err(|error| Failed::new(Check::Signature, error))?;
        let statement = self.signed_by(&key)?;
        self.bound(binding::Signer::Certificate(leaf.der()))?;
        let signer = Box::new(signer);
        Ok((
            VerifiedSigner::Certified { signer, identity },
            times,
            statement,
        ))
    }

    fn message_digest(&mut self) -> Result<(), Failed> {
        if let BundleContent::Message(message) = &self.bundle.content
            && let Some(digest) = &message.digest
        {
            let found = content::message_digest(digest, self.artifact)?;
            self.pass(Check::MessageDigest, found);
        }
        Ok(())
    }

    /// Every time that somebody who is trusted vouches for.
    fn times(&mut self) -> Result<Vec<SigningTime>, Failed> {
        let mut times = Vec::new();
        for entry in &self.bundle.log_entries {
            let log = log::known(entry, self.trust)?;
            self.pass(Check::LogKnown, log.base_url.clone());
            if let Some(time) = log::promise(entry, log)? {
                self.pass(Check::LogPromise, format!("{} at {time}", log.base_url));
                let source = TimeSource::LogPromise(log.base_url.clone());
                times.push(SigningTime { time, source });
            }
        }
        for response in &self.bundle.timestamps {
            let signature = self.bundle.content.signature();
            let time = time::timestamp(response, signature, self.trust)?;
            self.pass(Check::Timestamp, time.to_string());
            times.push(time);
        }
        if let Some(first) = times.iter().min_by_key(|time| time.time) {
            let found = format!("{}, of {} in all", first.time, times.len());
            self.pass(Check::SigningTime, found);
        }
        Ok(times)
    }

    /// Checks that the certificate was given by somebody trusted to somebody wanted.
    fn certified(
        &mut self,
        leaf: &CertificateView<'_>,
        signer: &CertifiedSigner,
        times: &[SigningTime],
    ) -> Result<usize, Failed> {
        let brought = self.bundle.signer.above_leaf().iter();
        let brought: Result<Vec<_>, _> = brought.map(|der| CertificateView::parse(der)).collect();
        let brought = brought.map_err(|error| Failed::new(Check::CertificatePath, error))?;
        let paths = path::find(leaf, &brought, self.trust)?;
        self.pass(Check::CertificatePath, "a trusted authority".to_owned());
        let path = valid_path(&paths, times)
            .map_err(|failed| failed.wanted(format!("within {}", certificate::validity(leaf))))?;
        self.pass(Check::CertificateValidity, certificate::validity(leaf));
        if self.policy.certificate_logged {
            let found = certificate::logged(leaf, path, self.trust)?;
            self.pass(Check::CertificateLogged, found);
        }
        let SignerPolicy::Identities(wanted) = &self.policy.signer else {
            return Err(Failed::new(
                Check::IdentityName,
                "the policy names no identity",
            ));
        };
        let identity = certificate::identity(signer, wanted)?;
        self.pass(Check::IdentityIssuer, format!("{:?}", signer.issuer));
        self.pass(Check::IdentityName, format!("{:?}", signer.name.as_str()));
        Ok(identity)
    }

    /// Checks what logs say of where the entries are.
    fn logged(&mut self, times: &[SigningTime]) -> Result<(), Failed> {
        let count = self.bundle.log_entries.len();
        match (count, self.policy.log) {
            (0, LogPolicy::Entry) => {
                let reason = "the bundle has no entry of a log";
                return Err(Failed::new(Check::LogEntry, reason));
            }
            (0, LogPolicy::EntryOrPending { .. }) => self.pending(times)?,
            (0, LogPolicy::NotRequired) if self.policy.witnesses.quorum > 0 => {
                let reason = "there is no entry, of which a witness could have seen the checkpoint";
                return Err(Failed::new(Check::LogWitnesses, reason));
            }
            (0, LogPolicy::NotRequired) => {
                self.pass(
                    Check::LogEntry,
                    "none, and the policy goes without".to_owned(),
                );
            }
            (count, _) => self.pass(Check::LogEntry, format!("{count} in all")),
        }
        let moments: Vec<ProtoTime> = times.iter().map(|time| time.time).collect();
        for entry in &self.bundle.log_entries {
            let log = log::known(entry, self.trust)?;
            let Some(proof) = &entry.inclusion_proof else {
                log::without_proof(entry, self.bundle.format)?;
                if self.policy.witnesses.quorum > 0 {
                    let reason = "the entry has no checkpoint that a witness could have seen";
                    return Err(Failed::new(Check::LogWitnesses, reason));
                }
                continue;
            };
            let place = log::inclusion(entry, proof, log)?;
            self.pass(Check::LogInclusion, place);
            let origin = log::checkpoint(proof, log)?;
            let size = proof.tree_size;
            self.pass(Check::LogCheckpoint, format!("{origin} at size {size}"));
            if self.policy.witnesses.quorum > 0 {
                let names = log::witnessed(proof, &self.policy.witnesses)?;
                self.pass(Check::LogWitnesses, names);
            }
            if entry.signed_entry_timestamp.is_none() {
                let found = log::valid_at(log, &moments)?;
                self.pass(Check::LogValidity, found);
            }
        }
        Ok(())
    }

    /// Checks that a signature without an entry is young enough.
    fn pending(&mut self, times: &[SigningTime]) -> Result<(), Failed> {
        let LogPolicy::EntryOrPending {
            now,
            age_max_seconds,
        } = self.policy.log
        else {
            return Ok(());
        };
        let Some(first) = times.iter().map(|time| time.time).min() else {
            let reason = "the entry is to follow, and no timestamp says since when";
            return Err(Failed::new(Check::LogEntry, reason));
        };
        let since = first.seconds().get();
        let age = now.get().abs_diff(since);
        if age > age_max_seconds {
            let reason = if since > now.get() {
                "the entry was to follow, and the signature is in the future"
            } else {
                "the entry was to follow, and the signature is too old for that"
            };
            return Err(Failed::new(Check::LogEntry, reason)
                .found(format!("{age} seconds"))
                .wanted(format!("at most {age_max_seconds}")));
        }
        self.pass(Check::LogEntry, format!("to follow, for {age} seconds now"));
        Ok(())
    }

    /// Checks the signature and, in an envelope, what the statement is about.
    fn signed_by(&mut self, key: &PublicKey) -> Result<Option<Statement>, Failed> {
        match &self.bundle.content {
            BundleContent::Message(message) => {
                content::message(key, message, self.artifact)?;
                self.pass(
                    Check::Signature,
                    format!("{} over the artifact", key.kind()),
                );
                Ok(None)
            }
            BundleContent::Envelope(envelope) => {
                content::envelope(key, envelope)?;
                self.pass(Check::Signature, format!("{} over an envelope", key.kind()));
                let statement = content::statement(envelope, self.artifact)?;
                let found = format!("{:?} about it", statement.predicate_type);
                self.pass(Check::StatementSubject, found);
                Ok(Some(statement))
            }
        }
    }

    /// Checks that the entries are about this bundle.
    fn bound(&mut self, signer: binding::Signer<'_>) -> Result<(), Failed> {
        for entry in &self.bundle.log_entries {
            binding::check(entry, &self.bundle.content, signer, self.artifact)?;
            let kind = &entry.kind_version;
            self.pass(
                Check::EntryBinding,
                format!("{} {}", kind.kind, kind.version),
            );
        }
        Ok(())
    }

    fn pass(&mut self, check: Check, found: String) {
        self.passed.push(Passed { check, found });
    }
}

/// The way to an authority that was valid at every time.
fn valid_path<'p>(
    paths: &'p [path::Path],
    times: &[SigningTime],
) -> Result<&'p path::Path, Failed> {
    let mut problem = Failed::new(Check::CertificateValidity, "there is no path");
    for path in paths {
        let invalid = times
            .iter()
            .find_map(|time| path.check_valid_at(time.time).err().map(|e| (e, time)));
        match invalid {
            None => return Ok(path),
            Some((reason, time)) => {
                problem = Failed::new(Check::CertificateValidity, reason).found(time);
            }
        }
    }
    Err(problem)
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
