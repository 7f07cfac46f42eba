//! One container image, the evidence that its registry has, and the verdict.
//!
//! Anybody who may write to a repository can put evidence there, so what does not hold is passed
//! over, and what does hold must be enough. A signature and an attestation are two things: who
//! attests that an image has known weaknesses does not recommend it. An image is verified by a
//! signature, unless attestations of some types are wanted, and then by those.

use std::collections::BTreeSet;

use sigstore::HashAlgorithm;
use sigstore::image::{ImageDigest, SIGN_PREDICATE_TYPE, older};

use super::ArtifactFile;
use super::judge::{Judge, Proof, Refusal, SignerNumber, Verdict};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::oci::ImageEvidence;

/// The judgement of an image under way.
pub(crate) struct ImageTrial<'j> {
    judge: &'j Judge,
    image: ImageDigest,
    signers: BTreeSet<SignerNumber>,
    proofs: Vec<Proof>,
    /// Predicate types of what is proven but not asked for.
    beside: BTreeSet<String>,
    /// Of the evidence that does not hold, the piece that came closest.
    closest: Option<Refusal>,
    refused_count: usize,
}

impl<'j> ImageTrial<'j> {
    pub(crate) fn new(judge: &'j Judge, image: ImageDigest) -> ImageTrial<'j> {
        ImageTrial {
            judge,
            image,
            signers: BTreeSet::new(),
            proofs: Vec::new(),
            beside: BTreeSet::new(),
            closest: None,
            refused_count: 0,
        }
    }

    /// Takes a piece of evidence, or notes why it is none.
    pub(crate) fn hear(&mut self, evidence: Result<ImageEvidence, Failure>) {
        let evidence = evidence.map_err(Refusal::from);
        if let Err(refusal) = evidence.and_then(|evidence| self.weigh(&evidence)) {
            self.refused_count = self.refused_count.saturating_add(1);
            let closeness = |refusal: &Refusal| {
                let refused = refusal.refused.as_ref();
                refused.map(|refused| refused.passed.len())
            };
            let best = self.closest.as_ref().map(closeness);
            if best.is_none_or(|best| closeness(&refusal) > best) {
                self.closest = Some(refusal);
            }
        }
    }

    /// Whether no more evidence is needed.
    pub(crate) fn is_enough(&self) -> bool {
        self.signers.len() >= self.judge.rules.signer_count_min && self.missing().is_none()
    }

    /// What all of it comes to.
    pub(crate) fn verdict(self, name: &str) -> Result<Verdict, Refusal> {
        if self.is_enough() {
            return Ok(Verdict {
                proofs: self.proofs,
            });
        }
        if let (true, Some(closest)) = (self.proofs.is_empty(), self.closest) {
            return Err(closest);
        }
        let refuse = |what: &str| Failure::new(Exit::Refused, name, what);
        let wanted_types = &self.judge.rules.predicate_types;
        let failure = match wanted_types.iter().find(|t| !attests(&self.proofs, t)) {
            Some(wanted) => refuse("no such attestation by whom it should be").expected(wanted),
            None if self.proofs.is_empty() => {
                refuse("its registry has no signature of it").expected("a signature of cosign")
            }
            None => refuse("too few of those in the policy have signed")
                .expected(format!(
                    "{} different signers",
                    self.judge.rules.signer_count_min
                ))
                .found(self.signers.len()),
        };
        let beside: Vec<&str> = self.beside.iter().map(String::as_str).collect();
        if beside.is_empty() {
            return Err(failure.into());
        }
        Err(failure
            .found(format!("attestations of {}", beside.join(", ")))
            .fix("if one of those is what you want, name it: --attestation TYPE")
            .into())
    }

    fn weigh(&mut self, evidence: &ImageEvidence) -> Result<(), Refusal> {
        let artifact = self.artifact(evidence)?;
        let (signer, proof) = self
            .judge
            .bundle(&artifact, &evidence.name, &evidence.bundle)?;
        let statement = match &proof {
            Proof::Bundle(verified) => verified.statement(),
            Proof::Signature(_) => None,
        };
        let found = statement.map(|statement| statement.predicate_type.as_str());
        if let Some(said) = evidence
            .said_predicate_type
            .as_deref()
            .filter(|s| found != Some(*s))
        {
            let what = "is annotated with another predicate type than was signed";
            let failure = Failure::new(Exit::Refused, &evidence.name, what).expected(said);
            return Err(failure.found(found.unwrap_or("no statement")).into());
        }
        let wanted = &self.judge.rules.predicate_types;
        let counts = match found.filter(|found| *found != SIGN_PREDICATE_TYPE) {
            // Where attestations are wanted, a mere signature does not stand in for one.
            None => wanted.is_empty() || wanted.iter().any(|w| w == SIGN_PREDICATE_TYPE),
            Some(found) => wanted.iter().any(|wanted| wanted == found),
        };
        if counts {
            self.signers.insert(signer);
            self.proofs.push(proof);
        } else {
            let found = found.unwrap_or(SIGN_PREDICATE_TYPE).to_owned();
            self.beside.insert(found);
        }
        Ok(())
    }

    /// What the signature has to be over.
    fn artifact(&self, evidence: &ImageEvidence) -> Result<ArtifactFile, Refusal> {
        let sha256 = self.image.sha256().to_vec();
        let Some(payload) = &evidence.payload else {
            return Ok(ArtifactFile::Digest(HashAlgorithm::Sha256, sha256));
        };
        let refuse = |what: &str| Failure::new(Exit::Refused, &evidence.name, what);
        let named = older::parse_payload(payload)
            .map_err(|error| refuse("is not what cosign signs of an image").found(error))?;
        if named != self.image {
            let failure = refuse("is the signature of another image").expected(self.image);
            return Err(failure.found(named).into());
        }
        let name = format!("the payload that names {}", self.image);
        Ok(ArtifactFile::Memory(name, payload.clone()))
    }

    /// A type of which an attestation is still wanted.
    fn missing(&self) -> Option<&str> {
        let wanted = &self.judge.rules.predicate_types;
        let missing = wanted.iter().find(|wanted| !attests(&self.proofs, wanted));
        missing.map(String::as_str)
    }
}

fn attests(proofs: &[Proof], predicate_type: &str) -> bool {
    proofs.iter().any(|proof| match proof {
        Proof::Bundle(verified) => verified
            .statement()
            .is_some_and(|statement| statement.predicate_type == predicate_type),
        Proof::Signature(_) => false,
    })
}

#[cfg(test)]
mod tests;
