//! The four forms of a request's target (RFC 9112 §3.2), and what may stand as a host.

use std::net::Ipv6Addr;

use glorieta_core::{Error, Kind, Method};
use memchr::{memchr, memchr2};

/// The longest host: 253 bytes of DNS name and a final dot, rounded up.
const LONGEST_HOST: usize = 255;

/// A target, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Starts with `/`, or is `*`; empty for `CONNECT`.
    pub path: &'a [u8],
    pub query: Option<&'a [u8]>,
    /// From the absolute or the authority form.
    pub authority: Option<&'a [u8]>,
    pub absolute: bool,
}

const fn malformed(detail: &'static str) -> Error {
    Error::because(Kind::HeadMalformed, detail)
}

/// Takes a target apart. `httparse` has already refused blanks and control bytes in it.
///
/// # Errors
/// `head_malformed`: a fragment, a byte beyond ASCII, or a form that the method or scheme forbids.
/// `host_refused`: an authority that is not a plain host and port.
#[inline]
pub(super) fn split(method: Method, target: &[u8]) -> Result<Target<'_>, Error> {
    if !target.is_ascii() || memchr(b'#', target).is_some() {
        return Err(malformed("a fragment or a byte beyond ASCII in the target"));
    }
    if method == Method::Connect {
        return authority_form(target);
    }
    match target {
        [b'/', ..] => {
            let (path, query) = split_query(target);
            Ok(Target { path, query, authority: None, absolute: false })
        }
        b"*" if method == Method::Options => Ok(Target { path: target, query: None, authority: None, absolute: false }),
        _ => absolute_form(method, target),
    }
}

#[inline]
fn split_query(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'?', text) {
        Some(mark) => (&text[..mark], Some(&text[mark + 1..])),
        None => (text, None),
    }
}

fn authority_form(target: &[u8]) -> Result<Target<'_>, Error> {
    let port_is_given = target.rsplit(|&byte| byte == b':').next().is_some_and(|port| !port.is_empty())
        && target.contains(&b':')
        && !target.ends_with(b"]");
    if !port_is_given || !is_authority(target) {
        return Err(malformed("CONNECT takes a host and a port"));
    }
    Ok(Target { path: b"", query: None, authority: Some(target), absolute: false })
}

fn absolute_form(method: Method, target: &[u8]) -> Result<Target<'_>, Error> {
    let rest = strip_scheme(target).ok_or(malformed("the target is neither a path nor an http address"))?;
    let end = memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if !is_authority(authority) {
        return Err(Error::because(Kind::HostRefused, "the target's authority is not a host"));
    }
    let (path, query) = split_query(rest);
    let path: &[u8] = match (path, query, method) {
        // RFC 9112 §3.2.4: the last proxy turns it into the asterisk form.
        (b"", None, Method::Options) => b"*",
        (b"", ..) => b"/",
        _ => path,
    };
    Ok(Target { path, query, authority: Some(authority), absolute: true })
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// Whether it is a host and perhaps a port, as `Host` may say (RFC 9110 §7.2).
///
/// Stricter than RFC 3986: a name is made of letters, digits, `-`, `.`, `_` and `~`. Its
/// percent-escapes and sub-delimiters occur in no DNS name, and are what parsers disagree on.
#[inline]
pub fn is_authority(text: &[u8]) -> bool {
    if text.first() == Some(&b'[') {
        return is_ipv6_authority(text);
    }
    let (host, port) = match memchr(b':', text) {
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
        None => (text, None),
    };
    !host.is_empty()
        && host.len() <= LONGEST_HOST
        && host.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
        && port.is_none_or(is_port)
}

fn is_ipv6_authority(text: &[u8]) -> bool {
    let Some(close) = memchr(b']', text) else { return false };
    let address = std::str::from_utf8(&text[1..close]).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok());
    let port = match &text[close + 1..] {
        [] => true,
        [b':', port @ ..] => is_port(port),
        _ => false,
    };
    address && port
}

fn is_port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len())
        && text
            .iter()
            .try_fold(0u32, |sum, &byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
            .is_some_and(|port| port <= 65535)
}
