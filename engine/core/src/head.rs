//! The heads of messages: request line or status line, and fields.

use crate::{Fields, Method, Span};

/// The protocol version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Http10,
    Http11,
    Http2,
    Http3,
}

impl Version {
    pub const fn text(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2",
            Version::Http3 => "HTTP/3",
        }
    }
}

/// A request's head. All text lies in `fields.block`.
///
/// `path` is the normalised path: the value that is matched, logged and forwarded. The codec
/// fills it with the path as received and `policy::path::normalise` replaces it. `authority` is
/// lower-case host and optional port, from the absolute form or from `Host` (RFC 9112 §3.3).
#[derive(Clone, Debug)]
pub struct RequestHead {
    pub method: Method,
    /// The method's text, for `Method::Other` and for writing.
    pub method_span: Span,
    pub version: Version,
    /// The path, without the query; `*` for `OPTIONS *`.
    pub path: Span,
    /// The query without `?`; `None` if there was no `?`.
    pub query: Option<Span>,
    /// Host and port as received; empty only where HTTP/1.0 came without `Host`.
    pub authority: Span,
    pub fields: Fields,
}

impl Default for RequestHead {
    fn default() -> Self {
        RequestHead {
            method: Method::Get,
            method_span: Span::default(),
            version: Version::Http11,
            path: Span::default(),
            query: None,
            authority: Span::default(),
            fields: Fields::default(),
        }
    }
}

impl RequestHead {
    /// A head made here rather than received: for probes, handlers and tests.
    pub fn build(method: &str, authority: &str, path: &str, query: Option<&str>) -> RequestHead {
        let mut head = RequestHead { method: Method::parse(method.as_bytes()), ..RequestHead::default() };
        head.method_span = head.fields.push_text(method.as_bytes());
        head.authority = head.fields.push_text(authority.as_bytes());
        head.path = head.fields.push_text(path.as_bytes());
        head.query = query.map(|query| head.fields.push_text(query.as_bytes()));
        head
    }

    pub fn method_text(&self) -> &[u8] {
        self.fields.text(self.method_span)
    }

    pub fn path(&self) -> &[u8] {
        self.fields.text(self.path)
    }

    pub fn query(&self) -> Option<&[u8]> {
        self.query.map(|query| self.fields.text(query))
    }

    pub fn authority(&self) -> &[u8] {
        self.fields.text(self.authority)
    }

    /// The authority without its port, letter case as received; brackets of IPv6 kept.
    pub fn host(&self) -> &[u8] {
        let authority = self.authority();
        if authority.first() == Some(&b'[') {
            let end = authority.iter().position(|&byte| byte == b']').map_or(authority.len(), |end| end + 1);
            return &authority[..end];
        }
        match authority.iter().position(|&byte| byte == b':') {
            Some(colon) => &authority[..colon],
            None => authority,
        }
    }

    pub fn set_path(&mut self, path: &[u8]) {
        self.path = self.fields.push_text(path);
    }

    pub fn set_query(&mut self, query: Option<&[u8]>) {
        self.query = query.map(|query| self.fields.push_text(query));
    }

    pub fn set_authority(&mut self, authority: &[u8]) {
        self.authority = self.fields.push_text(authority);
    }
}

/// A response's head.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    pub status: u16,
    pub version: Version,
    /// The reason phrase as received; empty means: write the usual one.
    pub reason: Span,
    pub fields: Fields,
}

impl ResponseHead {
    pub fn new(status: u16) -> ResponseHead {
        ResponseHead { status, version: Version::Http11, reason: Span::default(), fields: Fields::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_the_authority_without_its_port() {
        for (authority, host) in [
            ("a.example", "a.example"),
            ("a.example:80", "a.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            let head = RequestHead::build("GET", authority, "/", None);
            assert_eq!(head.host(), host.as_bytes());
        }
    }
}
