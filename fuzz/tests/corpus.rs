//! Replays the corpus of every fuzz target, and then many small changes of it.
//!
//! The mutations are the same in every run: a failure here is one that can be looked at. For new
//! inputs there is the fuzzer, see the crate's header.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::match_wild_err_arm,
    reason = "all of this file is tests, the functions between them too"
)]

use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};

/// How often each input is changed. Some targets hash or open whole logs.
fn mutations_of(name: &str) -> u32 {
    match name {
        "public_copy" => 20,
        "store_operations" => 60,
        "kept_checkpoint" | "rebuild" => 100,
        _ => 1000,
    }
}

#[test]
fn the_corpus_is_accepted_and_refused_as_it_says() {
    for (name, target) in TARGETS {
        let seeds = corpus(name);
        let valid = seeds.iter().filter(|seed| seed.is_valid()).count();
        assert!(valid > 0, "no valid input for {name}");
        for seed in &seeds {
            let accepted = run(target, &seed.bytes, &seed.path.display().to_string());
            assert_eq!(accepted, seed.is_valid(), "{}", seed.path.display());
        }
    }
}

#[test]
fn no_small_change_of_the_corpus_breaks_a_property() {
    for (name, target) in TARGETS {
        let seeds = corpus(name);
        let mut random = Random(0x5eed);
        for seed in &seeds {
            for round in 0..mutations_of(name) {
                let mut bytes = seed.bytes.clone();
                for _ in 0..=round % 3 {
                    mutate(&mut bytes, &seeds, &mut random);
                }
                run(
                    target,
                    &bytes,
                    &format!("{} round {round}", seed.path.display()),
                );
            }
        }
    }
}

#[test]
fn every_target_has_a_wrapper_and_every_corpus_a_target() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let wrapper = format!("fuzz_targets/{name}.rs");
        assert!(
            manifest.contains(&format!("path = \"{wrapper}\"")),
            "{name}"
        );
        let wrapper = fs::read_to_string(root().join(wrapper)).unwrap();
        assert!(wrapper.contains(&format!("fuzz::{name}(input)")), "{name}");
    }
    for directory in ["corpus", "fuzz_targets"] {
        let count = fs::read_dir(root().join(directory)).unwrap().count();
        assert_eq!(count, TARGETS.len(), "{directory}");
    }
}

struct Seed {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Seed {
    fn is_valid(&self) -> bool {
        let name = self.path.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with("valid-") || name.starts_with("bad-"),
            "{name} does not say what it is"
        );
        name.starts_with("valid-")
    }
}

/// In the order of their names, so that every run is the same.
fn corpus(name: &str) -> Vec<Seed> {
    let directory = root().join("corpus").join(name);
    let listed = fs::read_dir(&directory).unwrap();
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seed = |path: PathBuf| Seed {
        bytes: fs::read(&path).unwrap(),
        path,
    };
    paths.into_iter().map(seed).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a target; if it panics, says on which input.
fn run(target: Target, bytes: &[u8], what: &str) -> bool {
    match std::panic::catch_unwind(|| target(bytes)) {
        Ok(accepted) => accepted,
        Err(_) => panic!(
            "{what}: a property broke on {:?}",
            bytes.escape_ascii().to_string()
        ),
    }
}

/// One change: a bit, a byte, a copy, a cut, or the tail of another input.
fn mutate(bytes: &mut Vec<u8>, seeds: &[Seed], random: &mut Random) {
    let place = random.below(bytes.len() + 1);
    let byte = random.below(256).to_le_bytes()[0];
    match random.below(8) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, byte),
        2 => drop(bytes.splice(place.., seeds[random.below(seeds.len())].tail(random))),
        3 => bytes.extend_from_within(place..),
        4 if place < bytes.len() => drop(bytes.remove(place)),
        5 if place < bytes.len() => bytes[place] = [0, b'0', b'\n', b' ', 0xff][random.below(5)],
        _ if place < bytes.len() => bytes[place] ^= 1 << random.below(8),
        _ => bytes.push(byte),
    }
}

impl Seed {
    fn tail(&self, random: &mut Random) -> Vec<u8> {
        self.bytes[random.below(self.bytes.len() + 1)..].to_vec()
    }
}

/// Marsaglia's xorshift: enough to spread changes, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.0.checked_rem(end).unwrap_or(0)).unwrap()
    }
}
