//! Runs [`fuzz::certificate_view`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::certificate_view(input)));
