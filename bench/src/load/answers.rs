//! Checking what the server answered.

use std::collections::HashMap;

use anyhow::{Context as _, bail, ensure};
use sigstore::TransparencyLogEntry;
use tiles::{Checkpoint, LeafIndex, leaf_hash, verify_inclusion};

use super::log_key::LogKey;

/// The indices in an answer of a raw log: one for each entry, in decimal, each on a line.
pub(super) fn indices(body: &[u8], count: usize) -> anyhow::Result<Vec<u64>> {
    let text = str::from_utf8(body).context("the answer is not text")?;
    let parsed = text.lines().map(|line| line.trim_end().parse::<u64>());
    let indices: Vec<u64> = parsed
        .collect::<Result<_, _>>()
        .with_context(|| format!("no index in {:?}", excerpt(text)))?;
    let found = indices.len();
    ensure!(found == count, "{found} indices for {count} entries");
    Ok(indices)
}

/// The beginning of a text.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Checks answers of one rekor-v2 log. Remembers checkpoints, because many answers share one.
#[derive(Debug)]
pub(super) struct AnswerCheck {
    key: LogKey,
    opened: HashMap<String, Checkpoint>,
}

impl AnswerCheck {
    /// For the log with that key.
    pub(super) fn new(key: LogKey) -> Self {
        let opened = HashMap::new();
        Self { key, opened }
    }

    /// Checks that the answer is about `leaf`, and that the log holds it under a checkpoint that
    /// the log signed. Gives its index.
    pub(super) fn check(&mut self, answer: &[u8], leaf: &[u8]) -> anyhow::Result<LeafIndex> {
        let entry = TransparencyLogEntry::parse(answer).context("not a log entry")?;
        let body = String::from_utf8_lossy(&entry.canonicalized_body);
        ensure!(
            entry.canonicalized_body == leaf,
            "the log holds {}, wanted {}",
            excerpt(&body),
            excerpt(&String::from_utf8_lossy(leaf))
        );
        let proof = entry.proof()?;
        let checkpoint = self.open(&proof.checkpoint, &entry.log_id)?;
        ensure!(
            proof.tree_size == checkpoint.size() && proof.root_hash == checkpoint.root_hash(),
            "the proof is for size {} and root {}, its checkpoint for {} and {}",
            proof.tree_size,
            proof.root_hash,
            checkpoint.size(),
            checkpoint.root_hash()
        );
        ensure!(
            entry.log_index == proof.log_index,
            "the entry has index {}, its proof is for {}",
            entry.log_index,
            proof.log_index
        );
        let (index, size) = (proof.log_index, proof.tree_size);
        let (leaf, root) = (leaf_hash(leaf), proof.root_hash);
        verify_inclusion(index, size, &leaf, &proof.hashes, &root)
            .context("the inclusion proof is wrong")?;
        Ok(index)
    }

    fn open(&mut self, note: &str, log_id: &[u8; 32]) -> anyhow::Result<&Checkpoint> {
        if !self.opened.contains_key(note) {
            let checkpoint = self.key.open(note.as_bytes())?;
            self.opened.insert(note.to_owned(), checkpoint);
        }
        let Some(checkpoint) = self.opened.get(note) else {
            bail!("the checkpoint was just put there");
        };
        if let Some(key) = self.key.named(checkpoint.origin().as_str())? {
            let wanted = key.log_id();
            ensure!(*log_id == wanted, "the answer names another log by its id");
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests;
