//! Runs [`fuzz::admin_answer`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::admin_answer(input)));
