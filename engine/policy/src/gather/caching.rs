//! The strictest `Cache-Control` of several answers (RFC 9111 §5.2.2).
//!
//! An answer made of parts may be kept only where, how and as long as every part may. A part that says nothing allows
//! nothing in particular: then there is no lifetime, and only what forbids is kept.
//!
//! Python has a twin of it, for handlers. Both are held together by `tests/contract/caching.json`.

use std::io::Write;

/// Kept if one part has it, in this order.
const FORBIDDING: [&str; 5] = ["no-cache", "must-revalidate", "proxy-revalidate", "no-transform", "must-understand"];
/// Kept if all have it.
const ALLOWING: [&str; 2] = ["public", "immutable"];
/// The shortest is kept, if all have it. The first two are counted from when the answer was made.
const LIFETIMES: [&str; 4] = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];
const MAX_AGE: usize = 0;
const SHARED_MAX_AGE: usize = 1;
/// RFC 9111 §1.2.2.
const LONGEST: u64 = 1 << 31;
const PRIVATE: u16 = 1 << 8;
const NO_STORE: u16 = 1 << 9;

/// Collects what the parts allow.
#[derive(Clone, Debug, Default)]
pub struct Caching {
    parts: u32,
    some: u16,
    every: u16,
    /// The shortest so far; `None` once a part has none.
    lifetimes: [Option<u64>; LIFETIMES.len()],
    vary: Vec<Box<[u8]>>,
}

impl Caching {
    /// Takes a part that went into the answer, with its values of `Cache-Control`, `Age` and `Vary`.
    pub fn add<'v>(
        &mut self,
        control: impl Iterator<Item = &'v [u8]>,
        age: Option<&[u8]>,
        vary: impl Iterator<Item = &'v [u8]>,
    ) {
        let (flags, mut lifetimes) = read(control);
        lifetimes[SHARED_MAX_AGE] = lifetimes[SHARED_MAX_AGE].or(lifetimes[MAX_AGE]);
        let age = age.map_or(0, seconds);
        for lifetime in &mut lifetimes[..=SHARED_MAX_AGE] {
            *lifetime = lifetime.map(|left| left.saturating_sub(age));
        }
        self.note(flags, lifetimes);
        for name in vary.flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii) {
            let name = name.to_ascii_lowercase();
            if !name.is_empty() && !self.vary.iter().any(|known| **known == *name) {
                self.vary.push(name.into());
            }
        }
    }

    /// Takes a part of which nobody knows what it allows, such as the answer to a POST.
    pub fn add_unknown(&mut self) {
        self.note(0, [None; LIFETIMES.len()]);
    }

    fn note(&mut self, flags: u16, lifetimes: [Option<u64>; LIFETIMES.len()]) {
        let first = self.parts == 0;
        self.parts += 1;
        self.some |= flags;
        self.every = if first { flags } else { self.every & flags };
        for (shortest, lifetime) in self.lifetimes.iter_mut().zip(lifetimes) {
            *shortest = if first { lifetime } else { shortest.zip(lifetime).map(|(one, other)| one.min(other)) };
        }
    }

    /// The value of `Cache-Control`; `None`: nothing can be said.
    pub fn header(&self) -> Option<Vec<u8>> {
        if self.some & NO_STORE != 0 || self.vary.iter().any(|name| **name == *b"*") {
            return Some(b"no-store".to_vec());
        }
        let private = self.some & PRIVATE != 0;
        let mut words: Vec<&str> = Vec::new();
        words.extend(private.then_some("private"));
        words.extend(
            FORBIDDING.into_iter().zip(0..).filter(|(_, bit)| self.some & (1 << bit) != 0).map(|(word, _)| word),
        );
        if !private && self.some & 1 == 0 {
            let allowed = ALLOWING.into_iter().zip(FORBIDDING.len()..).filter(|(_, bit)| self.every & (1 << bit) != 0);
            words.extend(allowed.map(|(word, _)| word));
        }
        let mut value = words.join(", ").into_bytes();
        for (name, seconds) in self.shortest(private) {
            let comma = if value.is_empty() { "" } else { ", " };
            // Writing to a Vec cannot fail.
            let _ = write!(value, "{comma}{name}={seconds}");
        }
        (!value.is_empty()).then_some(value)
    }

    fn shortest(&self, private: bool) -> impl Iterator<Item = (&'static str, u64)> {
        let mut lifetimes = self.lifetimes;
        if private || lifetimes[SHARED_MAX_AGE] == lifetimes[MAX_AGE] {
            lifetimes[SHARED_MAX_AGE] = None;
        }
        LIFETIMES.into_iter().zip(lifetimes).filter_map(|(name, lifetime)| Some((name, lifetime?)))
    }

    /// Names of request headers on which a part depends, in lower case.
    pub fn vary(&self) -> impl Iterator<Item = &[u8]> {
        self.vary.iter().map(|name| &**name).filter(|name| *name != b"*")
    }
}

/// The flags and lifetimes that a part says; of a directive that is repeated the first counts.
fn read<'v>(control: impl Iterator<Item = &'v [u8]>) -> (u16, [Option<u64>; LIFETIMES.len()]) {
    let (mut flags, mut lifetimes) = (0, [None; LIFETIMES.len()]);
    let words = FORBIDDING.into_iter().chain(ALLOWING);
    for directive in control.flat_map(directives) {
        let (name, value) = match memchr::memchr(b'=', directive) {
            Some(equals) => (directive[..equals].trim_ascii(), directive[equals + 1..].trim_ascii()),
            None => (directive, &b""[..]),
        };
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        if let Some((_, bit)) = words.clone().zip(0..).find(|(word, _)| is(word)) {
            flags |= 1 << bit;
        } else if is("private") {
            flags |= PRIVATE;
        } else if is("no-store") {
            flags |= NO_STORE;
        } else if let Some((_, place)) = LIFETIMES.into_iter().zip(0..).find(|(word, _)| is(word)) {
            let place: usize = place;
            let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            lifetimes[place] = lifetimes[place].or(Some(seconds(value)));
        }
    }
    (flags, lifetimes)
}

/// The directives of a value; a comma between quotes parts nothing.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let parts = value.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    });
    parts.map(<[u8]>::trim_ascii).filter(|directive| !directive.is_empty())
}

/// Seconds; what cannot be read counts as stale (RFC 9111 §4.2.1).
fn seconds(text: &[u8]) -> u64 {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let number = std::str::from_utf8(text).ok().and_then(|digits| digits.parse().ok());
    number.unwrap_or(LONGEST).min(LONGEST)
}
