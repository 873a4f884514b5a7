//! Fields of heads and trailers, both ways.

use std::sync::LazyLock;

use bytes::Bytes;
use glorieta_core::{Error, Fields, Kind, Name, Span};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::h1::codec::{TrailerLimits, is_forbidden_trailer};

/// The known names as the libraries have them, by their number.
static KNOWN: LazyLock<Vec<HeaderName>> = LazyLock::new(|| {
    let lower = |text: &str| HeaderName::from_bytes(text.as_bytes()).unwrap_or(http::header::WARNING);
    Name::KNOWN.iter().map(|(_, text)| lower(text)).collect()
});

/// The cookies of a request, which HTTP/2 and HTTP/3 may send as several fields, as the one that HTTP/1.1 knows
/// (RFC 9113 §8.2.3).
const COOKIE_BREAK: &[u8] = b"; ";

/// What a message's fields take of its limits, each with what a line of HTTP/1.1 adds.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub bytes: usize,
    pub count: usize,
}

/// How much text fields are.
pub(super) fn text_of(map: &HeaderMap) -> usize {
    map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Copies fields as they are, cookies joined. What speaks of one connection makes a message malformed; the word says
/// which field it is.
///
/// # Errors
/// The name of the field that must not be there.
pub(super) fn fields_in(map: &HeaderMap, fields: &mut Fields) -> Result<Size, &'static str> {
    let mut size = Size::default();
    for (name, value) in map {
        size.bytes += name.as_str().len() + value.len() + 4;
        size.count += 1;
        let known = Name::parse(name.as_str().as_bytes());
        match known {
            Name::Connection | Name::KeepAlive | Name::ProxyConnection | Name::TransferEncoding | Name::Upgrade => {
                return Err(known.text());
            }
            Name::Te if !value.as_bytes().eq_ignore_ascii_case(b"trailers") => return Err(known.text()),
            Name::Cookie => continue,
            _ => {}
        }
        fields.add_known(known, name.as_str().as_bytes(), value.as_bytes());
    }
    join_cookies(map, fields);
    Ok(size)
}

fn join_cookies(map: &HeaderMap, fields: &mut Fields) {
    let mut cookies = map.get_all(http::header::COOKIE).iter();
    let Some(first) = cookies.next() else { return };
    let mut joined = first.as_bytes().to_vec();
    for cookie in cookies {
        joined.extend_from_slice(COOKIE_BREAK);
        joined.extend_from_slice(cookie.as_bytes());
    }
    fields.add(Name::Cookie, &joined);
}

/// Copies what may be sent: all but what speaks of one connection, and what `left_out` names. A value that no field
/// may have cannot come from a parser or a checked template, and is left out, too. `text` begins with the block of the
/// fields, and is what the values lie in.
pub(super) fn fields_out(fields: &Fields, text: &Bytes, map: &mut HeaderMap, left_out: impl Fn(Name) -> bool) {
    map.reserve(fields.list.len() + 2);
    for field in &fields.list {
        if is_of_connection(field.name) || left_out(field.name) {
            continue;
        }
        let Some(name) = name_out(field.name, fields.text(field.name_span)) else { continue };
        if let Some(value) = value_out(text, field.value_span) {
            map.append(name, value);
        }
    }
}

/// A part of a text, which is not copied.
pub(super) fn part(text: &Bytes, span: Span) -> Bytes {
    text.slice(span.start as usize..span.end() as usize)
}

/// The same as a value.
pub(super) fn value_out(text: &Bytes, span: Span) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(part(text, span)).ok()
}

fn name_out(known: Name, text: &[u8]) -> Option<HeaderName> {
    match known {
        Name::Other => HeaderName::from_bytes(text).ok(),
        known => KNOWN.get(known as usize).cloned(),
    }
}

const fn is_of_connection(name: Name) -> bool {
    matches!(
        name,
        Name::Connection
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::TransferEncoding
            | Name::Upgrade
            | Name::Http2Settings
    )
}

/// The one length that a message announces; `Ok(None)`: none.
///
/// # Errors
/// It is no plain number, or there are two that differ.
pub(super) fn length_in(map: &HeaderMap) -> Result<Option<u64>, &'static str> {
    let mut lengths = map.get_all(http::header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(None) };
    if lengths.any(|other| other != first) {
        return Err("two different Content-Length");
    }
    crate::h1::codec::length(first.as_bytes()).map(Some).ok_or("Content-Length is not a plain number")
}

/// Trailers as they came; `Ok(None)`: nothing is left of them once what must not stand there is dropped
/// (RFC 9110 §6.5.1).
///
/// # Errors
/// `kind`, where they are larger than trailers may be.
pub fn trailers_in(map: &HeaderMap, kind: Kind) -> Result<Option<Fields>, Error> {
    let limits = TrailerLimits::default();
    let bytes: usize = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > limits.bytes || map.len() > limits.fields {
        return Err(Error::because(kind, "too many trailers"));
    }
    let mut fields = Fields::default();
    for (name, value) in map {
        let text = name.as_str().as_bytes();
        let known = Name::parse(text);
        if !is_forbidden_trailer(known, text) {
            fields.add_known(known, text, value.as_bytes());
        }
    }
    Ok(Some(fields).filter(|fields| !fields.list.is_empty()))
}

/// Trailers as they are sent.
pub fn trailers_out(fields: &Fields) -> HeaderMap {
    let mut map = HeaderMap::new();
    let text = Bytes::copy_from_slice(&fields.block);
    fields_out(fields, &text, &mut map, |name| matches!(name, Name::Host | Name::ContentLength));
    map
}
