//! Media types that are worth compressing.

/// One entry of a list of types, in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `*/*`
    All,
    /// `text/*`, kept with its slash.
    Kind(Box<[u8]>),
    /// `+json`: every type of that structured syntax (RFC 6838 §4.2.8).
    Syntax(Box<[u8]>),
    Exact(Box<[u8]>),
}

#[derive(Clone, Debug)]
pub struct Types(Box<[Pattern]>);

impl Types {
    /// # Errors
    /// What is no type.
    pub fn read(texts: &[String]) -> Result<Types, String> {
        texts.iter().map(|text| Pattern::read(text)).collect::<Result<_, _>>().map(Types)
    }

    /// Whether the value of a `Content-Type` is one of them.
    pub fn has(&self, content_type: &[u8]) -> bool {
        let end = content_type.iter().position(|&byte| byte == b';').unwrap_or(content_type.len());
        let media = content_type[..end].trim_ascii();
        self.0.iter().any(|pattern| pattern.matches(media))
    }
}

impl Pattern {
    fn read(text: &str) -> Result<Pattern, String> {
        let lower = text.to_ascii_lowercase();
        let is_part = |part: &str| glorieta_core::Fields::is_token(part.as_bytes()) && !part.contains('*');
        if lower == "*/*" {
            return Ok(Pattern::All);
        }
        if lower.strip_prefix('+').is_some_and(is_part) {
            return Ok(Pattern::Syntax(lower.into_bytes().into()));
        }
        match lower.split_once('/') {
            Some((kind, "*")) if is_part(kind) => Ok(Pattern::Kind(format!("{kind}/").into_bytes().into())),
            Some((kind, subtype)) if is_part(kind) && is_part(subtype) => Ok(Pattern::Exact(lower.into_bytes().into())),
            _ => Err(format!("{text:?} is no media type; write text/html, text/*, */* or +json")),
        }
    }

    fn matches(&self, media: &[u8]) -> bool {
        match self {
            Pattern::All => !media.is_empty(),
            Pattern::Kind(start) => media.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start)),
            Pattern::Syntax(end) => {
                media.len() > end.len() && media[media.len() - end.len()..].eq_ignore_ascii_case(end)
            }
            Pattern::Exact(whole) => media.eq_ignore_ascii_case(whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(list: &[&str]) -> Result<Types, String> {
        Types::read(&list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn types_are_known_by_name_kind_or_syntax() {
        let some = types(&["text/*", "application/json", "+XML"]).unwrap();
        for (value, expected) in [
            ("text/html", true),
            ("TEXT/Event-Stream; charset=utf-8", true),
            ("text/", true),
            ("application/json ;charset=utf-8", true),
            ("application/jsonp", false),
            ("image/svg+xml", true),
            ("application/xml", false),
            ("+xml", false),
            ("image/png", false),
            ("textual/html", false),
            ("", false),
        ] {
            assert_eq!(some.has(value.as_bytes()), expected, "{value}");
        }
        let all = types(&["*/*"]).unwrap();
        assert!(all.has(b"image/png") && !all.has(b"") && !all.has(b" ;charset=utf-8"));
        assert!(!types(&[]).unwrap().has(b"text/html"));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for wrong in ["", "text", "*", "*/json", "text/h*", "text/html; charset=utf-8", "+", "+*", "a/b/c"] {
            assert!(types(&[wrong]).is_err(), "{wrong}");
        }
    }
}
