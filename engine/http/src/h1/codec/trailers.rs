//! Trailers: fields after a chunked body (RFC 9110 §6.5, RFC 9112 §7.1.2).
//!
//! Whoever merges them into the head may be told a second length, route or identity, so the
//! fields of RFC 9110 §6.5.1 are dropped here and never reach anybody.

use glorieta_core::{Field, Fields, Name};
use httparse::{EMPTY_HEADER, Status};

use super::fields::span_in;

/// How large the trailers of one body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailerLimits {
    /// Bytes, line ends included.
    pub bytes: usize,
    pub fields: usize,
}

impl Default for TrailerLimits {
    /// 8 KiB and 32 fields.
    fn default() -> TrailerLimits {
        TrailerLimits { bytes: 8 * 1024, fields: 32 }
    }
}

/// Parses the lines after the last chunk, the empty one included. `Ok(None)`: nothing is left of
/// them. Errors are said in words; the caller knows whose fault they are.
pub(super) fn parse(lines: &[u8], limits: &TrailerLimits) -> Result<Option<Fields>, &'static str> {
    let mut slots = vec![EMPTY_HEADER; limits.fields];
    let headers = match httparse::parse_headers(lines, &mut slots) {
        Ok(Status::Complete((end, headers))) if end == lines.len() => headers,
        Err(httparse::Error::TooManyHeaders) => return Err("too many trailers"),
        _ => return Err("malformed trailers"),
    };
    let base = lines.as_ptr() as usize;
    let mut fields = Fields::default();
    for header in headers {
        let name = Name::parse(header.name.as_bytes());
        if !is_forbidden(name, header.name.as_bytes()) {
            let name_span = span_in(base, header.name.as_bytes());
            fields.list.push(Field { name, name_span, value_span: span_in(base, header.value) });
        }
    }
    if fields.list.is_empty() {
        return Ok(None);
    }
    fields.block.extend_from_slice(lines);
    Ok(Some(fields))
}

/// Framing, routing, request modifiers, authentication, response control, and what says how to
/// read the content (RFC 9110 §6.5.1); hop-by-hop fields and what proxies vouch for besides.
pub(crate) fn is_forbidden(name: Name, text: &[u8]) -> bool {
    match name {
        Name::Etag | Name::Server => false,
        // Services behind CGI and its kin read an underscore as a dash.
        Name::Other if text.contains(&b'_') => {
            let plain: Vec<u8> = text.iter().map(|&byte| if byte == b'_' { b'-' } else { byte }).collect();
            is_forbidden(Name::parse(&plain), &plain)
        }
        Name::Other => {
            const PREFIXES: [&[u8]; 5] = [b"content-", b"proxy-", b"if-", b"x-forwarded-", b"sec-"];
            const NAMES: [&[u8]; 6] =
                [b"age", b"expires", b"pragma", b"warning", b"www-authenticate", b"x-http-method"];
            starts_with_any(text, &PREFIXES) || NAMES.iter().any(|name| text.eq_ignore_ascii_case(name))
        }
        // Every other name that the engine knows steers somebody.
        _ => true,
    }
}

/// Whether a name starts with one of these lower-case texts, in any letter case.
pub(super) fn starts_with_any(name: &[u8], prefixes: &[&[u8]]) -> bool {
    prefixes.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}
