//! Runs [`fuzz::key_file`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::key_file(input)));
