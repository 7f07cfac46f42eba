//! Runs [`fuzz::pki_pkcs7`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::pki_pkcs7(input)));
