//! Runs [`fuzz::subject_alt_name`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::subject_alt_name(input)));
