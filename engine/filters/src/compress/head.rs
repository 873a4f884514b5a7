//! What becomes of an answer's head when its body is compressed, and what says that it must not be.

use glorieta_core::{Fields, Name, RequestHead};

use crate::decompress::DIGESTS;

/// Whoever signs a message or gives its digest vouches for these very bytes.
const SIGNATURES: [&[u8]; 1] = [b"Signature"];

/// Whether `Cache-Control` of either side forbids to change the content (RFC 9111 §5.2.1.6, §5.2.2.6).
pub fn forbids_transforming(fields: &Fields) -> bool {
    let directives = fields.all(Name::CacheControl).flat_map(|value| value.split(|&byte| byte == b','));
    directives.map(<[u8]>::trim_ascii).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

/// Whether somebody vouches for the bytes as they are.
pub fn is_vouched_for(fields: &Fields) -> bool {
    DIGESTS.iter().chain(&SIGNATURES).any(|name| fields.get_named(name).is_some())
}

/// Says that the answer depends on `Accept-Encoding`, besides what else it depends on.
pub fn vary(fields: &mut Fields) {
    let says = |value: &[u8]| {
        let mut names = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(Name::AcceptEncoding.text().as_bytes()))
    };
    if fields.all(Name::Vary).any(says) {
        return;
    }
    let value = Name::AcceptEncoding.text().as_bytes();
    match fields.list.iter().rposition(|field| field.name == Name::Vary) {
        Some(last) if fields.list[last].value_span.length > 0 => {
            let before = fields.text(fields.list[last].value_span).to_vec();
            replace(fields, last, &[&before, &b", "[..], value].concat());
        }
        Some(last) => replace(fields, last, value),
        None => fields.add(Name::Vary, value),
    }
}

/// A strong tag stands for bytes, of which there are now others; the weak one says that the content is the same
/// (RFC 9110 §8.8.3.3).
pub fn weaken_etag(fields: &mut Fields) {
    for index in 0..fields.list.len() {
        let field = fields.list[index];
        if field.name == Name::Etag && fields.text(field.value_span).starts_with(b"\"") {
            let weak = [b"W/", fields.text(field.value_span)].concat();
            replace(fields, index, &weak);
        }
    }
}

/// A 304 names its content by the tag that the client has: by the weak one where only that was asked about, for a
/// cache would not find what it has by the strong one (RFC 9111 §4.3.4).
pub fn name_as_asked(fields: &mut Fields, request: &RequestHead) {
    let Some(tag) = fields.get(Name::Etag).filter(|tag| tag.starts_with(b"\"")) else { return };
    let (mut has_weak, mut has_strong) = (false, false);
    for value in request.fields.all(Name::IfNoneMatch) {
        for (at, _) in value.windows(tag.len()).enumerate().filter(|(_, part)| *part == tag) {
            let is_weak = value[..at].ends_with(b"W/");
            has_weak |= is_weak;
            has_strong |= !is_weak;
        }
    }
    if has_weak && !has_strong {
        weaken_etag(fields);
    }
}

fn replace(fields: &mut Fields, index: usize, value: &[u8]) {
    fields.list[index].value_span = fields.push_text(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in list {
            fields.add_named(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn texts(fields: &Fields, name: Name) -> Vec<String> {
        fields.all(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    #[test]
    fn vary_is_merged() {
        for (before, after) in [
            (&[][..], &["Accept-Encoding"][..]),
            (&["Cookie"], &["Cookie, Accept-Encoding"]),
            (&["Cookie", "Origin"], &["Cookie", "Origin, Accept-Encoding"]),
            (&["accept-encoding"], &["accept-encoding"]),
            (&["Cookie,ACCEPT-ENCODING", "Origin"], &["Cookie,ACCEPT-ENCODING", "Origin"]),
            (&["*"], &["*"]),
            (&["Accept-Encoding-Not"], &["Accept-Encoding-Not, Accept-Encoding"]),
            (&[""], &["Accept-Encoding"]),
        ] {
            let mut fields = fields(&before.iter().map(|&value| ("vary", value)).collect::<Vec<_>>());
            vary(&mut fields);
            assert_eq!(texts(&fields, Name::Vary), after, "{before:?}");
        }
    }

    #[test]
    fn strong_tags_become_weak() {
        for (before, after) in [("\"a\"", "W/\"a\""), ("W/\"a\"", "W/\"a\""), ("nonsense", "nonsense")] {
            let mut fields = fields(&[("ETag", before)]);
            weaken_etag(&mut fields);
            assert_eq!(texts(&fields, Name::Etag), [after]);
        }
    }

    #[test]
    fn a_304_has_the_tag_that_was_asked_about() {
        for (asked, tag, expected) in [
            (&["W/\"a\""][..], "\"a\"", "W/\"a\""),
            (&["\"a\""], "\"a\"", "\"a\""),
            (&["W/\"a\", \"a\""], "\"a\"", "\"a\""),
            (&["W/\"b\"", "W/\"a\""], "\"a\"", "W/\"a\""),
            (&["*"], "\"a\"", "\"a\""),
            (&["W/\"b\""], "\"a\"", "\"a\""),
            (&["W/\"a\""], "W/\"a\"", "W/\"a\""),
            (&[], "\"a\"", "\"a\""),
        ] {
            let mut request = RequestHead::build("GET", "a.example", "/", None);
            for value in asked {
                request.fields.add(Name::IfNoneMatch, value.as_bytes());
            }
            let mut fields = fields(&[("ETag", tag)]);
            name_as_asked(&mut fields, &request);
            assert_eq!(texts(&fields, Name::Etag), [expected], "{asked:?}");
        }
    }

    #[test]
    fn what_forbids_is_found_in_any_letter_case_and_field() {
        assert!(forbids_transforming(&fields(&[("cache-control", "public, No-Transform")])));
        assert!(forbids_transforming(&fields(&[("Cache-Control", "public"), ("Cache-Control", "no-transform")])));
        assert!(!forbids_transforming(&fields(&[("Cache-Control", "no-transforming, x=\"a\"")])));
        for name in ["Content-Digest", "repr-digest", "Digest", "Content-MD5", "signature"] {
            assert!(is_vouched_for(&fields(&[(name, "x")])), "{name}");
        }
        assert!(!is_vouched_for(&fields(&[("Unencoded-Digest", "x")])));
    }
}
