//! One pass over a text: the first checks it, the others pass over what is checked.

use super::string::canonical;
use super::{DEEPEST, Found, Invalid};

pub(super) struct Scanner<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl<'a> Scanner<'a> {
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub const fn invalid(&self, what: &'static str) -> Invalid {
        Invalid { at: self.at, what }
    }

    pub fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes what stands between values of a checked text.
    pub fn between(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b':')) {
            self.at += 1;
        }
    }

    /// Checks one value, and notes the members of the outermost object.
    pub fn value(&mut self, members: &mut Vec<Found<'a>>) -> Result<(), Invalid> {
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
    pub fn skip(&mut self) -> &'a [u8] {
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
