//! Fuzzes `glorieta_fuzz::chunked_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    glorieta_fuzz::chunked_body(input);
});
