//! WebSockets within streams (RFC 8441, RFC 9220). Above, a WebSocket is what HTTP/1.1 knows: a request for an upgrade,
//! and 101. A client's extended CONNECT becomes such a request; towards an endpoint such a request becomes an extended
//! CONNECT. Keys prove to HTTP/1.1's clients that they were understood; streams have none, so that they are made and
//! answered here.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use glorieta_core::{Error, Kind, Method, Name, RequestHead, Response, ResponseHead};
use glorieta_net::{Carried, Stream, TunnelOptions, tunnel};
use http::Request;
use http::uri::Scheme;

use super::{request_out, response_out};
use crate::service::{Record, Reply};

/// The value of `:protocol`, and of `Upgrade`.
pub const WEBSOCKET: &str = "websocket";
/// Answers the client's key.
const ACCEPT: &[u8] = b"Sec-WebSocket-Accept";
const KEY: &str = "sec-websocket-key";
/// What a key is followed by before it is hashed (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A key's bytes, before they are written in base64 (RFC 6455 §4.1).
const KEY_BYTES: usize = 16;

/// Makes a request for an upgrade of a client's extended CONNECT.
///
/// # Errors
/// `protocol_unknown`: another protocol than WebSocket is asked for.
pub(crate) fn ask(protocol: &str, head: &mut RequestHead) -> Result<(), Error> {
    if protocol != WEBSOCKET {
        return Err(Error::because(Kind::ProtocolUnknown, "websocket is the only protocol that streams can carry"));
    }
    head.method = Method::Get;
    head.method_span = head.fields.push_text(b"GET");
    head.fields.remove(Name::ContentLength);
    head.fields.set(Name::Connection, b"Upgrade");
    head.fields.set(Name::Upgrade, WEBSOCKET.as_bytes());
    let key = BASE64_STANDARD.encode(fastrand::u128(..).to_ne_bytes());
    head.fields.set(Name::SecWebSocketKey, key.as_bytes());
    Ok(())
}

/// How a request of a stream is answered.
pub(crate) enum Outcome<R> {
    Answer(Response, R),
    Open(Box<Opened<R>>),
}

/// A WebSocket that is open.
pub(crate) struct Opened<R> {
    head: ResponseHead,
    upstream: Stream,
    /// Bytes that came with the head.
    leftover: Bytes,
    /// How long nothing may move.
    idle: Duration,
    pub(crate) record: R,
}

/// What a reply comes to; `asked`: for a WebSocket. Nobody is switched who has not asked for it.
pub(crate) fn outcome<R: Record>(reply: Reply<R>, asked: bool) -> Outcome<R> {
    match (reply, asked) {
        (Reply::Answer(response, record), false) => Outcome::Answer(response, record),
        (Reply::Answer(response, record), true) => refused(response, record),
        (Reply::Switch { head, upstream, leftover, idle, record }, true) => {
            Outcome::Open(Box::new(Opened { head, upstream: *upstream, leftover, idle, record }))
        }
        (Reply::Switch { mut record, .. }, false) => {
            let error = Error::because(Kind::ResponseMalformed, "a protocol that was not asked for");
            let response = record.instead(&error);
            Outcome::Answer(response, record)
        }
    }
}

/// An answer that opens no WebSocket. One that speaks of success would say to the client of a stream that there is one.
fn refused<R: Record>(response: Response, mut record: R) -> Outcome<R> {
    if !(200..300).contains(&response.head.status) {
        return Outcome::Answer(response, record);
    }
    let error = Error::because(Kind::ResponseMalformed, "a WebSocket was asked for, and success without one answered");
    record.fail(&error);
    let response = record.instead(&error);
    Outcome::Answer(response, record)
}

impl<R: Record> Opened<R> {
    /// What the client is told of it.
    pub(crate) fn head(&mut self, date: &[u8]) -> http::Response<()> {
        self.head.status = 200;
        self.head.fields.remove_named(ACCEPT);
        response_out(&self.head, Method::Connect, None, Some(date))
    }

    /// Passes bytes on until either side ends it.
    pub(crate) async fn pass(self, client: impl Carried + 'static) {
        let Opened { upstream, leftover, idle, mut record, .. } = self;
        let client = Stream::Carried(Box::new(client));
        let report = tunnel(client, upstream, Bytes::new(), leftover, TunnelOptions { idle }).await;
        record.tunnelled(&report);
    }
}

/// Whether a request for this upgrade can be sent by a stream.
pub fn is_asked_for(upgrade: &[u8]) -> bool {
    upgrade.eq_ignore_ascii_case(WEBSOCKET.as_bytes())
}

/// A request for a WebSocket as it is sent to an endpoint, but for its protocol, which each library has its own way to
/// say; and what its key is answered with.
///
/// # Errors
/// `head_malformed`: it is no such request.
pub(crate) fn ask_out(head: &RequestHead, scheme: Scheme) -> Result<(Request<()>, String), Error> {
    let malformed = |detail| Error::because(Kind::HeadMalformed, detail);
    if head.method != Method::Get {
        return Err(malformed("a WebSocket is asked for by GET"));
    }
    let accept = accept(head).ok_or_else(|| malformed("Sec-WebSocket-Key is not 16 bytes in base64"))?;
    let mut request = request_out(head, scheme, None)?;
    *request.method_mut() = http::Method::CONNECT;
    request.headers_mut().remove(KEY);
    Ok((request, accept))
}

/// An endpoint's answer that opens a WebSocket, as HTTP/1.1 says it.
pub(crate) fn opened(head: &mut ResponseHead, accept: &str) {
    head.status = 101;
    head.fields.remove(Name::ContentLength);
    head.fields.set(Name::Upgrade, WEBSOCKET.as_bytes());
    head.fields.set_named(ACCEPT, accept.as_bytes());
}

/// The answer to a request's key; `None`: it has none, or more than one.
fn accept(head: &RequestHead) -> Option<String> {
    let mut keys = head.fields.all(Name::SecWebSocketKey);
    let (key, None) = (keys.next()?, keys.next()) else { return None };
    let is_key = BASE64_STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
    is_key.then(|| {
        // RFC 6455 has it so; nothing is kept secret by it.
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
        BASE64_STANDARD.encode(digest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgrade() -> RequestHead {
        let mut head = RequestHead::build("CONNECT", "a.example", "/chat", None);
        head.fields.add_named(b"content-length", b"3");
        ask("websocket", &mut head).unwrap();
        head
    }

    #[test]
    fn an_extended_connect_becomes_a_request_for_an_upgrade_and_that_an_extended_connect() {
        let mut head = upgrade();
        assert_eq!((head.method, head.method_text(), head.path()), (Method::Get, &b"GET"[..], &b"/chat"[..]));
        assert_eq!(head.fields.get(Name::Upgrade), Some(&b"websocket"[..]));
        assert_eq!(head.fields.get(Name::Connection), Some(&b"Upgrade"[..]));
        assert!(!head.fields.has(Name::ContentLength));
        head.fields.set(Name::Host, b"a.example");
        head.fields.add_named(b"Sec-WebSocket-Version", b"13");
        let (request, _) = ask_out(&head, Scheme::HTTPS).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("CONNECT", "https://a.example/chat")
        );
        let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["sec-websocket-version"]);
    }

    #[test]
    fn other_protocols_are_unknown() {
        let mut head = RequestHead::build("CONNECT", "a.example", "/chat", None);
        assert_eq!(ask("connect-udp", &mut head).unwrap_err().kind, Kind::ProtocolUnknown);
        assert!(is_asked_for(b"WebSocket") && !is_asked_for(b"chat") && !is_asked_for(b"websocket, chat"));
    }

    #[test]
    fn a_key_is_answered_as_rfc_6455_says() {
        let mut head = RequestHead::build("GET", "a.example", "/", None);
        assert_eq!(accept(&head), None);
        head.fields.add(Name::SecWebSocketKey, b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&head).as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        head.fields.add(Name::SecWebSocketKey, b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&head), None);
        for wrong in [&b""[..], b"dGhlIHNhbXBsZSBub25jZQ", b"dGhlIHNhbXBsZSBub25j", b"dGhlIHNhbXBsZSBub25jZQ=\xff"] {
            head.fields.set(Name::SecWebSocketKey, wrong);
            assert_eq!(ask_out(&head, Scheme::HTTP).unwrap_err().kind, Kind::HeadMalformed, "{}", wrong.escape_ascii());
        }
        // Ours are such keys.
        assert!((0..100).all(|_| accept(&upgrade()).is_some()));
    }

    #[test]
    fn a_web_socket_is_asked_for_by_get() {
        let mut head = upgrade();
        head.method = Method::Post;
        assert_eq!(ask_out(&head, Scheme::HTTP).unwrap_err().kind, Kind::HeadMalformed);
    }

    #[test]
    fn success_is_switching_to_http_1_1() {
        let mut head = ResponseHead::new(200);
        head.fields.add(Name::ContentLength, b"7");
        head.fields.add_named(b"Sec-WebSocket-Accept", b"something");
        opened(&mut head, "answer");
        assert_eq!((head.status, head.fields.get(Name::Upgrade)), (101, Some(&b"websocket"[..])));
        assert_eq!(head.fields.all_named(ACCEPT).collect::<Vec<_>>(), [b"answer"]);
        assert!(!head.fields.has(Name::ContentLength));
    }
}
