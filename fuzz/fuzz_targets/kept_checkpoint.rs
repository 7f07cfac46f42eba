//! Runs [`fuzz::kept_checkpoint`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::kept_checkpoint(input)));
