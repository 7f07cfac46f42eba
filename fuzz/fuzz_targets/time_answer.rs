//! Runs [`fuzz::time_answer`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::time_answer(input)));
