//! Requests: from bytes to a `RequestHead` (RFC 9112 §3).

use std::mem::MaybeUninit;

use glorieta_core::{Error, Kind, Method, Name, RequestHead, Span, Version};
use httparse::{Header, Status};

use super::connection::MOST_OPTIONS;
use super::fields::{Expect, SLOTS, Signals, collect, span_in};
use super::scan::{first_line, has_stray_control};
use super::target::{self, Target};
use super::{Framing, Limits, Parsed, framing};

/// What a request's head says about its body and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMeta {
    pub framing: Framing,
    /// Whether the client allows another request on the connection.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends its body. Never in HTTP/1.0.
    pub expect_continue: bool,
    /// `Upgrade`, and `Connection: upgrade`, in HTTP/1.1. The protocols stand in `Upgrade`.
    pub upgrade: bool,
    /// The target was an address, not a path.
    pub absolute_form: bool,
}

const fn malformed(detail: &'static str) -> Error {
    Error::because(Kind::HeadMalformed, detail)
}

/// Parses a request's head. `head` is cleared, and filled if the head is complete.
///
/// One empty line before it is skipped (RFC 9112 §2.2). `input` may go on with body or further
/// requests. A head longer than `limits` is refused even while it is incomplete.
///
/// # Errors
/// `head_malformed`, `head_too_large`, `headers_too_many`, `target_too_long`, `version_refused`,
/// `host_refused`, `framing_refused`, `coding_unknown`, `expectation_unknown`. After any of them
/// nothing more on the connection can be trusted: answer and close.
#[inline]
pub fn parse_request(input: &[u8], limits: &Limits, head: &mut RequestHead) -> Result<Parsed<RequestMeta>, Error> {
    head.fields.clear();
    let skipped = match input {
        [b'\r'] => return Ok(Parsed::Partial),
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    };
    let input = &input[skipped..];
    if matches!(input.first(), Some(b'\r' | b'\n')) {
        return Err(malformed("an empty line instead of a request line"));
    }
    let parsed = if limits.header_count <= SLOTS {
        let mut slots = [const { MaybeUninit::uninit() }; SLOTS];
        parse_head(input, &mut slots[..limits.header_count], limits, head)?
    } else {
        let mut slots = vec![MaybeUninit::uninit(); limits.header_count];
        parse_head(input, &mut slots, limits, head)?
    };
    match parsed {
        Parsed::Complete { value, consumed } => Ok(Parsed::Complete { value, consumed: skipped + consumed }),
        Parsed::Partial => incomplete(input, limits),
    }
}

#[inline]
fn parse_head<'a>(
    input: &'a [u8],
    slots: &mut [MaybeUninit<Header<'a>>],
    limits: &Limits,
    head: &mut RequestHead,
) -> Result<Parsed<RequestMeta>, Error> {
    let window = &input[..input.len().min(limits.head_bytes)];
    let mut request = httparse::Request::new(&mut []);
    let end = match request.parse_with_uninit_headers(window, slots) {
        Ok(Status::Complete(end)) => end,
        Ok(Status::Partial) => return Ok(Parsed::Partial),
        Err(error) => return Err(explain(error, window)),
    };
    let (Some(method), Some(path), Some(version)) = (request.method, request.path, request.version) else {
        return Err(malformed("an incomplete request line"));
    };
    if path.len() > limits.target_bytes {
        return Err(Error::new(Kind::TargetTooLong));
    }
    let base = window.as_ptr() as usize;
    head.fields.reserve(end, request.headers.len());
    head.fields.block.extend_from_slice(&window[..end]);
    let signals = collect(request.headers, base, &mut head.fields);
    if signals.bare_feed {
        return Err(malformed("LF without CR"));
    }
    head.method = Method::parse(method.as_bytes());
    head.method_span = span_in(base, method.as_bytes());
    head.version = if version == 1 { Version::Http11 } else { Version::Http10 };
    let target = target::split(head.method, path.as_bytes())?;
    place_target(&target, base, head);
    place_authority(&target, &signals, base, head)?;
    let value = decide(&signals, target.absolute, head)?;
    Ok(Parsed::Complete { value, consumed: end })
}

/// Path and query: spans of the received head where they lie in it.
#[inline]
fn place_target(target: &Target<'_>, base: usize, head: &mut RequestHead) {
    head.query = target.query.map(|query| span_in(base, query));
    head.path = match target.authority {
        // The absolute form may have no path of its own, and CONNECT has none.
        Some(_) => head.fields.push_text(target.path),
        None => span_in(base, target.path),
    };
}

/// The authority: of the target, else of the one `Host` (RFC 9112 §3.2, §3.2.2).
#[inline]
fn place_authority(
    target: &Target<'_>,
    signals: &Signals<'_>,
    base: usize,
    head: &mut RequestHead,
) -> Result<(), Error> {
    let refused = |detail| Err(Error::because(Kind::HostRefused, detail));
    let host = match (signals.hosts, signals.host) {
        (1, Some(index)) => index,
        (0, _) if head.version == Version::Http10 => {
            head.authority = target.authority.map_or(Span::default(), |authority| span_in(base, authority));
            return Ok(());
        }
        (0, _) => return refused("no Host"),
        _ => return refused("more than one Host"),
    };
    let host_span = head.fields.list[host].value_span;
    if !target::is_authority(head.fields.text(host_span)) {
        return refused("Host is not a host and perhaps a port");
    }
    head.authority = match target.authority {
        Some(authority) => {
            // Whoever reads `Host` from here on reads what the request is for.
            let span = span_in(base, authority);
            head.fields.list[host].value_span = span;
            span
        }
        None => host_span,
    };
    Ok(())
}

#[inline]
fn decide(signals: &Signals<'_>, absolute_form: bool, head: &mut RequestHead) -> Result<RequestMeta, Error> {
    if signals.connection.count > MOST_OPTIONS {
        return Err(malformed("too many connection options"));
    }
    let framing = framing::of_request(signals, head.method, head.version)?;
    let modern = head.version == Version::Http11;
    if modern && signals.expect == Expect::Unknown {
        return Err(Error::new(Kind::ExpectationUnknown));
    }
    if !modern && signals.expect != Expect::Nothing {
        // RFC 9110 §10.1.1: it means nothing in HTTP/1.0, and it is forwarded in 1.1.
        head.fields.remove(Name::Expect);
    }
    Ok(RequestMeta {
        framing,
        keep_alive: signals.connection.persistent(head.version),
        expect_continue: modern && signals.expect == Expect::Continue && !framing.is_empty(),
        upgrade: modern && signals.upgrade && signals.connection.upgrade,
        absolute_form,
    })
}

/// No empty line yet: refuse what can no longer become a good head, or wait for more. The parser
/// has already refused what it could; it has not seen what lies beyond the limit.
#[cold]
fn incomplete(input: &[u8], limits: &Limits) -> Result<Parsed<RequestMeta>, Error> {
    let window = &input[..input.len().min(limits.head_bytes)];
    if has_stray_control(window) {
        return Err(malformed("a stray control byte"));
    }
    let target = first_line(input).split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    if target.len() > limits.target_bytes {
        return Err(Error::new(Kind::TargetTooLong));
    }
    if input.len() >= limits.head_bytes {
        return Err(Error::new(Kind::HeadTooLarge));
    }
    Ok(Parsed::Partial)
}

#[cold]
fn explain(error: httparse::Error, bytes: &[u8]) -> Error {
    match error {
        httparse::Error::TooManyHeaders => Error::new(Kind::HeadersTooMany),
        httparse::Error::Version if names_another_version(bytes) => Error::new(Kind::VersionRefused),
        httparse::Error::Version => malformed("the request line does not end with a version"),
        httparse::Error::HeaderName => malformed("a bad field name"),
        httparse::Error::HeaderValue => malformed("a control byte in a field value"),
        httparse::Error::Token => malformed("a bad method or target"),
        _ => malformed("a bad line"),
    }
}

/// Whether the request line is well-formed and ends with `HTTP/`, a digit, a dot and a digit.
fn names_another_version(bytes: &[u8]) -> bool {
    let version = first_line(bytes).splitn(3, |&byte| byte == b' ').nth(2).unwrap_or_default();
    matches!(version, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}
