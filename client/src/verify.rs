//! Verifying files: what is given is put together, `sigstore::verify` judges it, and what it found
//! is said.
//!
//! Nothing is decided here but what an artifact is, which file has the evidence for it, and how
//! many signers a policy wants. No format is asked for: whatever file is given as evidence or key,
//! its bytes say what it is.

pub(crate) use artifact::ArtifactFile;
pub(crate) use evidence::{Evidence, EvidenceFiles};
pub(crate) use image::ImageTrial;
pub(crate) use judge::{Judge, Refusal, Verdict};
pub(crate) use rules::{LogRule, Rules};

mod artifact;
mod evidence;
mod image;
mod judge;
mod policy_file;
mod report;
mod rules;
