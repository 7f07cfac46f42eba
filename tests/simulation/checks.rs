//! What is checked after every event, and what only now and then.
//!
//! After every event: a published head that is new is held to the model, entry by entry, and must
//! be kept, and committed for good; nothing past it has left the hot store; all that was promised,
//! and all that the index of identities knows, is within the committed tree. One published entry is
//! read and found by its identity, its inclusion proof and a consistency proof from an older head
//! verify: each chosen by the dice.
//!
//! When a log was opened, and every [`FSCK_EVENTS`] events: fsck, which hashes everything again and
//! looks every identity up.

use std::sync::Arc;

use engine::store::{CheckpointStore as _, HotStore as _};
use engine::{Identity, PublishedHead, fsck};
use tiles::{BundleRef, LeafIndex, LogBytes, TileRef, TileWidth, TreeSize};

use crate::breach::{Checked, During as _, ensure};
use crate::entry::{content, number_of};
use crate::world::World;

/// Events between two full checks.
const FSCK_EVENTS: u64 = 1000;

/// What the checks remember.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// The head that was held to the model last.
    seen: Option<Arc<PublishedHead>>,
    since_fsck: u64,
    pub(crate) proofs: u64,
    pub(crate) full: u64,
}

impl World {
    /// After every event.
    pub(crate) fn check(&mut self) -> Checked {
        let head = self.log.log().published();
        let seen = self.checks.seen.as_ref();
        if seen.is_none_or(|seen| !Arc::ptr_eq(seen, &head)) {
            self.check_published(&head)?;
            self.checks.seen = Some(Arc::clone(&head));
        }
        let tiered = self.machine.stores.hot.tiered().during("reading a size")?;
        ensure(tiered <= head.size, || {
            format!(
                "objects left the hot store up to {tiered}; {} is published",
                head.size
            )
        })?;
        let committed = self.log.log().status().committed.size.get();
        let durable = self.machine.stores.hot.durable_head().size.get();
        let indexed = self
            .machine
            .stores
            .hot
            .indexed()
            .during("reading a size")?
            .get();
        ensure(indexed <= durable, || {
            format!("{indexed} entries are in the index, {durable} committed for good")
        })?;
        let owed = self.model.owed_size();
        ensure(owed <= committed.min(durable), || {
            format!("{owed} entries are owed; {committed} are committed, {durable} for good")
        })?;
        self.check_one(&head)?;
        self.checks.since_fsck += 1;
        if self.checks.since_fsck > FSCK_EVENTS {
            self.check_all()?;
        }
        Ok(())
    }

    /// A head that was not there before.
    fn check_published(&mut self, head: &PublishedHead) -> Checked {
        let durable = self.machine.stores.hot.durable_head().size;
        ensure(head.size <= durable, || {
            format!(
                "size {} is published; {durable} is committed for good",
                head.size
            )
        })?;
        let kept = self.machine.stores.checkpoint.load();
        let kept = kept.during("reading the kept checkpoint")?;
        let kept = kept.map(|(bytes, _)| bytes);
        ensure(kept.as_ref() == Some(&head.checkpoint), || {
            format!(
                "the checkpoint of size {} is published and not kept",
                head.size
            )
        })?;
        let key = std::slice::from_ref(self.machine.verifier());
        let (signed, _) = tiles::open_checkpoint(&head.checkpoint, key).during("a checkpoint")?;
        ensure(
            (signed.size(), signed.root_hash()) == (head.size, head.root_hash),
            || "the signed checkpoint is not the published head".to_owned(),
        )?;
        self.model.publish(&self.log.log().reader(), head)
    }

    /// One entry and two proofs.
    fn check_one(&mut self, head: &PublishedHead) -> Checked {
        let count = self.model.published_count();
        if count == 0 {
            return Ok(());
        }
        let reader = self.log.log().reader();
        let position = self.dice.position(count);
        let (number, leaf_hash) = self.model.published_at(position);
        let index = LeafIndex::new(u64::try_from(position).expect("a length fits in 64 bits"));

        let stored = reader.entry(index).during("reading an entry")?;
        let stored = stored.ok_or("a published entry is missing")?;
        let found = number_of(reader.format(), index.get(), &stored);
        ensure(found == Some(number), || {
            format!("{index:?} holds entry {number}, and now {found:?}")
        })?;
        let identity = Identity::of_leaf(&content(number));
        let found = reader.find(&identity).during("finding an entry")?;
        ensure(found == Some(index), || {
            format!("entry {number} at {index:?} is found at {found:?}")
        })?;

        let proof = reader.inclusion_proof(index, head.size);
        let proof = proof.during("building an inclusion proof")?;
        tiles::verify_inclusion(index, head.size, &leaf_hash, &proof, &head.root_hash)
            .during("an inclusion proof")?;
        let heads = self.model.heads();
        let (old, old_root) = heads[self.dice.position(heads.len())];
        if old > TreeSize::ZERO {
            let proof = reader.consistency_proof(old, head.size);
            let proof = proof.during("building a consistency proof")?;
            tiles::verify_consistency(old, head.size, &proof, &old_root, &head.root_hash)
                .during("a consistency proof")?;
        }
        self.checks.proofs += 1;
        Ok(())
    }

    /// Everything.
    pub(crate) fn check_all(&mut self) -> Checked {
        self.checks.since_fsck = 0;
        self.checks.full += 1;
        self.check()?;
        let report = fsck(&self.log.log().reader(), &mut |_| ()).during("fsck")?;
        let size = report.head.size.get();
        let known = u64::try_from(self.model.published_count()).expect("a length");
        ensure(size == known, || {
            format!("fsck saw {size} entries, and {known} are published")
        })
    }

    /// What stands in `publish_dir`, by itself, once the log came to rest.
    pub(crate) fn check_publish_dir(&self) -> Checked {
        let Some(dir) = &self.machine.config.publish_dir else {
            return Ok(());
        };
        let checkpoint = std::fs::read(dir.join("checkpoint")).during("reading publish_dir")?;
        let head = self.log.log().published();
        ensure(checkpoint == head.checkpoint, || {
            "publish_dir does not show the published checkpoint".to_owned()
        })?;
        let reader = self.log.log().reader();
        let leaves = |bytes: &[u8], width: TileWidth| -> Checked<Vec<tiles::Hash>> {
            let format = reader.format();
            let entries = format
                .split_bundle(bytes, width.count())
                .during("a bundle")?;
            let leaf = |entry| format.leaf_of(entry).during("an entry");
            let leaves = entries.into_iter().map(leaf);
            leaves.map(|leaf| Ok(tiles::leaf_hash(&leaf?))).collect()
        };
        let files = Files(dir);
        tiles::rebuild(&files, (head.size, head.root_hash), &leaves, &mut |_| ())
            .during("publish_dir")
            .map(drop)
    }
}

/// A published log as plain files.
struct Files<'a>(&'a std::path::Path);

impl LogBytes for Files<'_> {
    type Error = std::io::Error;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.0.join(tiles::tile_path(tile)))
    }

    fn bundle(&self, bundle: BundleRef) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.0.join(tiles::entries_path(bundle)))
    }
}
