//! Runs [`fuzz::oauth_form`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::oauth_form(input)));
