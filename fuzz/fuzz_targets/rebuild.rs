//! Runs [`fuzz::rebuild`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::rebuild(input)));
