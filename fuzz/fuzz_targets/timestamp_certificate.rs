//! Runs [`fuzz::timestamp_certificate`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::timestamp_certificate(input)));
