//! What the benches share (their data, and a log on disk), and the load tool.
//!
//! Each bench measures one path of cairn beside the plainest thing that moves the same bytes, in
//! the same run and on the same machine, so that what is left is the price of what cairn adds.
//! They claim nothing themselves; ARCHITECTURE.md has the numbers of a run, with its machine.
//!
//! ```text
//! cargo bench -p cairn-bench                     # hashing, proofs
//! cargo bench -p cairn-bench --features rocks    # sequencing, reads and fsck, too
//! cargo run --release -p cairn-bench --features rocks --bin at_rest    # bytes on disk, tiering
//! ```
//!
//! [`load`] is the program `cairn-load`, which measures a whole server, ours or another, over HTTP.
//!
//! Logs are made in the system's temporary directory. Where that is kept in memory, point `TMPDIR`
//! at the disk in question first.

mod certificate;
pub mod load;
#[cfg(feature = "rocks")]
pub mod log;
pub mod process;
pub mod rekor;

/// Length of the entries that are logged: about that of a small JSON document.
pub const ENTRY_LEN_BYTES: usize = 256;

/// The entry with that number. Different numbers give different entries, and no entry compresses.
#[must_use]
pub fn entry(number: u64) -> Vec<u8> {
    seeded_entry(0, number, ENTRY_LEN_BYTES)
}

/// As [`entry`], of any length from eight bytes on, and others for each seed.
#[must_use]
pub fn seeded_entry(seed: u64, number: u64, len: usize) -> Vec<u8> {
    // Steele, Lea and Flood's splitmix64: each state gives eight bytes.
    // Numbers are mixed before, or the words of one entry would be those of its neighbours, and
    // bundles would compress.
    let mut state = mixed(mixed(seed) ^ number.wrapping_mul(GOLDEN));
    let mut entry = vec![0; len];
    for eight in entry.chunks_mut(8) {
        state = state.wrapping_add(GOLDEN);
        for (byte, random) in eight.iter_mut().zip(mixed(state).to_be_bytes()) {
            *byte = random;
        }
    }
    // The number itself makes sure that no two are equal.
    for (byte, digit) in entry.iter_mut().zip(number.to_be_bytes()) {
        *byte = digit;
    }
    entry
}

/// Steps of splitmix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of splitmix64: a number that looks random, and another for each state.
#[must_use]
pub const fn mixed(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// As many entries, from that number on.
#[must_use]
pub fn entries(first: u64, count: u64) -> Vec<Vec<u8>> {
    (first..first + count).map(entry).collect()
}
