//! Runs [`fuzz::sct_list`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::sct_list(input)));
