//! Runs [`fuzz::signing_call`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::signing_call(input)));
