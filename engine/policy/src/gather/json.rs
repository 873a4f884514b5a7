//! JSON as it is passed on: checked once, cut into ranges, decoded only where somebody asks for a value.
//!
//! RFC 8259 to the letter: UTF-8, no NaN, nothing behind the value, and no deeper than [`DEEPEST`]. What is passed on
//! stays as it was written, numbers included.

use std::borrow::Cow;

/// Objects and arrays within each other.
pub const DEEPEST: u32 = 64;

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The byte at which it shows.
    pub at: usize,
    pub what: &'static str,
}

/// A member of an object as it stands in a text: its key in the one form that [`escape`] writes, so that equal names
/// are equal bytes, and its value's JSON.
pub type Found<'a> = (Cow<'a, [u8]>, &'a [u8]);

/// A checked text: one JSON value, without the blanks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<'a> {
    text: &'a [u8],
    /// Of the outermost object, in the order in which they stand, duplicates included.
    members: Vec<Found<'a>>,
}

impl<'a> Json<'a> {
    /// Checks a text, in one pass over it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(text: &'a [u8]) -> Result<Json<'a>, Invalid> {
        if let Err(error) = std::str::from_utf8(text) {
            return Err(Invalid { at: error.valid_up_to(), what: "is not UTF-8" });
        }
        let mut scanner = Scanner { text, at: 0 };
        let mut members = Vec::new();
        scanner.blanks();
        let start = scanner.at;
        scanner.value(&mut members)?;
        let end = scanner.at;
        scanner.blanks();
        if scanner.at < text.len() {
            return Err(scanner.invalid("has something behind its end"));
        }
        Ok(Json { text: &text[start..end], members })
    }

    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    pub fn is_object(&self) -> bool {
        is_object(self.text)
    }

    pub fn into_members(self) -> Vec<Found<'a>> {
        self.members
    }
}

/// Whether a JSON value is an object.
pub fn is_object(value: &[u8]) -> bool {
    value.first() == Some(&b'{')
}

/// Whether a JSON value is an array.
pub fn is_array(value: &[u8]) -> bool {
    value.first() == Some(&b'[')
}

/// The members of an object within a checked text; none of any other value.
pub fn members(value: &[u8]) -> impl Iterator<Item = Found<'_>> {
    let open = is_object(value);
    let mut scanner = Scanner { text: value, at: 1 };
    std::iter::from_fn(move || {
        scanner.between();
        if !open || scanner.peek() != Some(b'"') {
            return None;
        }
        let key = scanner.skip();
        scanner.between();
        let inner = key.get(1..key.len() - 1).unwrap_or_default();
        Some((canonical(inner), scanner.skip()))
    })
}

/// The elements of an array within a checked text; none of any other value.
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let open = is_array(value);
    let mut scanner = Scanner { text: value, at: 1 };
    std::iter::from_fn(move || {
        scanner.between();
        let more = open && !matches!(scanner.peek(), None | Some(b']'));
        more.then(|| scanner.skip())
    })
}

/// What a path leads to: names in objects, places (from 0) in arrays. Of two members with one name the last counts.
pub fn find<'a, 'p>(value: &'a [u8], path: impl IntoIterator<Item = &'p [u8]>) -> Option<&'a [u8]> {
    let mut found = value;
    for step in path {
        found = if is_array(found) {
            elements(found).nth(std::str::from_utf8(step).ok()?.parse().ok()?)?
        } else {
            members(found).filter(|(key, _)| **key == *step).last()?.1
        };
    }
    Some(found)
}

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
fn canonical(inner: &[u8]) -> Cow<'_, [u8]> {
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut key = Vec::with_capacity(inner.len());
    escape(&unescape(inner), &mut key);
    Cow::Owned(key)
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    const fn invalid(&self, what: &'static str) -> Invalid {
        Invalid { at: self.at, what }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes what stands between values of a checked text.
    fn between(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b':')) {
            self.at += 1;
        }
    }

    /// Checks one value, and notes the members of the outermost object.
    fn value(&mut self, members: &mut Vec<Found<'a>>) -> Result<(), Invalid> {
        // One bit for each that is open: 1 is an object.
        let mut objects: u64 = 0;
        let mut depth = 0;
        let mut start = self.at;
        loop {
            let opened = match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEEPEST {
                        return Err(self.invalid("is nested too deeply"));
                    }
                    depth += 1;
                    objects = (objects << 1) | u64::from(open == b'{');
                    self.at += 1;
                    self.blanks();
                    // In ASCII the closing bracket is two behind the opening one.
                    if self.peek() != Some(open + 2) {
                        if open == b'{' {
                            self.key(depth, members)?;
                            start = if depth == 1 { self.at } else { start };
                        }
                        continue;
                    }
                    true
                }
                Some(b'"') => {
                    self.string()?;
                    false
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    false
                }
                _ => {
                    self.literal()?;
                    false
                }
            };
            // A value has ended, or the next byte closes what has just been opened.
            let mut closing = opened;
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let is_object = objects & 1 == 1;
                if !closing {
                    if depth == 1
                        && let Some(last) = members.last_mut().filter(|_| is_object)
                    {
                        last.1 = &self.text[start..self.at];
                    }
                    self.blanks();
                    if self.peek() == Some(b',') {
                        self.at += 1;
                        self.blanks();
                        if is_object {
                            self.key(depth, members)?;
                            start = if depth == 1 { self.at } else { start };
                        }
                        break;
                    }
                }
                match (self.peek(), is_object) {
                    (Some(b'}'), true) | (Some(b']'), false) => self.at += 1,
                    (None, _) => return Err(self.invalid("ends in the middle")),
                    (Some(_), _) => return Err(self.invalid("lacks a comma or a bracket")),
                }
                depth -= 1;
                objects >>= 1;
                closing = false;
            }
        }
    }

    /// A key and its colon, up to the beginning of the value.
    fn key(&mut self, depth: u32, members: &mut Vec<Found<'a>>) -> Result<(), Invalid> {
        let start = self.at + 1;
        if self.peek() != Some(b'"') {
            return Err(self.invalid("lacks a key in quotes"));
        }
        self.string()?;
        if depth == 1 {
            let key = canonical(&self.text[start..self.at - 1]);
            members.push((key, b""));
        }
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.invalid("lacks a colon behind a key"));
        }
        self.at += 1;
        self.blanks();
        Ok(())
    }

    fn string(&mut self) -> Result<(), Invalid> {
        self.at += 1;
        loop {
            self.at += plain_length(&self.text[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    let length = match self.text.get(self.at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u') => {
                            let digits = self.text.get(self.at + 2..self.at + 6).unwrap_or_default();
                            if digits.len() != 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                                return Err(self.invalid("has a bad escape"));
                            }
                            6
                        }
                        _ => return Err(self.invalid("has a bad escape")),
                    };
                    self.at += length;
                }
                Some(_) => return Err(self.invalid("has a control character in a string")),
                None => return Err(self.invalid("ends in the middle of a string")),
            }
        }
    }

    fn number(&mut self) -> Result<(), Invalid> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.invalid("has a number without digits")) } else { Ok(()) }
    }

    fn literal(&mut self) -> Result<(), Invalid> {
        let rest = &self.text[self.at..];
        let length =
            [&b"true"[..], b"false", b"null"].iter().find(|word| rest.starts_with(word)).map(|word| word.len());
        match length {
            Some(length) => self.at += length,
            None if rest.is_empty() => return Err(self.invalid("ends in the middle")),
            None => return Err(self.invalid("has a word or sign that JSON does not know")),
        }
        Ok(())
    }

    /// Passes one value of a checked text.
    fn skip(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut depth = 0_u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => break,
                _ => self.at += 1,
            }
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                break;
            }
        }
        &self.text[start..self.at]
    }

    fn skip_string(&mut self) {
        self.at += 1;
        loop {
            self.at += plain_length(self.text.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'\\') => self.at += 2,
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                // A checked text has none of these.
                Some(_) => self.at += 1,
                None => return,
            }
        }
    }
}

/// How many bytes a string goes on before a quote, a backslash or a control character: eight at a time.
fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    // The high bit of each byte that is zero; bytes behind the first such may be marked wrongly, and do not count.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut length = 0;
    for chunk in text.chunks_exact(8) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        let word = u64::from_le_bytes(bytes);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let special = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\'))) | controls;
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = &text[length..];
    length + rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(rest.len())
}

#[cfg(test)]
#[path = "json_tests.rs"]
pub mod tests;
