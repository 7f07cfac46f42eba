//! Runs [`fuzz::header_value`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::header_value(input)));
