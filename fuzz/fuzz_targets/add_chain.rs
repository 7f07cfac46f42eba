//! Runs [`fuzz::add_chain`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::add_chain(input)));
