//! Runs [`fuzz::identity_pattern`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::identity_pattern(input)));
