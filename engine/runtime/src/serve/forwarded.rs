//! What is said about the client to the upstream, and what is believed of what the client said.
//!
//! `X-Forwarded-*`, `Forwarded` (RFC 7239), `Via` (RFC 9110 §7.6.3), `X-Request-ID`. All of the first two kinds
//! that an untrusted peer sent are removed before anything is added (attack 34).

use std::io::Write;
use std::net::IpAddr;

use glorieta_core::{Fields, Name, Peer, ResponseHead, Version};

use super::Request;
use crate::mirror;
use crate::snapshot::Listener;

/// An address as text, made once per connection.
#[derive(Clone, Copy)]
pub struct PeerText {
    text: [u8; 45],
    length: u8,
}

impl PeerText {
    pub fn new(peer: &Peer) -> PeerText {
        let mut made = PeerText { text: [0; 45], length: 0 };
        if let Some(address) = peer.address {
            let mut rest = &mut made.text[..];
            // The longest address fits; were it cut, it would only be shorter.
            let _ = write!(rest, "{}", address.ip().to_canonical());
            made.length = 45 - rest.len() as u8;
        }
        made
    }

    /// Empty for a Unix socket.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length as usize]
    }
}

/// Removes what only a trusted proxy may say.
pub fn remove_forged(fields: &mut Fields) {
    let Fields { block, list } = fields;
    list.retain(|field| match field.name {
        Name::XForwardedFor
        | Name::XForwardedProto
        | Name::XForwardedHost
        | Name::XForwardedPort
        | Name::XForwardedPrefix
        | Name::XRealIp
        | Name::Forwarded
        | Name::XRequestId => false,
        Name::Other => !is_claim(field.name_span.of(block)),
        _ => true,
    });
}

/// Whether an unknown name is one of these in disguise: `X-Forwarded-` anything, or an underscore for a dash, which
/// services behind CGI and its kin cannot tell apart (attack 33); and that a request is only a copy of one.
fn is_claim(name: &[u8]) -> bool {
    const CLAIMS: [&[u8]; 4] = [b"x-forwarded-", b"x-real-ip", b"x-request-id", mirror::MARK];
    matches!(name.first(), Some(b'x' | b'X' | b'g' | b'G'))
        && CLAIMS.iter().any(|claim| {
            let whole = claim.ends_with(b"-") || name.len() == claim.len();
            whole && name.get(..claim.len()).is_some_and(|start| Fields::is_alike(start, claim))
        })
}

/// Adds what the listener is set to say.
pub fn add(request: &mut Request, peer_text: &PeerText) {
    let view = request.view.clone();
    let listener = &view.listener;
    let address = peer_text.as_bytes();
    if listener.forwarded.x_forwarded {
        if !address.is_empty() {
            append(&mut request.head.fields, Name::XForwardedFor, b", ", address);
        }
        let scheme = request.peer.scheme.text().as_bytes();
        set_if_missing(&mut request.head.fields, Name::XForwardedProto, scheme);
        if request.head.authority.length > 0 && !request.head.fields.has(Name::XForwardedHost) {
            // The value already stands in the head.
            let value_span = request.head.authority;
            add_span(&mut request.head.fields, Name::XForwardedHost, value_span);
        }
    }
    if listener.forwarded.forwarded {
        let element = element(request);
        append(&mut request.head.fields, Name::Forwarded, b", ", &element);
    }
    if listener.request_id.request {
        let id = request.id;
        request.head.fields.set(Name::XRequestId, id.as_str().as_bytes());
    }
    if listener.forwarded.via {
        let via = via(request.head.version, listener);
        append(&mut request.head.fields, Name::Via, b", ", &via);
    }
}

/// Says `Via` in an answer; `version` is the endpoint's.
pub fn add_via(head: &mut ResponseHead, listener: &Listener) {
    if listener.forwarded.via {
        let via = via(head.version, listener);
        append(&mut head.fields, Name::Via, b", ", &via);
    }
}

fn via(version: Version, listener: &Listener) -> Vec<u8> {
    let version: &[u8] = match version {
        Version::Http10 => b"1.0 ",
        Version::Http11 => b"1.1 ",
        Version::Http2 => b"2 ",
        Version::Http3 => b"3 ",
    };
    [version, listener.via.as_bytes()].concat()
}

/// An element of `Forwarded`: `for=192.0.2.1;host="a.example:80";proto=http`. It tells of the peer and how it spoke to
/// us; what came before stands in the elements before (RFC 7239 §4).
fn element(request: &Request) -> Vec<u8> {
    let mut element = Vec::with_capacity(96);
    element.extend_from_slice(b"for=");
    // Writing to a Vec cannot fail.
    let _ = match request.peer.address.map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => write!(element, "{address}"),
        Some(IpAddr::V6(address)) => write!(element, "\"[{address}]\""),
        None => write!(element, "unknown"),
    };
    let authority = request.head.authority();
    if !authority.is_empty() {
        element.extend_from_slice(b";host=");
        let quoted = !Fields::is_token(authority);
        let quote: &[u8] = if quoted { b"\"" } else { b"" };
        element.extend_from_slice(quote);
        element.extend_from_slice(authority);
        element.extend_from_slice(quote);
    }
    element.extend_from_slice(b";proto=");
    element.extend_from_slice(request.spoken.text().as_bytes());
    element
}

/// Appends to the last field of that name, or adds one.
fn append(fields: &mut Fields, name: Name, separator: &[u8], value: &[u8]) {
    let Some(index) = fields.list.iter().rposition(|field| field.name == name) else {
        fields.add(name, value);
        return;
    };
    let before = fields.text(fields.list[index].value_span).to_vec();
    let start = fields.block.len();
    fields.block.extend_from_slice(&before);
    fields.block.extend_from_slice(separator);
    fields.block.extend_from_slice(value);
    fields.list[index].value_span = glorieta_core::Span::new(start, fields.block.len());
}

fn set_if_missing(fields: &mut Fields, name: Name, value: &[u8]) {
    if !fields.has(name) {
        fields.add(name, value);
    }
}

fn add_span(fields: &mut Fields, name: Name, value_span: glorieta_core::Span) {
    let name_span = fields.push_text(name.text().as_bytes());
    fields.list.push(glorieta_core::Field { name, name_span, value_span });
}

/// Adds the stripped prefix behind one that a trusted proxy has stripped before.
pub fn add_prefix(fields: &mut Fields, prefix: &[u8]) {
    append(fields, Name::XForwardedPrefix, b"", prefix);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_known_in_every_disguise() {
        for claim in ["X-Forwarded-User", "x_forwarded_for", "X-Forwarded_Proto", "X_Real_IP", "x_request_id"] {
            assert!(is_claim(claim.as_bytes()), "{claim}");
        }
        for honest in ["X-Forward", "X-Real-IP-2", "X-User", "Accept", "X", ""] {
            assert!(!is_claim(honest.as_bytes()), "{honest}");
        }
    }
}
