//! What `httparse` lets pass: line ends of LF alone, and empty lines before a message.
//!
//! It takes a bare LF for a line's end (RFC 9112 §2.2 permits that); a parser behind us may not.
//! A whole head is checked where its lines meet: a field's name starts right after a line's end,
//! so the two bytes before it must be CRLF, and the head must end with two CRLF. That is a pass
//! over lines, not bytes (55 ns less for eight fields than looking for every LF). A bare CR needs
//! no check in a whole head: `httparse` refuses it wherever it may stand.

use memchr::memchr;

/// Whether the line before the one that starts at `start` ends with CRLF.
#[inline]
pub(super) fn follows_crlf(head: &[u8], start: usize) -> bool {
    start >= 2 && head[start - 2..start] == *b"\r\n"
}

/// Whether the last line and the empty one after it end with CRLF.
#[inline]
pub(super) fn ends_with_crlf(head: &[u8]) -> bool {
    head.ends_with(b"\r\n\r\n")
}

/// Whether a head that is not yet whole has a control byte that none may have: any but HTAB and
/// CRLF. So it is refused at once rather than when its time is up.
#[cold]
pub(super) fn has_stray_control(input: &[u8]) -> bool {
    input.iter().enumerate().any(|(at, &byte)| match byte {
        b'\t' => false,
        b'\n' => at == 0 || input[at - 1] != b'\r',
        b'\r' => input.get(at + 1).is_some_and(|&next| next != b'\n'),
        _ => byte < b' ' || byte == 0x7f,
    })
}

/// The first line, without its end; as much of it as there is.
pub(super) fn first_line(input: &[u8]) -> &[u8] {
    &input[..memchr(b'\r', input).unwrap_or(input.len())]
}
