//! What TLS has shown of a connection, and which hosts a certificate stands for.

use std::net::IpAddr;
use std::sync::Arc;

use crate::Version;

/// What is known of a client's connection once its handshake is done.
#[derive(Debug, Default)]
pub struct Secured {
    /// The name that the client asked for (SNI), in lower case.
    pub server_name: Option<Box<str>>,
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// The version of HTTP agreed on by ALPN (RFC 7301); `None`: none was.
    pub agreed: Option<Version>,
    /// The client's certificate, verified; `None`: it has shown none.
    pub certificate: Option<Box<ClientCertificate>>,
    /// The names of the certificate that answered, where requests for others are misdirected.
    pub names: Option<Arc<Names>>,
}

/// A client's certificate, as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject's attributes, such as `CN=billing, O=Shop`.
    pub subject: Box<str>,
    /// The attributes of whoever has signed it.
    pub issuer: Box<str>,
    /// The alternative names.
    pub names: Box<[Box<str>]>,
    /// Its number with its issuer: hexadecimal digits in upper case, as `openssl x509 -serial` prints them.
    pub serial: Box<str>,
    /// SHA-256 of the certificate, 64 hexadecimal digits.
    pub fingerprint: Box<str>,
    /// When it begins to be valid, in seconds since 1970.
    pub not_before: i64,
    /// When it ceases to be valid, in seconds since 1970.
    pub not_after: i64,
    /// The certificate itself (X.509, DER); empty where only texts are known of it.
    pub der: Box<[u8]>,
}

impl Secured {
    /// Whether a request for `host` came to a connection that does not stand for it (RFC 9110 §15.5.20).
    pub fn misdirects(&self, host: &[u8]) -> bool {
        let Some(names) = &self.names else { return false };
        // HTTP/1.0 knows no hosts.
        !host.is_empty() && std::str::from_utf8(host).map_or(true, |host| !names.cover(host))
    }
}

/// The names and addresses of a certificate (RFC 9525 §6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    exact: Vec<Box<str>>,
    /// `*.shop.example` is kept as `shop.example`.
    wildcard: Vec<Box<str>>,
    addresses: Vec<IpAddr>,
}

impl Names {
    /// Adds a DNS name; `*.` at its front stands for exactly one label.
    pub fn add(&mut self, name: &str) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match name.strip_prefix("*.") {
            Some(parent) => self.wildcard.push(parent.into()),
            None => self.exact.push(name.into()),
        }
    }

    pub fn add_address(&mut self, address: IpAddr) {
        self.addresses.push(address.to_canonical());
    }

    pub fn len(&self) -> usize {
        self.exact.len() + self.wildcard.len() + self.addresses.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a name stands there letter by letter.
    pub fn has(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.exact.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether a wildcard covers a name.
    pub fn has_wildcard_for(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        name.split_once('.').is_some_and(|(label, parent)| {
            !label.is_empty() && self.wildcard.iter().any(|own| own.eq_ignore_ascii_case(parent))
        })
    }

    /// Whether the certificate stands for a host: a name, an address, or an address in brackets.
    pub fn cover(&self, host: &str) -> bool {
        self.has(host)
            || self.has_wildcard_for(host)
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| self.addresses.contains(&address.to_canonical()))
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exact = self.exact.iter().map(|name| name.to_string());
        let wildcard = self.wildcard.iter().map(|parent| format!("*.{parent}"));
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        out.write_str(&exact.chain(wildcard).chain(addresses).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::default();
        for name in ["Shop.example", "*.api.example", "localhost"] {
            names.add(name);
        }
        names.add_address([192, 0, 2, 1].into());
        names.add_address(std::net::Ipv6Addr::LOCALHOST.into());
        names
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let names = names();
        for covered in ["shop.example", "SHOP.example.", "a.api.example", "192.0.2.1", "[::1]", "localhost"] {
            assert!(names.cover(covered), "{covered}");
        }
        for other in ["api.example", "a.b.api.example", ".api.example", "a.shop.example", "192.0.2.2", "[::2]", ""] {
            assert!(!names.cover(other), "{other}");
        }
        assert_eq!(names.to_string(), "shop.example, localhost, *.api.example, 192.0.2.1, ::1");
    }

    #[test]
    fn only_where_names_are_held_to_is_a_request_misdirected() {
        assert!(!Secured::default().misdirects(b"other.example"));
        let held = Secured { names: Some(Arc::new(names())), ..Secured::default() };
        assert!(!held.misdirects(b"Shop.Example") && !held.misdirects(b""));
        assert!(held.misdirects(b"other.example"));
        assert!(held.misdirects(b"\xff.api.example"));
    }
}
