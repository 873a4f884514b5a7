//! Responses: from bytes to a `ResponseHead` (RFC 9112 §4).

use std::mem::MaybeUninit;

use glorieta_core::{Error, Kind, Method, ResponseHead, Span, Version};
use httparse::{Header, Status};

use super::connection::MOST_OPTIONS;
use super::fields::{SLOTS, collect, span_in};
use super::scan::has_stray_control;
use super::{Framing, Limits, Parsed, framing};

/// What a response's head says about its body and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseMeta {
    pub framing: Framing,
    /// Whether the endpoint allows another request on the connection once the body has ended.
    pub keep_alive: bool,
    /// 1xx other than 101: the real response follows.
    pub interim: bool,
    /// 101: the connection speaks another protocol from here on.
    pub switching: bool,
    /// What `Content-Length` says, also where there is no body (answers to HEAD, 304).
    pub announced_length: Option<u64>,
}

const fn malformed(detail: &'static str) -> Error {
    Error::because(Kind::ResponseMalformed, detail)
}

/// Parses a response's head; `to` is the method of the request that it answers. `head` is cleared,
/// and filled if the head is complete.
///
/// # Errors
/// `response_malformed`, or `response_head_too_large` for too many bytes or fields. The connection
/// must not be used again.
#[inline]
pub fn parse_response(
    input: &[u8],
    limits: &Limits,
    to: Method,
    head: &mut ResponseHead,
) -> Result<Parsed<ResponseMeta>, Error> {
    head.fields.clear();
    if matches!(input.first(), Some(b'\r' | b'\n')) {
        return Err(malformed("an empty line instead of a status line"));
    }
    let parsed = if limits.header_count <= SLOTS {
        let mut slots = [const { MaybeUninit::uninit() }; SLOTS];
        parse_head(input, &mut slots[..limits.header_count], limits, to, head)?
    } else {
        let mut slots = vec![MaybeUninit::uninit(); limits.header_count];
        parse_head(input, &mut slots, limits, to, head)?
    };
    match parsed {
        Parsed::Partial => incomplete(input, limits),
        complete => Ok(complete),
    }
}

#[inline]
fn parse_head<'a>(
    input: &'a [u8],
    slots: &mut [MaybeUninit<Header<'a>>],
    limits: &Limits,
    to: Method,
    head: &mut ResponseHead,
) -> Result<Parsed<ResponseMeta>, Error> {
    let window = &input[..input.len().min(limits.head_bytes)];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let end = match config.parse_response_with_uninit_headers(&mut response, window, slots) {
        Ok(Status::Complete(end)) => end,
        Ok(Status::Partial) => return Ok(Parsed::Partial),
        Err(error) => return Err(explain(error)),
    };
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(malformed("an incomplete status line"));
    };
    if status < 100 {
        return Err(malformed("a status below 100"));
    }
    let base = window.as_ptr() as usize;
    head.fields.reserve(end, response.headers.len());
    head.fields.block.extend_from_slice(&window[..end]);
    head.status = status;
    head.version = if version == 1 { Version::Http11 } else { Version::Http10 };
    // A phrase with bytes beyond ASCII comes as an empty text that does not lie in `window`.
    let reason = response.reason.unwrap_or_default().as_bytes();
    head.reason = if reason.is_empty() { Span::default() } else { span_in(base, reason) };
    let signals = collect(response.headers, base, &mut head.fields);
    if signals.bare_feed {
        return Err(malformed("LF without CR"));
    }
    if signals.connection.count > MOST_OPTIONS {
        return Err(malformed("too many connection options"));
    }
    let (framing, announced_length) = framing::of_response(&signals, to, status, head.version)?;
    let switching = status == 101;
    let value = ResponseMeta {
        framing,
        keep_alive: signals.connection.persistent(head.version) && framing != Framing::UntilClose && !switching,
        interim: status < 200 && !switching,
        switching,
        announced_length,
    };
    Ok(Parsed::Complete { value, consumed: end })
}

/// No empty line yet: refuse what can no longer become a good head, or wait for more.
#[cold]
fn incomplete(input: &[u8], limits: &Limits) -> Result<Parsed<ResponseMeta>, Error> {
    if has_stray_control(&input[..input.len().min(limits.head_bytes)]) {
        return Err(malformed("a stray control byte"));
    }
    if input.len() >= limits.head_bytes {
        return Err(Error::new(Kind::ResponseHeadTooLarge));
    }
    Ok(Parsed::Partial)
}

#[cold]
fn explain(error: httparse::Error) -> Error {
    match error {
        httparse::Error::TooManyHeaders => Error::new(Kind::ResponseHeadTooLarge),
        httparse::Error::Version => malformed("neither HTTP/1.1 nor HTTP/1.0"),
        httparse::Error::Status => malformed("a bad status line"),
        httparse::Error::HeaderName => malformed("a bad field name"),
        httparse::Error::HeaderValue => malformed("a control byte in a field value"),
        _ => malformed("a bad line"),
    }
}
