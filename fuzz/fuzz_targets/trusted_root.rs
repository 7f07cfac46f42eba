//! Runs [`fuzz::trusted_root`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::trusted_root(input)));
