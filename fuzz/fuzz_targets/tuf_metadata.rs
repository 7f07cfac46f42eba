//! Runs [`fuzz::tuf_metadata`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::tuf_metadata(input)));
