//! Runs [`fuzz::pki_x509`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::pki_x509(input)));
