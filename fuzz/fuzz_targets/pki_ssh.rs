//! Runs [`fuzz::pki_ssh`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::pki_ssh(input)));
