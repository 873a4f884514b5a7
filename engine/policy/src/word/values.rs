//! Values of cookies and of queries, as they stand in a request.

use std::borrow::Cow;

use glorieta_core::{Fields, Name};

/// The value of a cookie (RFC 6265 §5.4); of two with one name the first.
pub fn cookie<'a>(fields: &'a Fields, name: &[u8]) -> Option<&'a [u8]> {
    fields.all(Name::Cookie).flat_map(|line| line.split(|&byte| byte == b';')).find_map(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
        Some(value)
    })
}

/// The values of a query parameter, still percent-encoded; its name may come encoded.
pub fn query_values<'a>(query: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).filter_map(move |pair| {
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let value = pair.get(equals + 1..).unwrap_or_default();
        (*decode(&pair[..equals]) == *name).then_some(value)
    })
}

/// Decodes `+` and percent escapes of a query; bad escapes stay as they are.
pub fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|&byte| byte == b'%' || byte == b'+') {
        return Cow::Borrowed(text);
    }
    let digit = |at: usize| text.get(at).and_then(|&byte| (byte as char).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        match (text[index], digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                index += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        index += 1;
    }
    Cow::Owned(decoded)
}
