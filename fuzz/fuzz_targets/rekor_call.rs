//! Runs [`fuzz::rekor_call`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::rekor_call(input)));
