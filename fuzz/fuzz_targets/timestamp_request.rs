//! Runs [`fuzz::timestamp_request`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::timestamp_request(input)));
