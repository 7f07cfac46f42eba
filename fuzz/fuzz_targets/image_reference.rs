//! Runs [`fuzz::image_reference`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::image_reference(input)));
