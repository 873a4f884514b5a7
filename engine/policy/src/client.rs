//! Who the client is, where trusted proxies stand in front.
//!
//! Each proxy appends the address it saw, so only the right end of the list can be believed: the
//! walk goes from right to left while hops are trusted, and ends at the first that is not. What an
//! untrusted peer says is never read (attack 34).

use std::net::{IpAddr, SocketAddr};

use glorieta_core::{Fields, Name, Scheme};
use smallvec::SmallVec;

use crate::Networks;

/// The client's address, the scheme it spoke as a trusted proxy says, and whether the peer is one.
///
/// `X-Forwarded-For` wins over `Forwarded` (RFC 7239) where both came: most proxies append to the
/// first and pass the second on unread. A hop that is no address ends the walk at the hop before.
/// The scheme is `None` where the peer is not trusted or says nothing: then the connection's own is meant.
pub fn resolve(peer: Option<IpAddr>, fields: &Fields, trusted: &Networks) -> (Option<IpAddr>, Option<Scheme>, bool) {
    let Some(peer) = peer else { return (None, None, false) };
    let peer = peer.to_canonical();
    if trusted.is_empty() || !trusted.contains(peer) {
        return (Some(peer), None, false);
    }
    let said = fields.all(Name::XForwardedProto).last().and_then(|value| value.rsplit(|&byte| byte == b',').next());
    let said = said.and_then(parse_scheme);
    if fields.has(Name::XForwardedFor) {
        return (Some(walk_x_forwarded_for(peer, fields, trusted)), said, true);
    }
    let (client, forwarded) = walk_forwarded(peer, fields, trusted);
    (Some(client), said.or(forwarded), true)
}

fn walk_x_forwarded_for(peer: IpAddr, fields: &Fields, trusted: &Networks) -> IpAddr {
    let mut client = peer;
    for field in fields.list.iter().rev().filter(|field| field.name == Name::XForwardedFor) {
        for hop in fields.text(field.value_span).rsplit(|&byte| byte == b',') {
            let hop = hop.trim_ascii();
            if hop.is_empty() {
                continue;
            }
            let Some(address) = parse_address(hop) else { return client };
            client = address;
            if !trusted.contains(address) {
                return client;
            }
        }
    }
    client
}

fn walk_forwarded(peer: IpAddr, fields: &Fields, trusted: &Networks) -> (IpAddr, Option<Scheme>) {
    let (mut client, mut scheme) = (peer, None);
    for field in fields.list.iter().rev().filter(|field| field.name == Name::Forwarded) {
        let elements: SmallVec<[&[u8]; 8]> = split_quoted(fields.text(field.value_span), b',').collect();
        for element in elements.into_iter().rev() {
            let Some(address) = parameter(element, b"for").and_then(parse_address) else { return (client, scheme) };
            client = address;
            scheme = parameter(element, b"proto").and_then(parse_scheme).or(scheme);
            if !trusted.contains(address) {
                return (client, scheme);
            }
        }
    }
    (client, scheme)
}

/// The pieces of a field value between separators that do not stand in a quoted string.
fn split_quoted(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |&byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        }
        !quoted && byte == separator
    })
}

/// The value of a parameter of one element of `Forwarded`, quotes taken off. Escapes inside the
/// quotes are left: no address has any, so that it will not be read as one.
fn parameter<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    split_quoted(element, b';').find_map(|pair| {
        let equals = memchr::memchr(b'=', pair)?;
        let (key, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        key.eq_ignore_ascii_case(name).then(|| unquoted.unwrap_or(value))
    })
}

/// An address, in brackets or not, with a port or not.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

fn parse_scheme(text: &[u8]) -> Option<Scheme> {
    match text.trim_ascii() {
        text if text.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        text if text.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in list {
            fields.add_named(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn client(peer: &str, list: &[(&str, &str)]) -> (String, Option<Scheme>, bool) {
        let trusted = Networks::parse(&["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()]).unwrap();
        let (client, scheme, trusted) = resolve(Some(peer.parse().unwrap()), &fields(list), &trusted);
        (client.unwrap().to_string(), scheme, trusted)
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        let said = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=2.2.2.2")];
        assert_eq!(client("9.9.9.9", &said), ("9.9.9.9".into(), None, false));
        assert_eq!(resolve(None, &fields(&said), &Networks::default()), (None, None, false));
    }

    #[test]
    fn the_walk_ends_at_the_rightmost_untrusted_hop() {
        let table: &[(&[&str], &str)] = &[
            (&["1.1.1.1"], "1.1.1.1"),
            (&["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (&["6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            (&["6.6.6.6", "1.1.1.1 ,10.0.0.3"], "1.1.1.1"),
            (&["10.0.0.5, 10.0.0.4"], "10.0.0.5"),
            (&["1.1.1.1:4711"], "1.1.1.1"),
            (&["[2001:db8::1]:80"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["2001:db8::1, fd00::7"], "2001:db8::1"),
            (&["::ffff:1.1.1.1"], "1.1.1.1"),
            (&["1.1.1.1, garbage, 10.0.0.4"], "10.0.0.4"),
            (&["1.1.1.1, unknown"], "10.0.0.1"),
            (&["1.1.1.1,, "], "1.1.1.1"),
            (&[""], "10.0.0.1"),
            (&["1.1.1.1\" "], "10.0.0.1"),
        ];
        for (values, expected) in table {
            let list: Vec<_> = values.iter().map(|&value| ("x-forwarded-for", value)).collect();
            assert_eq!(client("10.0.0.1", &list).0, *expected, "{values:?}");
        }
    }

    #[test]
    fn forwarded_is_read_where_nothing_else_came() {
        let table: &[(&str, &str, Option<Scheme>)] = &[
            ("for=1.1.1.1;proto=https", "1.1.1.1", Some(Scheme::Https)),
            ("For=\"[2001:db8::1]:4711\"; Proto=HTTP", "2001:db8::1", Some(Scheme::Http)),
            ("for=6.6.6.6;proto=https, for=1.1.1.1;proto=http, for=10.0.0.9", "1.1.1.1", Some(Scheme::Http)),
            ("for=1.1.1.1, for=_hidden", "10.0.0.1", None),
            ("for=1.1.1.1, by=\"a,for=6.6.6.6;\\\"\";for=10.0.0.8", "1.1.1.1", None),
            ("for=\"1.1.1.1", "10.0.0.1", None),
            ("proto=https", "10.0.0.1", None),
        ];
        for &(value, expected, scheme) in table {
            assert_eq!(client("10.0.0.1", &[("Forwarded", value)]), (expected.into(), scheme, true), "{value}");
        }
        let both = [("Forwarded", "for=2.2.2.2"), ("X-Forwarded-For", "1.1.1.1")];
        assert_eq!(client("10.0.0.1", &both).0, "1.1.1.1");
    }

    #[test]
    fn the_scheme_is_the_one_that_the_peer_itself_said() {
        for (value, scheme) in [
            ("https", Some(Scheme::Https)),
            ("HTTP", Some(Scheme::Http)),
            ("http, https", Some(Scheme::Https)),
            ("gopher", None),
            ("", None),
        ] {
            assert_eq!(client("::ffff:10.0.0.1", &[("X-Forwarded-Proto", value)]), ("10.0.0.1".into(), scheme, true));
        }
    }

    proptest! {
        #[test]
        fn what_a_client_puts_in_front_changes_nothing(forged in "[0-9a-z.:,\\[\\]\" ]{0,40}") {
            let value = format!("{forged}, 1.1.1.1, 10.0.0.2");
            prop_assert_eq!(client("10.0.0.1", &[("X-Forwarded-For", &value)]).0, "1.1.1.1");
        }
    }
}
