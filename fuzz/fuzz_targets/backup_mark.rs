//! Runs [`fuzz::backup_mark`] under libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| drop(fuzz::backup_mark(input)));
