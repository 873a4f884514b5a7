//! One request as its client sent it, and what will be answered. The client's side only.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use crate::{Body, Moment, RequestHead, ResponseHead};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub const fn text(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address of the socket; `None` for a Unix socket.
    pub address: Option<SocketAddr>,
    /// The client: the socket's address, or what a trusted proxy said in front of it.
    pub client: Option<IpAddr>,
    /// How the client spoke: to us, or to a trusted proxy that said so.
    pub scheme: Scheme,
    /// Whether the peer is a trusted proxy.
    pub trusted: bool,
}

impl Peer {
    /// Whoever speaks plain HTTP from this address, believed in nothing yet; `None`: through a Unix socket.
    pub fn at(address: Option<SocketAddr>) -> Peer {
        let client = address.map(|address| address.ip().to_canonical());
        Peer { address, client, scheme: Scheme::Http, trusted: false }
    }
}

/// What a request under way may ask of its client's connection.
pub trait Wire {
    /// Passes on an interim answer (1xx other than 101). Clients that know none do not see it.
    fn interim(&self, head: &ResponseHead);

    /// Bytes of the request's body that have been read so far.
    fn bytes_in(&self) -> u64;
}

/// A request under way.
pub struct Exchange {
    pub head: RequestHead,
    pub body: Body,
    pub peer: Peer,
    /// When the first byte of the request had arrived.
    pub started: Moment,
    /// The client asks to switch the protocol, and may: it sends no body.
    pub upgrade: bool,
    pub wire: Rc<dyn Wire>,
}

/// A request's id, kept inline: at most 64 bytes of visible ASCII.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; 64],
    length: u8,
}

impl RequestId {
    /// An id made of 128 random bits.
    pub fn random(bits: u128) -> RequestId {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bits.to_be_bytes()) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        RequestId { text, length: 32 }
    }

    /// An id somebody else made; `None` unless it is 1–64 bytes of `A–Z a–z 0–9 - _ . : / + =`.
    pub fn accept(text: &[u8]) -> Option<RequestId> {
        let fits = !text.is_empty()
            && text.len() <= 64
            && text.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte));
        if !fits {
            return None;
        }
        let mut id = RequestId { text: [0; 64], length: text.len() as u8 };
        id.text[..text.len()].copy_from_slice(text);
        Some(id)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.length as usize]).unwrap_or_default()
    }
}

impl std::fmt::Debug for RequestId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What is answered.
#[derive(Debug)]
pub struct Response {
    pub head: ResponseHead,
    pub body: Body,
    /// What `Content-Length` is to say where there is no body: answers to HEAD, and 304.
    pub announced: Option<u64>,
}

impl Response {
    pub fn new(status: u16) -> Response {
        Response { head: ResponseHead::new(status), body: Body::Empty, announced: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_are_32_hexadecimal_digits() {
        assert_eq!(RequestId::random(0xabc).as_str(), "00000000000000000000000000000abc");
        assert_eq!(RequestId::random(u128::MAX).as_str(), "f".repeat(32));
    }

    #[test]
    fn foreign_ids_must_be_short_and_plain() {
        assert_eq!(RequestId::accept(b"a-b_1").map(|id| id.as_str().to_owned()).as_deref(), Some("a-b_1"));
        for bad in [&b""[..], b"a b", b"a\r\n", b"\xff", b"\"", &[b'a'; 65]] {
            assert!(RequestId::accept(bad).is_none());
        }
    }
}
