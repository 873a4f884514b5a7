//! Fuzzes `glorieta_fuzz::route_matching`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    glorieta_fuzz::route_matching(input);
});
