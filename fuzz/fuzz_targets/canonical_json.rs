//! Runs [`fuzz::canonical_json`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::canonical_json(input)));
