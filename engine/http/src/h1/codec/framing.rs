//! Where a body ends, decided from the head (RFC 9112 §6). Anything ambiguous is refused.

use glorieta_core::{Error, Fields, Kind, Method, Version};

use super::Framing;
use super::connection::{options, trim};
use super::fields::{Lengths, Signals};

/// More digits might not fit 64 bits.
const MOST_DIGITS: usize = 19;

const fn refused(detail: &'static str) -> Error {
    Error::because(Kind::FramingRefused, detail)
}

const fn malformed(detail: &'static str) -> Error {
    Error::because(Kind::ResponseMalformed, detail)
}

/// Where a request's body ends.
///
/// # Errors
/// `framing_refused`: both lengths, unequal lengths, a bad length, a bad or repeated transfer
/// coding, a transfer coding in HTTP/1.0, or a 1.0 method with a body and no length.
/// `coding_unknown`: a well-formed coding that is not `chunked`.
#[inline]
pub(super) fn of_request(signals: &Signals<'_>, method: Method, version: Version) -> Result<Framing, Error> {
    if signals.codings > 0 {
        return coded_request(signals, version);
    }
    match signals.length {
        Lengths::Absent if version == Version::Http10 && has_body(method) => {
            Err(refused("a body without Content-Length in HTTP/1.0"))
        }
        Lengths::Absent => Ok(Framing::None),
        Lengths::One(text) | Lengths::Same(text) => {
            length(text).map(Framing::Length).ok_or(refused("Content-Length is not a plain number"))
        }
        Lengths::Differ => Err(refused("two different Content-Length")),
    }
}

/// Whether the method is about its body, so that its absence is worth a `Content-Length: 0`.
pub(super) const fn has_body(method: Method) -> bool {
    matches!(method, Method::Post | Method::Put | Method::Patch)
}

fn coded_request(signals: &Signals<'_>, version: Version) -> Result<Framing, Error> {
    if signals.length != Lengths::Absent {
        return Err(refused("both Content-Length and Transfer-Encoding"));
    }
    if version != Version::Http11 {
        return Err(refused("Transfer-Encoding in HTTP/1.0"));
    }
    if signals.codings > 1 {
        return Err(refused("two Transfer-Encoding"));
    }
    let coding = signals.coding.unwrap_or_default();
    if coding.eq_ignore_ascii_case(b"chunked") {
        return Ok(Framing::Chunked);
    }
    if is_other_coding(coding) {
        return Err(Error::because(Kind::CodingUnknown, "a transfer coding other than chunked"));
    }
    Err(refused("malformed Transfer-Encoding"))
}

/// Whether it is a list of codings with `chunked` nowhere but at its end.
fn is_other_coding(value: &[u8]) -> bool {
    let well_formed = value.split(|&byte| byte == b',').all(|coding| Fields::is_token(trim(coding)));
    let last = options(value).count().saturating_sub(1);
    well_formed
        && options(value).enumerate().all(|(index, coding)| index == last || !coding.eq_ignore_ascii_case(b"chunked"))
}

/// Where a response's body ends, and the length it announces.
///
/// # Errors
/// `response_malformed`: both lengths, more than one length, a bad length, or any transfer coding
/// but one `chunked` in HTTP/1.1.
#[inline]
pub(super) fn of_response(
    signals: &Signals<'_>,
    to: Method,
    status: u16,
    version: Version,
) -> Result<(Framing, Option<u64>), Error> {
    let announced = match signals.length {
        Lengths::Absent => None,
        Lengths::One(text) => Some(length(text).ok_or(malformed("Content-Length is not a plain number"))?),
        Lengths::Same(_) | Lengths::Differ => return Err(malformed("two Content-Length")),
    };
    if signals.codings > 0 {
        if announced.is_some() {
            return Err(malformed("both Content-Length and Transfer-Encoding"));
        }
        let chunked = signals.coding.is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
        if version != Version::Http11 || signals.codings > 1 || !chunked {
            return Err(malformed("a transfer coding other than chunked"));
        }
    }
    let framing = match announced {
        _ if to == Method::Head || status < 200 || status == 204 || status == 304 => Framing::None,
        _ if signals.codings > 0 => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Ok((framing, announced))
}

/// A length: digits only, without sign, blank or leading zero (RFC 9110 §8.6, made stricter:
/// `010` is octal to some).
pub(crate) fn length(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > MOST_DIGITS || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    text.iter().try_fold(0u64, |sum, &byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}
