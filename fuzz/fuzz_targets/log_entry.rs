//! Runs [`fuzz::log_entry`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::log_entry(input)));
