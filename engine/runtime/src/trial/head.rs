//! A request's head as bytes, and what was written as text again.

use glorieta_core::{Fields, Name};

use super::Question;
use super::place::Place;

/// The bytes that a plain client would send: nothing is checked here, so that what is wrong reaches the codec.
pub fn bytes(question: &Question, place: &Place<'_>) -> Vec<u8> {
    let named = |name: &str| question.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let mut out = Vec::with_capacity(256);
    let mut write = |text: &str| out.extend_from_slice(text.as_bytes());
    write(&question.method);
    write(" ");
    if question.method == "CONNECT" {
        write(place.authority);
    } else {
        write(if place.rest.starts_with(['/', '*']) { "" } else { "/" });
        write(place.rest);
    }
    write(" HTTP/1.1\r\n");
    if !named(Name::Host.text()) {
        write(&format!("Host: {}\r\n", place.authority));
    }
    for (name, value) in &question.headers {
        write(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = question.body_bytes
        && !named(Name::ContentLength.text())
        && !named(Name::TransferEncoding.text())
    {
        write(&format!("Content-Length: {length}\r\n"));
    }
    write("\r\n");
    out
}

/// Names and values, in order.
pub type Pairs = Vec<(String, String)>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn pairs(fields: &Fields) -> Pairs {
    fields.iter().map(|(_, name, value)| (text(name), text(value))).collect()
}

/// The start line of a written head and its fields.
pub fn read(written: &[u8]) -> (String, Pairs) {
    let whole = text(written);
    let mut lines = whole.split("\r\n");
    let start = lines.next().unwrap_or_default().to_owned();
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    (start, lines.filter_map(pair).collect())
}
