//! Fuzzes `glorieta_fuzz::plan_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    glorieta_fuzz::plan_json(input);
});
