//! Against web pages: a browser on this machine reaches the admin address, and with it any page that it shows.
//!
//! A page of another origin may send requests but not read the answers, unless its name is made to point here
//! (DNS rebinding): then `Host` has that name. So names are refused unless they are known, and whatever says
//! that it comes from another origin is refused as well.

use std::net::IpAddr;

use glorieta_core::{Name, RequestHead};

/// Why a request is refused: the status, and a line for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) text: &'static str,
}

const HOST: Refusal = Refusal {
    status: 421,
    text: "this name is not served here; use an address or localhost, or add it to admin.hosts",
};
const ORIGIN: Refusal = Refusal { status: 403, text: "requests from pages of another origin are refused" };

/// Looks at where a request comes from.
pub(super) fn check(head: &RequestHead, hosts: &[String]) -> Result<(), Refusal> {
    if !host_is_known(head, hosts) {
        return Err(HOST);
    }
    let foreign = head.fields.all(Name::Origin).any(|origin| !is_same(origin, head.authority()))
        || head.fields.all_named(b"Sec-Fetch-Site").any(|site| !matches!(site, b"same-origin" | b"none"));
    if foreign { Err(ORIGIN) } else { Ok(()) }
}

fn host_is_known(head: &RequestHead, hosts: &[String]) -> bool {
    let host = head.host();
    // Only HTTP/1.0 may come without; browsers never do.
    if host.is_empty() || host.eq_ignore_ascii_case(b"localhost") || is_address(host) {
        return true;
    }
    let named = |known: &String| {
        host.eq_ignore_ascii_case(known.as_bytes()) || head.authority().eq_ignore_ascii_case(known.as_bytes())
    };
    hosts.iter().any(named)
}

/// An address cannot be made to point elsewhere.
fn is_address(host: &[u8]) -> bool {
    let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
    let address = std::str::from_utf8(inner.unwrap_or(host)).ok().and_then(|text| text.parse::<IpAddr>().ok());
    address.is_some_and(|address| address.is_ipv6() == inner.is_some())
}

/// Whether an origin is that of this request. TLS may end in front of us, so either scheme will do.
fn is_same(origin: &[u8], authority: &[u8]) -> bool {
    let Some(colon) = origin.windows(3).position(|window| window == b"://") else { return false };
    let (scheme, place) = (&origin[..colon], &origin[colon + 3..]);
    let known = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    known && !place.is_empty() && place.eq_ignore_ascii_case(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(host: &str, fields: &[(&str, &str)]) -> u16 {
        let mut head = RequestHead::build("GET", host, "/", None);
        for (name, value) in fields {
            head.fields.add_named(name.as_bytes(), value.as_bytes());
        }
        let hosts = ["admin.example".to_owned(), "other.example:9900".to_owned()];
        check(&head, &hosts).map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn names_that_could_be_rebound_are_misdirected() {
        for (host, status) in [
            ("127.0.0.1:9900", 200),
            ("10.1.2.3", 200),
            ("[::1]:9900", 200),
            ("[::ffff:127.0.0.1]", 200),
            ("localhost", 200),
            ("LocalHost:9900", 200),
            ("admin.example", 200),
            ("Admin.Example:1234", 200),
            ("other.example:9900", 200),
            ("other.example", 421),
            ("other.example:1", 421),
            ("", 200),
            ("evil.example", 421),
            ("localhost.evil.example", 421),
            ("evil.localhost", 421),
            ("127.0.0.1.evil.example", 421),
            ("0x7f.1", 421),
            ("127.1", 421),
            ("2130706433", 421),
            ("[::1", 421),
            ("[evil.example]", 421),
            ("[127.0.0.1]", 421),
        ] {
            assert_eq!(said(host, &[]), status, "{host}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let table: &[(&[(&str, &str)], u16)] = &[
            (&[("Origin", "http://localhost:9900")], 200),
            (&[("Origin", "HTTP://LOCALHOST:9900")], 200),
            (&[("Origin", "https://localhost:9900")], 200),
            (&[("Origin", "http://localhost")], 403),
            (&[("Origin", "http://localhost:99000")], 403),
            (&[("Origin", "http://evil.example")], 403),
            (&[("Origin", "file://localhost:9900")], 403),
            (&[("Origin", "null")], 403),
            (&[("Origin", "")], 403),
            (&[("Origin", "http://")], 403),
            (&[("Origin", "http://localhost:9900"), ("Origin", "http://evil.example")], 403),
            (&[("Sec-Fetch-Site", "same-origin")], 200),
            (&[("Sec-Fetch-Site", "none")], 200),
            (&[("Sec-Fetch-Site", "same-site")], 403),
            (&[("Sec-Fetch-Site", "cross-site")], 403),
            (&[("sec-fetch-site", "nonsense")], 403),
        ];
        for (fields, status) in table {
            assert_eq!(said("localhost:9900", fields), *status, "{fields:?}");
        }
        assert_eq!(said("", &[("Origin", "http://")]), 403);
    }
}
