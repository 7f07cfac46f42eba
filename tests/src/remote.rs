//! A log seen from outside, over HTTP, the way an auditor sees it: nothing is believed unless it
//! follows from a checkpoint that the log's key signed.

use std::cell::RefCell;
use std::io;

use tiles::{
    BundleRef, Checkpoint, EntryBundle, LeafIndex, LogBytes, ProofBuildError, Tile, TileRef,
    TileSource, TreeSize, VerifierKey, entries_path, leaf_hash, open_checkpoint, tile_path,
};

use crate::http::{Client, Request};
use crate::wait::until;
use sigstore::TransparencyLogEntry;

/// One log of a server.
#[derive(Debug)]
pub struct RemoteLog {
    client: RefCell<Client>,
    /// `/logs/NAME/`
    root: String,
    vkey: VerifierKey,
}

impl RemoteLog {
    /// The log `name`, whose key is `vkey`.
    #[must_use]
    pub fn new(client: Client, name: &str, vkey: VerifierKey) -> Self {
        Self {
            client: RefCell::new(client),
            root: format!("/logs/{name}/"),
            vkey,
        }
    }

    /// The bytes of a resource, which must be there.
    pub fn fetch(&self, path: &str) -> Vec<u8> {
        self.try_fetch(path)
            .unwrap_or_else(|error| panic!("{}{path}: {error}", self.root))
    }

    /// The bytes of a resource; an error is a broken connection or any answer but 200.
    pub fn try_fetch(&self, path: &str) -> io::Result<Vec<u8>> {
        let request = Request::get(&format!("{}{path}", self.root));
        let response = self.client.borrow_mut().try_send(&request)?;
        if response.status != 200 {
            let text = String::from_utf8_lossy(&response.body);
            return Err(io::Error::other(format!("{} {text}", response.status)));
        }
        Ok(response.body)
    }

    /// The newest checkpoint, its signature verified.
    pub fn checkpoint(&self) -> Checkpoint {
        self.open(&self.fetch("checkpoint"))
    }

    /// The newest checkpoint, once it covers `size`.
    pub fn checkpoint_covering(&self, size: u64) -> Checkpoint {
        until("a checkpoint covers the entries", || {
            Some(self.checkpoint()).filter(|newest| newest.size().get() >= size)
        })
    }

    /// A checkpoint of this log, its signature verified.
    #[must_use]
    pub fn open(&self, bytes: &[u8]) -> Checkpoint {
        let keys = std::slice::from_ref(&self.vkey);
        let (checkpoint, _) = open_checkpoint(bytes, keys).expect("a checkpoint the log signed");
        checkpoint
    }

    /// Checks that `new` extends `old`, by a proof from the tiles of `new`.
    pub fn check_extends(&self, old: &Checkpoint, new: &Checkpoint) {
        self.try_check_extends(old, new)
            .expect("the tiles of a checkpoint can be read");
    }

    /// The same; an error is a tile that could not be read. A proof that fails panics.
    pub fn try_check_extends(&self, old: &Checkpoint, new: &Checkpoint) -> io::Result<()> {
        assert!(
            old.size() <= new.size(),
            "{} after {}",
            new.size(),
            old.size()
        );
        if old.size() == new.size() || old.size() == TreeSize::ZERO {
            assert!(old.size() < new.size() || old.root_hash() == new.root_hash());
            return Ok(());
        }
        let proof = built(tiles::consistency_proof(self, old.size(), new.size()))?;
        let (old_root, new_root) = (old.root_hash(), new.root_hash());
        tiles::verify_consistency(old.size(), new.size(), &proof, &old_root, &new_root)
            .expect("the newer tree extends the older one");
        Ok(())
    }

    /// Reads the entry at `index` and checks its inclusion in the tree of `head`, by a proof from
    /// tiles. An error is something that could not be read; a proof that fails panics.
    pub fn try_check_includes(&self, index: LeafIndex, head: &Checkpoint) -> io::Result<()> {
        let size = head.size();
        let bundle = BundleRef::at(index.get() / 256, size).expect("the tree has the leaf");
        let bytes = self.try_fetch(&entries_path(bundle))?;
        let entries = EntryBundle::parse(&bytes, bundle.width).expect("a bundle of this width");
        let position = usize::try_from(index.get() % 256).expect("it is small");
        let leaf = leaf_hash(entries.entries()[position]);
        let proof = built(tiles::inclusion_proof(self, index, size))?;
        tiles::verify_inclusion(index, size, &leaf, &proof, &head.root_hash())
            .expect("the entry is in the tree");
        Ok(())
    }

    /// Every entry below `size`, each checked against the root hash of `head`.
    pub fn check_whole(&self, head: &Checkpoint) -> Vec<Vec<u8>> {
        let tree = (head.size(), head.root_hash());
        tiles::rebuild(self, tree, &tiles::tlog_tiles_leaves, &mut |_| ())
            .unwrap_or_else(|error| panic!("{}: {error}", self.root));
        let bundles = tiles::bundles_at(head.size());
        bundles
            .flat_map(|bundle| {
                let bytes = self.fetch(&entries_path(bundle));
                let parsed = EntryBundle::parse(&bytes, bundle.width).expect("it was rebuilt");
                let owned = parsed.entries().iter().map(|entry| entry.to_vec());
                owned.collect::<Vec<Vec<u8>>>()
            })
            .collect()
    }

    /// Checks an answer of this v2 log to the request that became `leaf`; gives its index and the
    /// checkpoint in it.
    #[must_use]
    pub fn check_answer(&self, answer: &[u8], leaf: &[u8]) -> (u64, Checkpoint) {
        let entry = TransparencyLogEntry::parse(answer).expect("the answer is strict JSON");
        assert_eq!(
            entry.canonicalized_body, leaf,
            "the entry is what was asked for"
        );
        assert_eq!(entry.log_id, self.vkey.log_id());
        let proof = entry.proof().expect("a log gives a proof");
        let checkpoint = self.open(proof.checkpoint.as_bytes());
        assert_eq!(entry.log_index, proof.log_index);
        assert_eq!(proof.tree_size, checkpoint.size());
        assert_eq!(proof.root_hash, checkpoint.root_hash());
        let (index, size, leaf) = (entry.log_index, checkpoint.size(), leaf_hash(leaf));
        tiles::verify_inclusion(index, size, &leaf, &proof.hashes, &proof.root_hash)
            .expect("the inclusion proof verifies");
        (index.get(), checkpoint)
    }
}

/// A proof, or what kept its tiles from being read. Asking for an impossible one is a mistake.
fn built<T>(proof: Result<T, ProofBuildError<io::Error>>) -> io::Result<T> {
    proof.map_err(|error| match error {
        ProofBuildError::Source(error) => error,
        error => panic!("{error}"),
    })
}

impl TileSource for RemoteLog {
    type Error = io::Error;

    fn tile(&self, tile: TileRef) -> io::Result<Tile> {
        let bytes = self.try_fetch(&tile_path(tile))?;
        Ok(Tile::parse(&bytes, tile.width).expect("a tile of this width"))
    }
}

impl LogBytes for RemoteLog {
    type Error = std::convert::Infallible;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, Self::Error> {
        Ok(self.fetch(&tile_path(tile)))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, Self::Error> {
        Ok(self.fetch(&entries_path(bundle)))
    }
}
