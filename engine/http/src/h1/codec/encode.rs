//! Writing heads and chunks. Framing and connection fields are always written anew, from
//! `Framing` and `Close`, never from what was received.

use glorieta_core::{Fields, Name, RequestHead, ResponseHead};

use super::Framing;
use super::framing::has_body;
use super::lines::{write_fields, write_line};
use super::reason::reason_phrase;

/// What a response says about the connection after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It stays open; HTTP/1.1 needs no word for that.
    KeepAlive,
    /// It stays open, and the client speaks HTTP/1.0 and asked for it: `Connection: keep-alive`.
    KeepAliveHttp10,
    /// It is closed after the body: `Connection: close`.
    Close,
}

/// Writes a request's head in origin form, `Host` first.
///
/// `head.authority` becomes `Host`; the fields `Host`, `Content-Length`, `Transfer-Encoding`,
/// `Connection` and `Upgrade` of the list are not written. `upgrade` is the value of `Upgrade`,
/// written with `Connection: upgrade`. `Expect` is written if it is in the list.
#[inline]
pub fn write_request(head: &RequestHead, framing: Framing, upgrade: Option<&[u8]>, out: &mut Vec<u8>) {
    out.reserve(head.fields.block.len() + 4 * head.fields.list.len() + 128);
    out.extend_from_slice(head.method_text());
    out.push(b' ');
    write_target(head, out);
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    write_visible(head.authority(), out);
    out.extend_from_slice(b"\r\n");
    let mut te = false;
    write_fields(&head.fields, out, |name| {
        te |= name == Name::Te;
        name == Name::Host || is_written_anew(name)
    });
    match framing {
        Framing::Length(length) => write_length(length, out),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        // RFC 9110 §8.6: a method that is about its body says that there is none.
        Framing::None | Framing::UntilClose if has_body(head.method) => write_length(0, out),
        Framing::None | Framing::UntilClose => {}
    }
    if let Some(protocol) = upgrade.filter(|protocol| Fields::is_value(protocol)) {
        write_line(b"Upgrade", protocol, out);
        out.extend_from_slice(if te { b"Connection: upgrade, TE\r\n" } else { b"Connection: upgrade\r\n" });
    } else if te {
        out.extend_from_slice(b"Connection: TE\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes a response's head. `date` is written if the head has no `Date`.
///
/// `Framing::None` writes no length and is for answers that have no body by rule: 1xx, 204, 304
/// and answers to HEAD (which `write_bodiless_response` can give a length). A body-less answer of
/// another kind is `Framing::Length(0)`. `Framing::UntilClose` always says `Connection: close`.
/// In a 101 the fields `Upgrade` of the list are kept and `Connection: upgrade` is written.
#[inline]
pub fn write_response(head: &ResponseHead, framing: Framing, close: Close, date: Option<&[u8]>, out: &mut Vec<u8>) {
    out.reserve(head.fields.block.len() + 4 * head.fields.list.len() + 160);
    write_status_line(head, out);
    let switching = head.status == 101;
    let mut dated = false;
    write_fields(&head.fields, out, |name| {
        dated |= name == Name::Date;
        is_written_anew(name) && !(switching && name == Name::Upgrade)
    });
    if let Some(date) = date.filter(|_| !dated) {
        write_line(b"Date", date, out);
    }
    // RFC 9110 §8.6, RFC 9112 §6.1: neither field in 1xx and 204.
    if head.status >= 200 && head.status != 204 {
        match framing {
            Framing::Length(length) => write_length(length, out),
            Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Framing::None | Framing::UntilClose => {}
        }
    }
    match close {
        _ if switching => out.extend_from_slice(b"Connection: upgrade\r\n"),
        _ if head.status < 200 => {}
        Close::Close => out.extend_from_slice(b"Connection: close\r\n"),
        _ if framing == Framing::UntilClose => out.extend_from_slice(b"Connection: close\r\n"),
        Close::KeepAliveHttp10 => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        Close::KeepAlive => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the head of an answer to HEAD, or of a 304: no body follows, though `announced` says how
/// long it would have been (RFC 9110 §8.6).
pub fn write_bodiless_response(
    head: &ResponseHead,
    announced: Option<u64>,
    close: Close,
    date: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    write_response(head, announced.map_or(Framing::None, Framing::Length), close, date, out);
}

#[inline]
fn write_status_line(head: &ResponseHead, out: &mut Vec<u8>) {
    let status = head.status.clamp(100, 999);
    let digit = |value: u16| b'0' + (value % 10) as u8;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status), b' ']);
    let reason = head.fields.text(head.reason);
    if reason.is_empty() || !Fields::is_value(reason) {
        out.extend_from_slice(reason_phrase(status).as_bytes());
    } else {
        out.extend_from_slice(reason);
    }
    out.extend_from_slice(b"\r\n");
}

/// Fields that the encoder writes itself.
#[inline]
const fn is_written_anew(name: Name) -> bool {
    matches!(name, Name::ContentLength | Name::TransferEncoding | Name::Connection | Name::Upgrade)
}

#[inline]
fn write_length(length: u64, out: &mut Vec<u8>) {
    write_line(b"Content-Length", itoa::Buffer::new().format(length).as_bytes(), out);
}

/// Writes path and query.
#[inline]
pub(crate) fn write_target(head: &RequestHead, out: &mut Vec<u8>) {
    write_visible(head.path(), out);
    if let Some(query) = head.query() {
        out.push(b'?');
        write_visible(query, out);
    }
}

/// Writes part of a request line. What came from a parser is copied; what a rewrite made of it
/// has every byte escaped that could end the target or the line (nginx CVE-2026-42945 and kin).
#[inline]
fn write_visible(text: &[u8], out: &mut Vec<u8>) {
    // Without an early exit, so that it is done many bytes at a time.
    let plain = text.iter().fold(true, |plain, &byte| plain & (byte > b' ') & (byte < 0x7f) & (byte != b'#'));
    if plain {
        out.extend_from_slice(text);
    } else {
        write_escaped(text, out);
    }
}

#[cold]
fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        if byte > b' ' && byte < 0x7f && byte != b'#' {
            out.push(byte);
        } else {
            let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value & 15)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte)]);
        }
    }
}

/// Writes the line before a chunk's data. `length` must not be 0: that is `write_last_chunk`.
#[inline]
pub fn write_chunk_head(length: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 18];
    text[16..].copy_from_slice(b"\r\n");
    let mut start = 16;
    let mut left = length;
    while start > 0 && (left > 0 || start == 16) {
        start -= 1;
        text[start] = b"0123456789abcdef"[left & 15];
        left >>= 4;
    }
    out.extend_from_slice(&text[start..]);
}

/// Writes what follows a chunk's data.
#[inline]
pub fn write_chunk_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Writes the last chunk and the trailers after it. They must not be what RFC 9110 §6.5.1 forbids;
/// trailers from a `ChunkedDecoder` are not.
pub fn write_last_chunk(trailers: Option<&Fields>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        write_fields(trailers, out, |name| name == Name::Host || is_written_anew(name));
    }
    out.extend_from_slice(b"\r\n");
}
