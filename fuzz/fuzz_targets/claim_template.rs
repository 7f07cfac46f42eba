//! Runs [`fuzz::claim_template`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::claim_template(input)));
