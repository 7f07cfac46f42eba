//! Runs [`fuzz::hashedrekord_leaf`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::hashedrekord_leaf(input)));
