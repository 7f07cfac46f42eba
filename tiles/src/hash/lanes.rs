//! Several SHA-256 messages at a time on one core, with the SHA extensions of x86-64.
//!
//! One SHA-256 leaves most of a core idle: each round waits for the one before it. Messages do not
//! wait for each other, so the rounds of several run in turn, each in the shadow of the others.
//! Nodes gain twice: their message has 65 bytes, so a single byte of their second block varies, and
//! that block's whole message schedule comes from a table of 256.
//!
//! Used only where the processor has the instructions, which is found out at run time. Everywhere
//! else the `sha2` crate does the same work one message at a time, and to the same bits: the tests
//! compare the two for every length up to 4,096 and every place among the lanes.
//!
//! This is the one module of the workspace with unsafe code, and the only unsafe thing about it is
//! that a function compiled for these instructions is called after asking the processor for them.
//! Memory is read and written by safe code alone.

#![expect(
    clippy::indexing_slicing,
    reason = "loops over the lanes of arrays of that length; iterators over zipped arrays keep the \
              compiler from holding them in registers"
)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_extract_epi64, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};
use std::sync::OnceLock;

use super::{HASH_LEN_BYTES, Hash, LEAF_PREFIX, NODE_PREFIX};

/// Messages in flight. Measured: two leave gaps, four no longer fit the sixteen registers.
const LANES: usize = 3;

/// Bytes of one block of SHA-256.
const BLOCK: usize = 64;

/// Whether this processor has the instructions.
fn available() -> bool {
    is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("ssse3")
}

/// Appends the leaf hash of each entry to `out`; does nothing and says so where the processor
/// cannot.
#[must_use]
pub(super) fn leaf_hashes(entries: &[impl AsRef<[u8]>], out: &mut Vec<Hash>) -> bool {
    let available = available();
    if available {
        // SAFETY: the processor was just asked for every feature that the function is compiled for.
        #[expect(unsafe_code, reason = "the instructions are there")]
        unsafe {
            leaves(entries, out);
        }
    }
    available
}

/// Appends the node hash of each pair to `out`; does nothing and says so where the processor
/// cannot.
#[must_use]
pub(super) fn node_hashes(pairs: &[[Hash; 2]], out: &mut Vec<Hash>) -> bool {
    let available = available();
    if available {
        // SAFETY: the processor was just asked for every feature that the function is compiled for.
        #[expect(unsafe_code, reason = "the instructions are there")]
        unsafe {
            nodes(pairs, out);
        }
    }
    available
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn leaves(entries: &[impl AsRef<[u8]>], out: &mut Vec<Hash>) {
    let (together, rest) = entries.as_chunks::<LANES>();
    for entries in together {
        out.extend_from_slice(&leaf_lanes(entries.each_ref().map(AsRef::as_ref)));
    }
    for entry in rest {
        out.extend_from_slice(&leaf_lanes([entry.as_ref()]));
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn nodes(pairs: &[[Hash; 2]], out: &mut Vec<Hash>) {
    let (together, rest) = pairs.as_chunks::<LANES>();
    for pairs in together {
        out.extend_from_slice(&node_lanes(pairs.each_ref()));
    }
    for pair in rest {
        out.extend_from_slice(&node_lanes([pair]));
    }
}

/// Leaf hashes of `N` entries: together for as long as all have blocks, then one by one.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn leaf_lanes<const N: usize>(entries: [&[u8]; N]) -> [Hash; N] {
    let mut messages = [const { LeafMessage::EMPTY }; N];
    for lane in 0..N {
        messages[lane].fill(entries[lane]);
    }
    let together = messages.iter().map(LeafMessage::count).min().unwrap_or(0);
    let mut states = States::<N>::initial();
    for number in 0..together {
        let mut blocks = [&[0; BLOCK]; N];
        for lane in 0..N {
            blocks[lane] = messages[lane].block(number);
        }
        states.compress(block_words(blocks));
    }
    for (lane, message) in messages.iter().enumerate() {
        let mut alone = states.lane(lane);
        for number in together..message.count() {
            alone.compress(block_words([message.block(number)]));
        }
        states.abef[lane] = alone.abef[0];
        states.cdgh[lane] = alone.cdgh[0];
    }
    states.hashes()
}

/// Node hashes of `N` pairs of children.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn node_lanes<const N: usize>(pairs: [&[Hash; 2]; N]) -> [Hash; N] {
    let mut words = [[zero(); N]; 4];
    let mut schedules = [&CONSTANTS; N];
    let table = node_schedules();
    // The prefix is in the last byte, from where it is shifted in before the left child.
    let prefix = _mm_set_epi64x(i64::from(NODE_PREFIX) << 56, 0);
    for lane in 0..N {
        let [left, right] = pairs[lane];
        let mut before = prefix;
        let parts = [halves(left), halves(right)];
        for (part, bytes) in parts.as_flattened().iter().enumerate() {
            let bytes = vector(bytes);
            words[part][lane] = swap_bytes(_mm_alignr_epi8::<15>(bytes, before));
            before = bytes;
        }
        schedules[lane] = &table[usize::from(right.0[HASH_LEN_BYTES - 1])];
    }
    let mut states = States::<N>::initial();
    states.compress(words);
    states.compress_scheduled(schedules);
    states.hashes()
}

/// The message of a leaf cut into blocks: prefix, entry, 0x80, zeros, length in bits.
struct LeafMessage<'a> {
    /// The prefix and 63 bytes, if the entry has that many: no block or one.
    head: [u8; BLOCK],
    head_count: usize,
    /// The blocks that lie within the entry, where they are in memory.
    interior: &'a [[u8; BLOCK]],
    /// What is left of the entry, and the padding: one block or two.
    tail: [[u8; BLOCK]; 2],
    tail_count: usize,
}

impl<'a> LeafMessage<'a> {
    const EMPTY: Self = Self {
        head: [LEAF_PREFIX; BLOCK],
        head_count: 0,
        interior: &[],
        tail: [[LEAF_PREFIX; BLOCK]; 2],
        tail_count: 0,
    };

    /// Fills an empty message. In place, because moving one costs as much as hashing a block.
    fn fill(&mut self, entry: &'a [u8]) {
        let (rest, begin) = match entry.split_first_chunk::<{ BLOCK - 1 }>() {
            Some((first, rest)) => {
                self.head[1..].copy_from_slice(first);
                self.head_count = 1;
                let (interior, rest) = rest.as_chunks();
                self.interior = interior;
                (rest, 0)
            }
            None => (entry, 1),
        };
        let bytes = self.tail.as_flattened_mut();
        let end = begin + rest.len();
        bytes[begin..end].copy_from_slice(rest);
        bytes[end] = 0x80;
        self.tail_count = (end + 9).div_ceil(BLOCK);
        let bits = u64::try_from(1 + entry.len()).expect("memory has fewer than 2^64 bytes") * 8;
        let length_end = self.tail_count * BLOCK;
        bytes[length_end - 8..length_end].copy_from_slice(&bits.to_be_bytes());
    }

    fn count(&self) -> usize {
        self.head_count + self.interior.len() + self.tail_count
    }

    fn block(&self, number: usize) -> &[u8; BLOCK] {
        let Some(number) = number.checked_sub(self.head_count) else {
            return &self.head;
        };
        match self.interior.get(number) {
            Some(block) => block,
            None => &self.tail[number - self.interior.len()],
        }
    }
}

/// Four rounds of every lane. Macros, because the states must stay in registers throughout.
macro_rules! rounds {
    ($abef:ident, $cdgh:ident, $w:ident, $k:expr) => {
        let k = vector(&$k);
        for lane in 0..N {
            let wk = _mm_add_epi32($w[lane], k);
            $cdgh[lane] = _mm_sha256rnds2_epu32($cdgh[lane], $abef[lane], wk);
            let high = _mm_shuffle_epi32::<0x0e>(wk);
            $abef[lane] = _mm_sha256rnds2_epu32($abef[lane], $cdgh[lane], high);
        }
    };
}

/// The next four schedule words of every lane, in place of the oldest of the last sixteen.
macro_rules! extend {
    ($w0:ident, $w1:ident, $w2:ident, $w3:ident) => {
        for lane in 0..N {
            let sum = _mm_add_epi32(
                _mm_sha256msg1_epu32($w0[lane], $w1[lane]),
                _mm_alignr_epi8::<4>($w3[lane], $w2[lane]),
            );
            $w0[lane] = _mm_sha256msg2_epu32(sum, $w3[lane]);
        }
    };
}

/// The states of `N` messages, in the order that the instructions want.
struct States<const N: usize> {
    abef: [__m128i; N],
    cdgh: [__m128i; N],
}

impl<const N: usize> States<N> {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn initial() -> Self {
        Self {
            abef: [_mm_set_epi64x(0x6a09_e667_bb67_ae85, 0x510e_527f_9b05_688c); N],
            cdgh: [_mm_set_epi64x(0x3c6e_f372_a54f_f53a, 0x1f83_d9ab_5be0_cd19); N],
        }
    }

    fn lane(&self, lane: usize) -> States<1> {
        States {
            abef: [self.abef[lane]],
            cdgh: [self.cdgh[lane]],
        }
    }

    /// One block of every lane, as words.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn compress(&mut self, words: [[__m128i; N]; 4]) {
        let [mut w0, mut w1, mut w2, mut w3] = words;
        let (mut abef, mut cdgh) = (self.abef, self.cdgh);
        let [first, rest @ ..] = CONSTANTS.0.as_chunks::<4>().0 else {
            return;
        };
        rounds!(abef, cdgh, w0, first[0]);
        rounds!(abef, cdgh, w1, first[1]);
        rounds!(abef, cdgh, w2, first[2]);
        rounds!(abef, cdgh, w3, first[3]);
        for k in rest {
            extend!(w0, w1, w2, w3);
            rounds!(abef, cdgh, w0, k[0]);
            extend!(w1, w2, w3, w0);
            rounds!(abef, cdgh, w1, k[1]);
            extend!(w2, w3, w0, w1);
            rounds!(abef, cdgh, w2, k[2]);
            extend!(w3, w0, w1, w2);
            rounds!(abef, cdgh, w3, k[3]);
        }
        self.add(&abef, &cdgh);
    }

    /// One block of every lane whose schedule is known.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn compress_scheduled(&mut self, schedules: [&Schedule; N]) {
        let (mut abef, mut cdgh) = (self.abef, self.cdgh);
        for round in 0..16 {
            for lane in 0..N {
                let wk = vector(&schedules[lane].0[round]);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], wk);
                let high = _mm_shuffle_epi32::<0x0e>(wk);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], high);
            }
        }
        self.add(&abef, &cdgh);
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn add(&mut self, abef: &[__m128i; N], cdgh: &[__m128i; N]) {
        for lane in 0..N {
            self.abef[lane] = _mm_add_epi32(self.abef[lane], abef[lane]);
            self.cdgh[lane] = _mm_add_epi32(self.cdgh[lane], cdgh[lane]);
        }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn hashes(&self) -> [Hash; N] {
        let mut hashes = [Hash([0; HASH_LEN_BYTES]); N];
        for (lane, hash) in hashes.iter_mut().enumerate() {
            let feba = _mm_shuffle_epi32::<0x1b>(self.abef[lane]);
            let dchg = _mm_shuffle_epi32::<0xb1>(self.cdgh[lane]);
            let abcd = swap_bytes(_mm_blend_epi16::<0xf0>(feba, dchg));
            let efgh = swap_bytes(_mm_alignr_epi8::<8>(dchg, feba));
            let quarters = [
                _mm_extract_epi64::<0>(abcd),
                _mm_extract_epi64::<1>(abcd),
                _mm_extract_epi64::<0>(efgh),
                _mm_extract_epi64::<1>(efgh),
            ];
            for (bytes, quarter) in hash.0.chunks_exact_mut(8).zip(quarters) {
                bytes.copy_from_slice(&quarter.to_le_bytes());
            }
        }
        hashes
    }
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn zero() -> __m128i {
    _mm_set_epi64x(0, 0)
}

/// 16 bytes as a vector.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn vector(bytes: &[u8; 16]) -> __m128i {
    let [low, high] = bytes.as_chunks::<8>().0 else {
        return zero();
    };
    _mm_set_epi64x(i64::from_le_bytes(*high), i64::from_le_bytes(*low))
}

/// Turns big-endian words into the processor's, and back.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn swap_bytes(words: __m128i) -> __m128i {
    let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    _mm_shuffle_epi8(words, order)
}

/// The sixteen words of a block of every lane, four in each vector.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn block_words<const N: usize>(blocks: [&[u8; BLOCK]; N]) -> [[__m128i; N]; 4] {
    let mut words = [[zero(); N]; 4];
    for lane in 0..N {
        let [a, b, c, d] = blocks[lane].as_chunks().0 else {
            return words;
        };
        words[0][lane] = swap_bytes(vector(a));
        words[1][lane] = swap_bytes(vector(b));
        words[2][lane] = swap_bytes(vector(c));
        words[3][lane] = swap_bytes(vector(d));
    }
    words
}

/// The two halves of a hash.
fn halves(hash: &Hash) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    halves.as_flattened_mut().copy_from_slice(&hash.0);
    halves
}

/// The words of sixteen times four rounds, ready to be loaded.
#[repr(align(64))]
struct Schedule([[u8; 16]; 16]);

impl Schedule {
    const fn new(words: &[u32; 64]) -> Self {
        let mut vectors = [[0; 16]; 16];
        let mut t = 0;
        while t < 64 {
            let bytes = words[t].to_le_bytes();
            let mut i = 0;
            while i < 4 {
                vectors[t / 4][t % 4 * 4 + i] = bytes[i];
                i += 1;
            }
            t += 1;
        }
        Self(vectors)
    }
}

/// The round constants.
static CONSTANTS: Schedule = Schedule::new(&K);

/// Schedules of a node's second block with the constants added, by the last byte of the right
/// child.
fn node_schedules() -> &'static [Schedule; 256] {
    static TABLE: OnceLock<Box<[Schedule; 256]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut last = 0_u8;
        Box::new(std::array::from_fn(|_| {
            let schedule = node_schedule(last);
            last = last.wrapping_add(1);
            schedule
        }))
    })
}

/// FIPS 180-4 section 6.2.2, step 1, for the block of `last`, the end marker and the length.
fn node_schedule(last: u8) -> Schedule {
    let mut w = [0_u32; 64];
    w[0] = u32::from_be_bytes([last, 0x80, 0, 0]);
    w[15] = 65 * 8;
    for t in 16..64 {
        let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
        let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16]
            .wrapping_add(s0)
            .wrapping_add(w[t - 7])
            .wrapping_add(s1);
    }
    for (w, k) in w.iter_mut().zip(K) {
        *w = w.wrapping_add(k);
    }
    Schedule::new(&w)
}

/// FIPS 180-4 section 4.2.2.
const K: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::{leaf_hash, node_hash};
    use super::*;

    /// `len` bytes that differ from place to place and from `seed` to `seed`.
    fn bytes(len: usize, seed: usize) -> Vec<u8> {
        let byte = |i: usize| (i.wrapping_mul(31) ^ seed.wrapping_mul(197)).to_le_bytes()[0];
        (0..len).map(byte).collect()
    }

    fn check_leaves(entries: &[Vec<u8>]) {
        let mut found = Vec::new();
        if leaf_hashes(entries, &mut found) {
            let wanted: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
            assert_eq!(found, wanted);
        }
    }

    fn check_nodes(pairs: &[[Hash; 2]]) {
        let mut found = Vec::new();
        if node_hashes(pairs, &mut found) {
            let wanted: Vec<Hash> = pairs.iter().map(|[l, r]| node_hash(l, r)).collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn this_machine_has_the_instructions_or_says_so() {
        if !available() {
            use std::io::Write as _;
            let mut stderr = std::io::stderr();
            let _ = writeln!(
                stderr,
                "SKIPPED: no SHA extensions here, lanes are not tested"
            );
        }
    }

    #[test]
    fn every_length_in_every_lane_agrees_with_sha2() {
        for len in 0..=4096 {
            let entries: Vec<Vec<u8>> = (0..=LANES).map(|seed| bytes(len, seed)).collect();
            check_leaves(&entries);
        }
    }

    #[test]
    fn lanes_of_different_lengths_agree_with_sha2() {
        for len in 0..300 {
            check_leaves(&[bytes(len, 0), bytes(300 - len, 1), bytes(len * 7 % 300, 2)]);
        }
    }

    #[test]
    fn every_last_byte_of_a_node_agrees_with_sha2() {
        let pairs: Vec<[Hash; 2]> = (0..=255)
            .map(|last| {
                let mut right = leaf_hash(&[last]);
                right.0[31] = last;
                [leaf_hash(&[last, last]), right]
            })
            .collect();
        check_nodes(&pairs);
    }

    proptest! {
        #[test]
        fn any_entries_agree_with_sha2(
            entries in vec(vec(any::<u8>(), 0..700), 0..10)
        ) {
            check_leaves(&entries);
        }

        #[test]
        fn any_nodes_agree_with_sha2(
            pairs in vec(any::<[[u8; 32]; 2]>(), 0..20)
        ) {
            let pairs: Vec<[Hash; 2]> = pairs.into_iter().map(|pair| pair.map(Hash::new)).collect();
            check_nodes(&pairs);
        }
    }
}
