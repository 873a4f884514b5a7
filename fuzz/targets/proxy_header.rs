//! Fuzzes `glorieta_fuzz::proxy_header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    glorieta_fuzz::proxy_header(input);
});
