//! Preconditions (RFC 9110 §13): whether a file is sent, is still fresh, or must not be touched.

use std::time::SystemTime;

use glorieta_core::{Fields, Method, Name};

/// What a request's preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Proceed,
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
}

/// What is known of the file that would be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// With its quotes, such as `"5f-1a2b"` or `W/"5f"`.
    pub etag: Option<&'a [u8]>,
    /// The time of the last change, in whole seconds since 1970.
    pub modified: Option<u64>,
}

/// Judges the preconditions in the order of RFC 9110 §13.2.2. Call it only where the answer
/// without them would be 2xx. Dates that cannot be read are ignored (§13.1.3).
pub fn evaluate(method: Method, fields: &Fields, validators: &Validators<'_>) -> Outcome {
    let reads = matches!(method, Method::Get | Method::Head);
    if fields.has(Name::IfMatch) {
        if !lists(fields, Name::IfMatch, validators, strong_match) {
            return Outcome::PreconditionFailed;
        }
    } else if let (Some(since), Some(modified)) = (date(fields, Name::IfUnmodifiedSince), validators.modified)
        && modified > since
    {
        return Outcome::PreconditionFailed;
    }
    if fields.has(Name::IfNoneMatch) {
        let listed = lists(fields, Name::IfNoneMatch, validators, weak_match);
        return match (listed, reads) {
            (false, _) => Outcome::Proceed,
            (true, true) => Outcome::NotModified,
            (true, false) => Outcome::PreconditionFailed,
        };
    }
    match (date(fields, Name::IfModifiedSince), validators.modified) {
        (Some(since), Some(modified)) if reads && modified <= since => Outcome::NotModified,
        _ => Outcome::Proceed,
    }
}

/// Whether `Range` is to be obeyed: there is no `If-Range`, or it names this very file (§13.1.5).
pub fn range_applies(fields: &Fields, validators: &Validators<'_>) -> bool {
    let Some(wanted) = fields.get(Name::IfRange) else { return true };
    let wanted = wanted.trim_ascii();
    if wanted.starts_with(b"\"") || wanted.starts_with(b"W/") {
        return validators.etag.is_some_and(|etag| strong_match(wanted, etag));
    }
    parse_date(wanted).is_some_and(|date| validators.modified == Some(date))
}

/// Whether a list of entity tags has that of the file, or is `*`.
fn lists(fields: &Fields, name: Name, validators: &Validators<'_>, matches: fn(&[u8], &[u8]) -> bool) -> bool {
    fields.all(name).any(|value| {
        value.trim_ascii() == b"*"
            || validators.etag.is_some_and(|etag| Tags { rest: value }.any(|listed| matches(listed, etag)))
    })
}

fn strong_match(one: &[u8], other: &[u8]) -> bool {
    one == other && !one.starts_with(b"W/")
}

fn weak_match(one: &[u8], other: &[u8]) -> bool {
    one.strip_prefix(b"W/").unwrap_or(one) == other.strip_prefix(b"W/").unwrap_or(other)
}

/// The entity tags of a list. A comma may stand inside a tag, so quotes are followed; what is no
/// tag ends the list.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let begin = self.rest.iter().position(|&byte| !matches!(byte, b',' | b' ' | b'\t'))?;
        let rest = &self.rest[begin..];
        let open = if rest.starts_with(b"W/") { 2 } else { 0 };
        if rest.get(open) != Some(&b'"') {
            return None;
        }
        let close = open + 1 + memchr::memchr(b'"', &rest[open + 1..])?;
        self.rest = &rest[close + 1..];
        Some(&rest[..=close])
    }
}

fn date(fields: &Fields, name: Name) -> Option<u64> {
    fields.get(name).and_then(parse_date)
}

fn parse_date(text: &[u8]) -> Option<u64> {
    let date = httpdate::parse_http_date(std::str::from_utf8(text.trim_ascii()).ok()?).ok()?;
    date.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 784111777 is Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in list {
            fields.add_named(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    const FILE: Validators<'static> = Validators { etag: Some(b"\"a,b\""), modified: Some(784_111_777) };

    #[test]
    fn preconditions_are_judged_in_order() {
        use Outcome::{NotModified, PreconditionFailed, Proceed};
        let table: &[(&[(&str, &str)], Outcome)] = &[
            (&[], Proceed),
            (&[("If-None-Match", "\"a,b\"")], NotModified),
            (&[("If-None-Match", "\"x\", W/\"a,b\"")], NotModified),
            (&[("If-None-Match", "\"x\""), ("If-None-Match", "\"a,b\"")], NotModified),
            (&[("If-None-Match", "*")], NotModified),
            (&[("If-None-Match", "\"x\"")], Proceed),
            (&[("If-None-Match", "a,b")], Proceed),
            (&[("If-None-Match", "\"x\""), ("If-Modified-Since", NOW)], Proceed),
            (&[("If-Modified-Since", NOW)], NotModified),
            (&[("If-Modified-Since", BEFORE)], Proceed),
            (&[("If-Modified-Since", "yesterday")], Proceed),
            (&[("If-Match", "\"a,b\"")], Proceed),
            (&[("If-Match", "*")], Proceed),
            (&[("If-Match", "W/\"a,b\"")], PreconditionFailed),
            (&[("If-Match", "\"x\"")], PreconditionFailed),
            (&[("If-Match", "\"a,b\""), ("If-Unmodified-Since", BEFORE)], Proceed),
            (&[("If-Unmodified-Since", BEFORE)], PreconditionFailed),
            (&[("If-Unmodified-Since", NOW)], Proceed),
            (&[("If-Match", "\"a,b\""), ("If-None-Match", "\"a,b\"")], NotModified),
        ];
        for (list, expected) in table {
            assert_eq!(evaluate(Method::Get, &fields(list), &FILE), *expected, "{list:?}");
        }
        let fresh = fields(&[("If-None-Match", "*")]);
        assert_eq!(evaluate(Method::Put, &fresh, &FILE), PreconditionFailed);
        assert_eq!(evaluate(Method::Post, &fields(&[("If-Modified-Since", NOW)]), &FILE), Proceed);
    }

    #[test]
    fn ranges_apply_to_the_very_same_file_only() {
        let weak = Validators { etag: Some(b"W/\"a\""), ..FILE };
        for (value, file, expected) in [
            ("\"a,b\"", &FILE, true),
            ("\"x\"", &FILE, false),
            ("W/\"a\"", &weak, false),
            (NOW, &FILE, true),
            (BEFORE, &FILE, false),
            ("nonsense", &FILE, false),
        ] {
            assert_eq!(range_applies(&fields(&[("If-Range", value)]), file), expected, "{value}");
        }
        assert!(range_applies(&fields(&[]), &FILE));
    }
}
