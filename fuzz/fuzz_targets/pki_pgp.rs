//! Runs [`fuzz::pki_pgp`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::pki_pgp(input)));
