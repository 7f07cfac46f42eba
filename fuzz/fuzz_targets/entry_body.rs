//! Runs [`fuzz::entry_body`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::entry_body(input)));
