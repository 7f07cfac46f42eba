//! Runs [`fuzz::id_token`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::id_token(input)));
