//! Runs [`fuzz::signing_config`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::signing_config(input)));
