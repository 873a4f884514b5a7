//! Fuzzes `glorieta_fuzz::path_normalisation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    glorieta_fuzz::path_normalisation(input);
});
