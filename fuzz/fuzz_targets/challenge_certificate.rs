#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| properties::challenge_certificate::check(octets));
