//! Runs [`fuzz::image_signature`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::image_signature(input)));
