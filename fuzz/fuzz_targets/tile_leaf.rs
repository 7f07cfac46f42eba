//! Runs [`fuzz::tile_leaf`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::tile_leaf(input)));
