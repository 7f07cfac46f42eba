//! Building proofs from tiles, and verifying them, on one core.
//!
//! Machine: the sketch is for a core with SHA instructions, at about 90 ns for a node hash
//! (a virtual core of an AMD EPYC).
//! Data: the tiles of a tree of 2^20 leaves, in memory, 34 MB; leaves at pseudo-random places, so
//! most tiles come from main memory.
//! Sketch: no network, no disk. Memory: a tile keeps the nodes inside it once somebody asked for
//! one, 16 KiB with its hashes, so a proof is some twenty look-ups in three tiles, most of them
//! cache misses: one or two microseconds. The first proof from a tile hashes 254 nodes as well.
//! CPU: verifying is 20 node hashes, 2 us; of a consistency proof twice as many.
//!
//! Plain alternative: what computing the nodes afresh would take, as many node hashes by the sha2
//! crate.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::Criterion;
use sha2::{Digest as _, Sha256};
use tiles::{
    Hash, LeafIndex, Tile, TileRef, TileSource, TreeSize, consistency_proof, inclusion_proof,
    leaf_hash, root_hash, tiles_at, verify_consistency, verify_inclusion,
};

const SIZE: TreeSize = TreeSize::new(1 << 20);
/// An older tree whose size is not round: its proof has nodes of every height.
const OLD: TreeSize = TreeSize::new(0xa_aaab);
/// Node hashes that an inclusion proof of this tree recomputes.
const NODES: usize = 2 * 247 + 11;

fn main() {
    let tree = MemoryTree::grow();
    let head = tree.root(SIZE);
    let mut indices = (0_u64..).map(|step| LeafIndex::new(step * 0x9_e377 % SIZE.get()));
    let mut next = || indices.next().expect("steps do not end");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("proofs");

    group.bench_function("build inclusion", |bencher| {
        bencher.iter(|| inclusion_proof(&tree, black_box(next()), SIZE));
    });
    group.bench_function("only hash as many nodes, sha2", |bencher| {
        let message = [1_u8; 65];
        bencher.iter(|| {
            for _ in 0..NODES {
                black_box(Sha256::digest(black_box(message)));
            }
        });
    });
    let index = next();
    let proof = inclusion_proof(&tree, index, SIZE).expect("the leaf is in the tree");
    let leaf = leaf(index.get());
    verify_inclusion(index, SIZE, &leaf, &proof, &head).expect("the proof is right");
    group.bench_function("verify inclusion", |bencher| {
        bencher.iter(|| verify_inclusion(index, SIZE, black_box(&leaf), &proof, &head));
    });

    group.bench_function("build consistency", |bencher| {
        bencher.iter(|| consistency_proof(&tree, black_box(OLD), SIZE));
    });
    let proof = consistency_proof(&tree, OLD, SIZE).expect("the older tree is a part");
    let old_head = tree.root(OLD);
    verify_consistency(OLD, SIZE, &proof, &old_head, &head).expect("the proof is right");
    group.bench_function("verify consistency", |bencher| {
        bencher.iter(|| verify_consistency(OLD, SIZE, black_box(&proof), &old_head, &head));
    });
    group.finish();
    criterion.final_summary();
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

/// The hashes of each tile level, side by side.
struct MemoryTree {
    levels: Vec<Vec<Hash>>,
}

impl MemoryTree {
    fn grow() -> Self {
        let leaves = (0..SIZE.get()).map(leaf);
        let mut tree = Self {
            levels: vec![leaves.collect()],
        };
        // Every tile of this tree but the last is full and gives a hash to the level above.
        for tile in tiles_at(SIZE) {
            let level = usize::from(tile.id.level.get());
            let root = tree.read(tile).root_hash();
            if tree.levels.len() == level + 1 {
                tree.levels.push(Vec::new());
            }
            if let Some(above) = tree.levels.get_mut(level + 1) {
                above.extend(root);
            }
        }
        tree
    }

    fn read(&self, tile: TileRef) -> Tile {
        let level = self.levels.get(usize::from(tile.id.level.get()));
        let begin = usize::try_from(tile.id.index * 256).expect("the tree is in memory");
        let hashes = level.and_then(|level| level.get(begin..begin + tile.width.count()));
        Tile::new(hashes.expect("the tree has the tile").to_vec()).expect("1 to 256 hashes")
    }

    fn root(&self, size: TreeSize) -> Hash {
        root_hash(self, size).expect("reading memory does not fail")
    }
}

impl TileSource for MemoryTree {
    type Error = Infallible;

    fn tile(&self, tile: TileRef) -> Result<Tile, Infallible> {
        Ok(self.read(tile))
    }
}
