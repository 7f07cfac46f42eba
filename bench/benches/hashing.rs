//! Leaf hashes, node hashes and tile roots, on one core.
//!
//! Machine: the sketch is for a core with SHA instructions, at about 45 ns for a block of 64 bytes
//! (a virtual core of an AMD EPYC).
//! Data: 1024 entries of 256 bytes, 1024 pairs of hashes; all of it fits into the caches.
//! Sketch: no network, no disk, no memory traffic to speak of; only CPU. One message at a time, a
//! leaf is 1 + 256 bytes and padding, 5 blocks: 225 ns; a node is 1 + 64 bytes, 2 blocks: 90 ns.
//! Three at a time fill the gaps between dependent rounds, about twice as fast, and a node's second
//! block needs no schedule. The root of a tile is 255 nodes in 8 levels.
//!
//! Plain alternative: the sha2 crate on the same blocks, one message at a time.

use std::hint::black_box;

use bench::{ENTRY_LEN_BYTES, entries};
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use sha2::{Digest as _, Sha256};
use tiles::{Hash, Tile, leaf_hashes, node_hashes};

const COUNT: u16 = 1024;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("hashing");
    group.throughput(Throughput::Elements(COUNT.into()));
    leaves(&mut group);
    nodes(&mut group);
    group.throughput(Throughput::Elements(255));
    tile_root(&mut group);
    group.finish();
    criterion.final_summary();
}

fn leaves(group: &mut BenchmarkGroup<'_, WallTime>) {
    let entries = entries(0, COUNT.into());
    let mut out = Vec::with_capacity(entries.len());
    group.bench_function("leaf, tiles", |bencher| {
        bencher.iter(|| {
            out.clear();
            leaf_hashes(black_box(&entries), &mut out);
        });
    });
    // One byte longer, as long as entry and prefix are.
    let plain: Vec<Vec<u8>> = entries
        .iter()
        .map(|entry| [&[0], &entry[..]].concat())
        .collect();
    assert!(plain.iter().all(|leaf| leaf.len() == 1 + ENTRY_LEN_BYTES));
    bench_plain(group, "leaf, sha2", &plain);
}

fn nodes(group: &mut BenchmarkGroup<'_, WallTime>) {
    let hashes = hashes(2 * usize::from(COUNT));
    let (pairs, _) = hashes.as_chunks::<2>();
    let mut out = Vec::with_capacity(pairs.len());
    group.bench_function("node, tiles", |bencher| {
        bencher.iter(|| {
            out.clear();
            node_hashes(black_box(pairs), &mut out);
        });
    });
    let plain: Vec<Vec<u8>> = pairs
        .iter()
        .map(|[left, right]| [&[1], &left.as_bytes()[..], right.as_bytes()].concat())
        .collect();
    bench_plain(group, "node, sha2", &plain);
}

fn tile_root(group: &mut BenchmarkGroup<'_, WallTime>) {
    let hashes = hashes(256);
    group.bench_function("node in a tile's root, tiles", |bencher| {
        // A tile of its own each time: a tile keeps its nodes once they are computed.
        let tile = || Tile::new(hashes.clone()).expect("256 hashes are a tile");
        bencher.iter_batched_ref(tile, |tile| tile.root_hash(), BatchSize::SmallInput);
    });
}

fn bench_plain(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, messages: &[Vec<u8>]) {
    let mut out = Vec::with_capacity(messages.len());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            out.clear();
            out.extend(black_box(messages).iter().map(Sha256::digest));
        });
    });
}

fn hashes(count: usize) -> Vec<Hash> {
    let mut hashes = Vec::with_capacity(count);
    leaf_hashes(
        &entries(0, u64::try_from(count).expect("a small count")),
        &mut hashes,
    );
    hashes
}
