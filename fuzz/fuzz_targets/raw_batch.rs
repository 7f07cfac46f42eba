//! Runs [`fuzz::raw_batch`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::raw_batch(input)));
