//! What the benches share: their data, and a log on disk.
//!
//! Each bench measures one path of cairn beside the plainest thing that moves the same bytes, in
//! the same run and on the same machine, so that what is left is the price of what cairn adds.
//! They claim nothing themselves; ARCHITECTURE.md has the numbers of a run, with its machine.
//!
//! ```text
//! cargo bench -p cairn-bench                     # hashing, proofs
//! cargo bench -p cairn-bench --features rocks    # sequencing and reads, too
//! ```
//!
//! Logs are made in the system's temporary directory. Where that is kept in memory, point `TMPDIR`
//! at the disk in question first.

#[cfg(feature = "rocks")]
pub mod log;

/// Length of the entries that are logged: about that of a small JSON document.
pub const ENTRY_LEN_BYTES: usize = 256;

/// The entry with that number. Different numbers give different entries, and no entry compresses.
#[must_use]
pub fn entry(number: u64) -> Vec<u8> {
    // Steele, Lea and Flood's splitmix64: each state gives eight bytes.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let words = (0..ENTRY_LEN_BYTES / 8).map(|_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    let mut entry: Vec<u8> = words.flat_map(u64::to_be_bytes).collect();
    // The number itself makes sure that no two are equal.
    entry.splice(..8, number.to_be_bytes());
    entry
}

/// As many entries, from that number on.
#[must_use]
pub fn entries(first: u64, count: u64) -> Vec<Vec<u8>> {
    (first..first + count).map(entry).collect()
}
