//! Runs [`fuzz::public_copy`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::public_copy(input)));
