//! Paths in one form: what is matched is what is logged and what is forwarded.
//!
//! Two spellings of one path are how rules are walked around (attack 33): so unreserved bytes are
//! decoded, escapes are upper-case and dot segments are resolved (RFC 3986 §6.2.2) before anybody
//! looks. `%2F` and `//` mean something to some services and stay as they are. What no honest
//! client sends is refused.

use glorieta_core::error::Kind;
use glorieta_core::{Error, Result};

/// What a byte needs while scanning.
const PLAIN: u8 = 0;
const SLASH: u8 = 1;
const DOT: u8 = 2;
const PERCENT: u8 = 3;
const REFUSED: u8 = 4;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [PLAIN; 256];
    let mut byte = 0;
    while byte < 256 {
        let refused = byte <= 0x20 || byte >= 0x7f || matches!(byte as u8, b'\\' | b'#' | b'?');
        if refused {
            table[byte] = REFUSED;
        }
        byte += 1;
    }
    table[b'/' as usize] = SLASH;
    table[b'.' as usize] = DOT;
    table[b'%' as usize] = PERCENT;
    table
}

/// Brings a path as received into its one form. `true`: it differs, and `out` holds it.
///
/// `*` (of `OPTIONS *`) stays; an empty path is `/` (RFC 9110 §4.2.3). Nothing is allocated while
/// nothing changes.
///
/// # Errors
/// [`Kind::PathRefused`] for a path that does not begin with `/`, NUL (`%00` too), backslash (`%5C`
/// too), control, blank or non-ASCII bytes, `#`, `?`, a bad escape, or dot segments above the root.
pub fn normalise(path: &[u8], out: &mut Vec<u8>) -> Result<bool> {
    match path {
        b"*" => return Ok(false),
        [] => {
            out.clear();
            out.push(b'/');
            return Ok(true);
        }
        [b'/', ..] => {}
        _ => return Err(refuse("does not begin with a slash")),
    }
    if is_normal(path)? {
        return Ok(false);
    }
    rewrite(path, out)?;
    Ok(true)
}

const fn refuse(detail: &'static str) -> Error {
    Error::because(Kind::PathRefused, detail)
}

/// Whether a path already has its one form; an error if it never can have.
fn is_normal(path: &[u8]) -> Result<bool> {
    let mut normal = true;
    let mut index = 0;
    while index < path.len() {
        match CLASSES[path[index] as usize] {
            DOT => normal &= path[index - 1] != b'/' || !is_dot_segment(&path[index..]),
            PERCENT => {
                let byte = escaped(path, index)?;
                let upper = !path[index + 1].is_ascii_lowercase() && !path[index + 2].is_ascii_lowercase();
                normal &= upper && !is_unreserved(byte);
                index += 2;
            }
            REFUSED => return Err(refuse_byte(path[index])),
            _ => {}
        }
        index += 1;
    }
    Ok(normal)
}

fn refuse_byte(byte: u8) -> Error {
    match byte {
        b'\\' => refuse("has a backslash"),
        b'#' | b'?' => refuse("has a # or ?"),
        b' ' => refuse("has a blank"),
        0x80.. => refuse("has a byte outside ASCII"),
        _ => refuse("has a control byte"),
    }
}

/// Whether text begins with a segment that is `.` or `..`.
fn is_dot_segment(rest: &[u8]) -> bool {
    matches!(rest, b"." | b".." | [b'.', b'/', ..] | [b'.', b'.', b'/', ..])
}

/// The byte that the escape at `index` stands for.
fn escaped(path: &[u8], index: usize) -> Result<u8> {
    let digit = |at: usize| path.get(at).and_then(|&byte| (byte as char).to_digit(16));
    let (Some(high), Some(low)) = (digit(index + 1), digit(index + 2)) else {
        return Err(refuse("has a bad escape"));
    };
    match (high * 16 + low) as u8 {
        0 => Err(refuse("has an escaped NUL")),
        b'\\' => Err(refuse("has an escaped backslash")),
        byte => Ok(byte),
    }
}

/// RFC 3986 §2.3.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Writes the normal form of a path that `is_normal` has checked.
fn rewrite(path: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    out.reserve(path.len());
    let mut index = 0;
    while index < path.len() {
        match path[index] {
            b'/' => {
                if !resolve_last_segment(out)? {
                    out.push(b'/');
                }
            }
            b'%' => {
                match escaped(path, index)? {
                    byte if is_unreserved(byte) => out.push(byte),
                    _ => out.extend(path[index..index + 3].iter().map(u8::to_ascii_uppercase)),
                }
                index += 2;
            }
            byte => out.push(byte),
        }
        index += 1;
    }
    resolve_last_segment(out)?;
    Ok(())
}

/// Takes off a `.` or `..` that ends `out`, leaving the slash before it (RFC 3986 §5.2.4).
/// `true`: it did, and `out` ends with a slash.
fn resolve_last_segment(out: &mut Vec<u8>) -> Result<bool> {
    if out.ends_with(b"/.") {
        out.truncate(out.len() - 1);
        return Ok(true);
    }
    if out.ends_with(b"/..") {
        out.truncate(out.len() - 3);
        let Some(slash) = memchr::memrchr(b'/', out) else {
            return Err(refuse("climbs above the root"));
        };
        out.truncate(slash + 1);
        return Ok(true);
    }
    Ok(false)
}

/// Writes a path to `out` with every run of slashes made one; `true`: that changed it.
pub fn merge_slashes(path: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    out.reserve(path.len());
    for &byte in path {
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    out.len() != path.len()
}

/// Whether a path has two slashes in a row.
pub fn has_double_slash(path: &[u8]) -> bool {
    path.windows(2).any(|pair| pair == b"//")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(path: &[u8]) -> Option<Vec<u8>> {
        let mut out = b"left over".to_vec();
        match normalise(path, &mut out) {
            Ok(true) => Some(out),
            Ok(false) => Some(path.to_vec()),
            Err(error) => {
                assert_eq!(error.kind, Kind::PathRefused);
                None
            }
        }
    }

    #[test]
    fn paths_take_their_one_form() {
        let table: &[(&str, &str)] = &[
            ("/", "/"),
            ("", "/"),
            ("*", "*"),
            ("/a/b.c/..d/.e/f.", "/a/b.c/..d/.e/f."),
            ("/%61%2d%2E%5f%7e", "/a-._~"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a//b///", "/a//b///"),
            ("/a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/a/b/../../c", "/c"),
            ("/a/%2e%2E/c", "/c"),
            ("/a/.%2e/c", "/c"),
            ("/a/..//b", "//b"),
            ("/a//../b", "/a/b"),
            ("//..", "/"),
            ("/a;x=1/..;/b", "/a;x=1/..;/b"),
            ("/%25%32%65", "/%252e"),
            ("/a/...", "/a/..."),
            ("/%0a", "/%0A"),
            ("/..a/%2e", "/..a/"),
        ];
        for (path, expected) in table {
            assert_eq!(normal(path.as_bytes()).as_deref(), Some(expected.as_bytes()), "{path}");
        }
    }

    #[test]
    fn what_no_honest_client_sends_is_refused() {
        let table: &[&[u8]] = &[
            b"a",
            b"!",
            b"**",
            b"/..",
            b"/a/../..",
            b"/%2e%2e",
            b"/./..",
            b"/%00",
            b"/a\\b",
            b"/%5c",
            b"/%5C",
            b"/a b",
            b"/a\x00",
            b"/a\r",
            b"/\x7f",
            b"/\xc3\xa9",
            b"/%",
            b"/%4",
            b"/%4x",
            b"/%%41",
            b"/a#b",
            b"/a?b",
            b"/%+1",
        ];
        for path in table {
            assert_eq!(normal(path), None, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn runs_of_slashes_become_one() {
        let mut out = Vec::new();
        assert!(merge_slashes(b"//a///b//", &mut out));
        assert_eq!(out, b"/a/b/");
        assert!(!merge_slashes(b"/a/b", &mut out));
        assert_eq!(out, b"/a/b");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(path in "/([a-c./;%]|%2[eEfF5]|%2e|%6[1z]|/){0,24}") {
            if let Some(once) = normal(path.as_bytes()) {
                prop_assert!(!normalise(&once, &mut Vec::new())?, "{path}");
            }
        }

        #[test]
        fn no_dot_segment_survives(path in "(/(\\.|%2e|%2E|a|b|%2f|)(\\.|%2e|a|)){1,12}") {
            if let Some(once) = normal(path.as_bytes()) {
                prop_assert!(once.starts_with(b"/"));
                prop_assert!(!once.split(|&byte| byte == b'/').any(|segment| segment == b"." || segment == b".."));
            }
        }

        #[test]
        fn any_bytes_are_decided(path in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(once) = normal(&path) {
                prop_assert!(once.iter().all(|&byte| byte > 0x20 && byte < 0x7f));
            }
        }
    }
}
