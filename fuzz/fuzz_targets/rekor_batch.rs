//! Runs [`fuzz::rekor_batch`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::rekor_batch(input)));
