//! Fuzzes `glorieta_fuzz::gathered`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    glorieta_fuzz::gathered(input);
});
