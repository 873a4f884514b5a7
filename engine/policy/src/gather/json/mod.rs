//! JSON as it is passed on: checked once, cut into ranges, decoded only where somebody asks for a value.
//!
//! RFC 8259 to the letter: UTF-8, no NaN, nothing behind the value, and no deeper than [`DEEPEST`]. What is passed on
//! stays as it was written, numbers included.

mod scanner;
mod string;

use std::borrow::Cow;

pub use string::{escape, quote, unescape};

use scanner::Scanner;
use string::canonical;

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

#[cfg(test)]
#[path = "../json_tests.rs"]
pub mod tests;
