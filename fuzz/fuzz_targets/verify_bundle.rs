//! Runs [`fuzz::verify_bundle`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::verify_bundle(input)));
