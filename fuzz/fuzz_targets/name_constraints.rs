#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| properties::name_constraints::check(octets));
