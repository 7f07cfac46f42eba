//! Runs [`fuzz::challenge_key`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::challenge_key(input)));
