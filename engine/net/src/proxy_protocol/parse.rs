//! Which version a header is of, and how much of it is still to come.

use std::fmt;

use super::{Header, SIGNATURE, binary, line};

/// The longest header that is read, in bytes: what NGINX reads. Version 1 has its own bound of 107.
pub const LONGEST: usize = 4096;

/// What bytes from the begin of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The begin of a header: at least this many further bytes belong to it, at least one. So whoever reads no more
    /// than that takes nothing of what follows it.
    More(usize),
    /// A header, and its length in bytes.
    Whole(Header, usize),
}

/// Why bytes are no header: a clause that says what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

/// Reads a header of either version.
///
/// # Errors
/// [`Malformed`]: the bytes begin no header, or one that breaks the specification.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    if bytes.is_empty() {
        return Ok(Parsed::More(line::SHORTEST));
    }
    if begins(bytes, SIGNATURE) {
        return binary::parse(bytes);
    }
    if begins(bytes, line::WORD) {
        return line::parse(bytes);
    }
    Err(Malformed("it begins with something else"))
}

/// Whether one is the begin of the other.
fn begins(bytes: &[u8], word: &[u8]) -> bool {
    let length = bytes.len().min(word.len());
    bytes[..length] == word[..length]
}
