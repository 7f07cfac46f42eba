//! Runs [`fuzz::store_operations`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::store_operations(input)));
