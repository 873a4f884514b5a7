//! What stands between the quotes of a JSON string, and what it means.

use std::borrow::Cow;

/// Appends text as it stands between the quotes of a JSON string. What is not UTF-8 becomes U+FFFD.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    for character in String::from_utf8_lossy(text).bytes() {
        match character {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            0..0x20 => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digit = |at: u8| DIGITS[usize::from(at)];
                out.extend([b'\\', b'u', b'0', b'0', digit(character >> 4), digit(character & 15)]);
            }
            _ => out.push(character),
        }
    }
}

/// Text as a JSON string.
pub fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

/// The text that stands between the quotes of a checked JSON string. Half of a surrogate pair is U+FFFD.
pub fn unescape(inner: &[u8]) -> Cow<'_, [u8]> {
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let Some((&letter, after)) = rest.split_first() else { break };
        rest = after;
        match letter {
            b'n' => text.push(b'\n'),
            b't' => text.push(b'\t'),
            b'r' => text.push(b'\r'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'u' => {
                let character = take_unicode(&mut rest);
                text.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// The character behind `\u`, with the second half of a surrogate pair where there is one.
fn take_unicode(rest: &mut &[u8]) -> char {
    let unit =
        |text: &[u8]| text.get(..4).and_then(|digits| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
    let first = unit(rest).unwrap_or(0xfffd);
    *rest = rest.get(4..).unwrap_or_default();
    let second = rest.strip_prefix(b"\\u").filter(|_| (0xd800..0xdc00).contains(&first)).and_then(unit);
    let pair = second.map_or([first, 0], |second| [first, second]);
    match char::decode_utf16(pair[..1 + usize::from(second.is_some())].iter().copied()).next() {
        Some(Ok(character)) => {
            if second.is_some() {
                *rest = rest.get(6..).unwrap_or_default();
            }
            character
        }
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// A key in the one form in which keys are compared.
pub(super) fn canonical(inner: &[u8]) -> Cow<'_, [u8]> {
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut key = Vec::with_capacity(inner.len());
    escape(&unescape(inner), &mut key);
    Cow::Owned(key)
}
