//! Making text harmless: a request must not be able to write lines, quotes or terminal commands.
//!
//! Nearly every text is plain, so one branch-free pass (the compiler makes it SIMD) decides, and
//! plain text is copied whole.

/// Printable ASCII without `"` and `\`: the same in a JSON string, between quotes and on a terminal.
fn is_plain(text: &[u8]) -> bool {
    !text.iter().fold(false, |found, &byte| found | !(0x20..0x7f).contains(&byte) | (byte == b'"') | (byte == b'\\'))
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends text as the inside of a JSON string (RFC 8259 §7).
///
/// Bytes that are no UTF-8 become U+FFFD, as `String::from_utf8_lossy` has it; control
/// characters, also those above U+007F that move a terminal's cursor, are `\u00XX`.
pub fn push_json(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        push_json_slowly(out, text);
    }
}

#[cold]
fn push_json_slowly(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                letter if needs_number(letter) => push_number_escape(out, letter as u32),
                letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Controls, line and paragraph separators, and what turns the direction of text around.
fn needs_number(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

fn push_number_escape(out: &mut Vec<u8>, code: u32) {
    let digit = |shift: u32| HEX[(code >> shift) as usize & 15];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// Appends text for a line of plain text: all but printable ASCII, `"` and `\` become `\xHH`.
pub fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        push_text_slowly(out, text);
    }
}

/// As [`push_text`], or `-` where there is none: fields of a line must not vanish.
pub fn push_text_or_dash(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_empty() {
        out.push(b'-');
    } else {
        push_text(out, text);
    }
}

#[cold]
fn push_text_slowly(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x20..=0x7e => out.push(byte),
            _ => out.extend_from_slice(&[b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(text: &[u8]) -> String {
        let mut out = Vec::new();
        push_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_lines_hold_printable_ascii_only() {
        assert_eq!(text_of(b"/a b"), "/a b");
        assert_eq!(text_of(b"a\r\n\x1b[31m\"\\\xff\x7f"), r#"a\x0d\x0a\x1b[31m\"\\\xff\x7f"#);
    }

    #[test]
    fn json_escapes_what_a_terminal_would_obey() {
        let mut out = Vec::new();
        push_json(&mut out, "é\u{9b}\u{7f}\u{202e}\u{0}".as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), "é\\u009b\\u007f\\u202e\\u0000");
    }

    proptest! {
        #[test]
        fn json_strings_mean_the_text(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut out = vec![b'"'];
            push_json(&mut out, &text);
            out.push(b'"');
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&text));
        }

        #[test]
        fn escaped_text_can_be_told_apart(text in proptest::collection::vec(any::<u8>(), 0..100),
                                          other in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(text == other, text_of(&text) == text_of(&other));
        }
    }
}
