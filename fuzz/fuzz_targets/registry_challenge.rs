//! Runs [`fuzz::registry_challenge`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::registry_challenge(input)));
