//! What a client would rather have (RFC 9110 §12.5.1): a problem document or a line of text.

/// Whether an error is to be answered as JSON (RFC 9457): the client takes it, and likes HTML and
/// plain text no better. `accept` is the value of `Accept`; empty (none came) takes anything.
pub fn wants_json(accept: &[u8]) -> bool {
    if accept.trim_ascii().is_empty() {
        return true;
    }
    let problem = quality(accept, b"application", b"problem+json");
    let json = problem.max(quality(accept, b"application", b"json"));
    let text = quality(accept, b"text", b"html").max(quality(accept, b"text", b"plain"));
    json > 0 && json >= text
}

/// How much a media type is wanted, in thousandths: by the most specific range that names it.
/// Ranges with parameters other than `q` name something narrower and are passed over.
pub fn quality(accept: &[u8], kind: &[u8], subtype: &[u8]) -> u32 {
    let mut best = (0, 0);
    for range in accept.split(|&byte| byte == b',') {
        let mut parts = range.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let media = parts.next().unwrap_or_default();
        let Some(slash) = memchr::memchr(b'/', media) else { continue };
        let (range_kind, range_subtype) = (&media[..slash], &media[slash + 1..]);
        let exact = range_kind.eq_ignore_ascii_case(kind);
        let specific = match (exact, range_subtype) {
            (true, _) if range_subtype.eq_ignore_ascii_case(subtype) => 3,
            (true, b"*") => 2,
            (false, b"*") if range_kind == b"*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(weight).unwrap_or(1000);
        best = best.max((specific, weight));
    }
    best.1
}

/// The value of `q=` in thousandths; one that cannot be read is 0.
pub(crate) fn weight(parameter: &[u8]) -> Option<u32> {
    let equals = memchr::memchr(b'=', parameter)?;
    if !parameter[..equals].trim_ascii().eq_ignore_ascii_case(b"q") {
        return None;
    }
    let text = std::str::from_utf8(parameter[equals + 1..].trim_ascii()).unwrap_or_default();
    let plain = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f32 = if plain { text.parse().unwrap_or(0.0) } else { 0.0 };
    Some((value.min(1.0) * 1000.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_to_who_takes_it() {
        for (accept, expected) in [
            ("", true),
            ("*/*", true),
            ("application/json", true),
            ("Application/Problem+JSON", true),
            ("application/*;q=0.5, text/html;q=0.4", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("text/html, application/json", true),
            ("text/html, application/json;q=0.9", false),
            ("application/json;q=0", false),
            ("*/*, application/json;q=0, application/problem+json;q=0", false),
            ("text/plain", false),
            ("image/png", false),
            ("application/json;q=nonsense", false),
            ("nonsense", false),
            ("application/json ; q = 0.7 , */* ; q=0.1", true),
        ] {
            assert_eq!(wants_json(accept.as_bytes()), expected, "{accept}");
        }
    }

    #[test]
    fn the_most_specific_range_decides() {
        let accept = b"*/*;q=0.9, text/*;q=0.3, text/html;q=0.755";
        assert_eq!(quality(accept, b"text", b"html"), 755);
        assert_eq!(quality(accept, b"text", b"plain"), 300);
        assert_eq!(quality(accept, b"image", b"png"), 900);
        assert_eq!(quality(b"text/html", b"image", b"png"), 0);
    }
}
