//! One artifact, everything that is said to prove it, and the verdict.

use std::collections::BTreeSet;

use sigstore::pki::{Conditions, Key, Signature};
use sigstore::verify::{Refused, TrustMaterial, Verified, VerifiedSigner, hashes_needed, verify};
use sigstore::{HashAlgorithm, KeyKind, SigstoreBundle};

use super::{ArtifactFile, Evidence, EvidenceFiles, Rules, report};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;

/// What judges artifacts: rules and trust, made ready once.
pub(crate) struct Judge {
    pub(crate) rules: Rules,
    pub(crate) trust: TrustMaterial,
}

/// What was found about an artifact that holds.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Each piece of evidence, in the order in which it was given.
    pub(crate) proofs: Vec<Proof>,
}

/// One piece of evidence that holds.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// A bundle.
    Bundle(Box<Verified>),
    /// A signature by itself, by this key.
    Signature(String),
}

/// Which signer of the rules: keys are counted after identities.
pub(super) type SignerNumber = usize;

/// An artifact that does not hold.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What to say.
    pub(crate) failure: Failure,
    /// The checks, where a bundle was looked at.
    pub(crate) refused: Option<Box<Refused>>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal {
            failure,
            refused: None,
        }
    }
}

impl Refusal {
    fn new(artifact: &ArtifactFile, by: &str, refused: Refused) -> Refusal {
        let failed = &refused.failed;
        let what = format!("{}, by {by} ({})", failed.reason, failed.check);
        let mut failure = Failure::new(Exit::Refused, artifact.name(), what);
        if let Some(found) = &failed.found {
            failure = failure.found(found);
        }
        if let Some(wanted) = &failed.wanted {
            failure = failure.expected(wanted);
        }
        Refusal {
            failure: report::advise(failure, failed.check),
            refused: Some(Box::new(refused)),
        }
    }
}

impl Judge {
    /// Judges an artifact by all evidence for it: each piece must hold, and together they must
    /// show the signers and attestations that the rules want.
    pub(crate) fn judge(
        &self,
        artifact: &ArtifactFile,
        evidence: &[EvidenceFiles],
    ) -> Result<Verdict, Refusal> {
        let mut signers = BTreeSet::new();
        let mut proofs = Vec::new();
        for files in evidence {
            let (signer, proof) = match files.read()? {
                Evidence::Bundle(bundle) => {
                    let by = files.signature.display().to_string();
                    self.bundle(artifact, &by, &bundle)?
                }
                Evidence::Signature(signature) => self.signature(artifact, files, &signature)?,
            };
            signers.insert(signer);
            proofs.push(proof);
        }
        self.enough(artifact, &signers, &proofs)?;
        Ok(Verdict { proofs })
    }

    /// Judges an artifact by one bundle, which people know by this name.
    pub(super) fn bundle(
        &self,
        artifact: &ArtifactFile,
        by: &str,
        bundle: &SigstoreBundle,
    ) -> Result<(SignerNumber, Proof), Refusal> {
        if bundle.signer.leaf().is_some() || self.rules.keys.is_empty() {
            let policy = self.rules.for_identities();
            let verified = self.verify(artifact, by, bundle, &policy, None)?;
            let number = match verified.signer() {
                VerifiedSigner::Certified { identity, .. } => *identity,
                VerifiedSigner::Key => 0,
            };
            return Ok((number, Proof::Bundle(Box::new(verified))));
        }
        let mut last = None;
        for (number, key) in self.rules.keys.iter().enumerate() {
            let Some(policy) = self.rules.for_key(key) else {
                continue;
            };
            match self.verify(artifact, by, bundle, &policy, Some(key)) {
                Ok(verified) => {
                    let number = self.rules.identities.len() + number;
                    return Ok((number, Proof::Bundle(Box::new(verified))));
                }
                Err(refusal) => last = Some(refusal),
            }
        }
        Err(last.unwrap_or_else(|| {
            let what = "is by a key, and none that was given signs bundles";
            Failure::new(Exit::Refused, by, what).into()
        }))
    }

    fn verify(
        &self,
        artifact: &ArtifactFile,
        by: &str,
        bundle: &SigstoreBundle,
        policy: &sigstore::verify::Policy,
        key: Option<&Key>,
    ) -> Result<Verified, Refusal> {
        let key = key.and_then(Key::public_key);
        let digests = artifact.digests(&hashes_needed(bundle, key))?;
        let content = match key.map(sigstore::PublicKey::kind) {
            Some(KeyKind::Ed25519) => artifact.content()?,
            _ => None,
        };
        let digests = match &content {
            Some(content) => digests.with_content(content),
            None => digests,
        };
        verify(bundle, &digests, policy, &self.trust)
            .map_err(|refused| Refusal::new(artifact, by, refused))
    }

    /// A signature by itself: a key has to be given, and nothing says when it was made.
    fn signature(
        &self,
        artifact: &ArtifactFile,
        files: &EvidenceFiles,
        signature: &Signature,
    ) -> Result<(SignerNumber, Proof), Refusal> {
        let mut last = None;
        for (number, key) in self.rules.keys.iter().enumerate() {
            match check_signature(artifact, key, signature) {
                Ok(()) => {
                    let number = self.rules.identities.len() + number;
                    return Ok((number, Proof::Signature(key.to_string())));
                }
                Err(failure) => last = Some(failure),
            }
        }
        Err(last
            .unwrap_or_else(|| {
                let what = "is a signature by itself, which says nothing of who made it and when";
                Failure::new(Exit::Refused, files.signature.display(), what).fix(
                    "give --key of the signer; or, of a signature by certificate, the bundle that \
                     was written with it",
                )
            })
            .into())
    }

    fn enough(
        &self,
        artifact: &ArtifactFile,
        signers: &BTreeSet<SignerNumber>,
        proofs: &[Proof],
    ) -> Result<(), Failure> {
        let (found, wanted) = (signers.len(), self.rules.signer_count_min);
        if found < wanted {
            let what = "too few of those in the policy have signed";
            return Err(Failure::new(Exit::Refused, artifact.name(), what)
                .expected(format!("{wanted} different signers"))
                .found(format!("{found}"))
                .fix("give the bundles of the others, too: --bundle for each"));
        }
        for wanted in &self.rules.predicate_types {
            let attested = proofs.iter().any(|proof| match proof {
                Proof::Bundle(verified) => verified
                    .statement()
                    .is_some_and(|statement| statement.predicate_type == *wanted),
                Proof::Signature(_) => false,
            });
            if !attested {
                let what = "an attestation that the policy wants is missing";
                return Err(Failure::new(Exit::Refused, artifact.name(), what)
                    .expected(wanted)
                    .fix("give its bundle, too: --bundle for each"));
            }
        }
        Ok(())
    }
}

fn check_signature(
    artifact: &ArtifactFile,
    key: &Key,
    signature: &Signature,
) -> Result<(), Failure> {
    let conditions = Conditions::at(clock::now());
    let refuse = |error: sigstore::pki::PkiError| {
        Failure::new(
            Exit::Refused,
            artifact.name(),
            "not signed by the given key",
        )
        .found(error)
    };
    match artifact {
        ArtifactFile::File(path) => {
            let mut check = key.begin(signature, &conditions).map_err(refuse)?;
            ArtifactFile::show_to(path, &mut check)?;
            check.finish().map_err(refuse)
        }
        ArtifactFile::Memory(_, bytes) => {
            let verified = key.verify(signature, bytes, &conditions);
            verified.map_err(refuse)
        }
        ArtifactFile::Digest(hash, digest) => {
            let hash: HashAlgorithm = *hash;
            let checked = key.verify_digest(signature, hash, digest, &conditions);
            checked.map_err(refuse)
        }
    }
}
