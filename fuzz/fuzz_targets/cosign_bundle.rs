//! Runs [`fuzz::cosign_bundle`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::cosign_bundle(input)));
