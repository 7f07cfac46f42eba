//! Runs [`fuzz::trust_update`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::trust_update(input)));
