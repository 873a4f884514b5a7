//! What must hold for any input.
//!
//! One function per target. Each panics if something does not hold that must, so that the same
//! bodies serve the fuzzer (`make fuzz`) and the tests that replay the corpus (`make test`).

mod chunks;
mod gather;
mod paths;
mod plans;
mod proxy_headers;
mod requests;
mod responses;
mod routes;

pub use chunks::chunked_body;
pub use gather::gathered;
pub use paths::path_normalisation;
pub use plans::plan_json;
pub use proxy_headers::proxy_header;
pub use requests::request_head;
pub use responses::response_head;
pub use routes::route_matching;

/// A target's name, which is its corpus's folder too, and its body: whether it accepts an input.
pub type Target = (&'static str, fn(&[u8]) -> bool);

pub const TARGETS: [Target; 8] = [
    ("request_head", request_head),
    ("response_head", response_head),
    ("chunked_body", chunked_body),
    ("path_normalisation", path_normalisation),
    ("route_matching", route_matching),
    ("plan_json", plan_json),
    ("gathered", gathered),
    ("proxy_header", proxy_header),
];

/// Reads an accepted head in the plainest way: asserts that its lines end with CRLF and hold no other
/// control byte, that `fields` are its lines, and returns how many name a length and a coding.
fn assert_lines(head: &[u8], fields: usize) -> (usize, usize) {
    let text: String = head.iter().map(|&byte| char::from(byte)).collect();
    let lines: Vec<&str> = text.strip_prefix("\r\n").unwrap_or(&text).split("\r\n").collect();
    assert!(lines.iter().all(|line| !line.contains(|letter: char| letter.is_ascii_control() && letter != '\t')));
    assert_eq!(lines.len(), fields + 3, "a start line, the fields, an empty line, and nothing after it");
    let named = |name: &str| {
        let is_name = |line: &&&str| line.split(':').next().is_some_and(|start| start.eq_ignore_ascii_case(name));
        lines[1..].iter().filter(is_name).count()
    };
    (named("content-length"), named("transfer-encoding"))
}

/// Fields as owned pairs, without those that the encoder writes itself.
fn end_to_end(fields: &glorieta_core::Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    use glorieta_core::Name;
    let own = [Name::Host, Name::ContentLength, Name::TransferEncoding, Name::Connection, Name::Upgrade, Name::Date];
    fields
        .iter()
        .filter(|(name, ..)| !own.contains(name))
        .map(|(_, name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

/// Asserts that every field could be written on a line of its own.
fn assert_writable(fields: &glorieta_core::Fields) {
    use glorieta_core::{Fields, Name};
    for (known, name, value) in fields.iter() {
        assert!(Fields::is_token(name), "the name {name:?} is no token");
        assert!(Fields::is_value(value), "the value {value:?} has a control byte");
        assert!(!value.starts_with(b" ") && !value.ends_with(b"\t"), "the value {value:?} is not trimmed");
        assert_eq!(Name::parse(name), known);
    }
}
