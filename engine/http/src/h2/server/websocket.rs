//! WebSockets within a stream (RFC 8441): an extended CONNECT becomes the request for an upgrade that HTTP/1.1 knows,
//! and what is switched to is passed between the stream and the other connection.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Method, Name, RequestHead, Response, ResponseHead};
use glorieta_net::Stream;
use h2::RecvStream;

use super::tunnel::Tunnel;
use super::wire::StreamWire;
use crate::multiplexed::response_out;
use crate::service::{Record, Service};

/// Answers the client's key, which this client never sees.
const ACCEPT: &[u8] = b"Sec-WebSocket-Accept";

/// Makes a request for an upgrade of an extended CONNECT.
///
/// # Errors
/// `protocol_unknown`: another protocol than WebSocket is asked for.
pub fn translate(protocol: &str, head: &mut RequestHead) -> Result<(), Error> {
    if protocol != "websocket" {
        return Err(Error::because(Kind::ProtocolUnknown, "websocket is the only protocol that streams can carry"));
    }
    head.method = Method::Get;
    head.method_span = head.fields.push_text(b"GET");
    head.fields.remove(Name::ContentLength);
    head.fields.set(Name::Connection, b"Upgrade");
    head.fields.set(Name::Upgrade, b"websocket");
    head.fields.set(Name::SecWebSocketKey, &key());
    Ok(())
}

/// 16 random bytes in base64 (RFC 6455 §4.1): 21 whole digits, and one of which two bits count.
fn key() -> [u8; 24] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut key = [b'='; 24];
    for digit in &mut key[..21] {
        *digit = DIGITS[fastrand::usize(..64)];
    }
    key[21] = DIGITS[fastrand::usize(..4) << 4];
    key
}

/// An answer that opens no WebSocket. One that speaks of success would say to this client that there is one.
pub fn refused<R: Record>(response: Response, mut record: R) -> (Response, R) {
    if !(200..300).contains(&response.head.status) {
        return (response, record);
    }
    let error = Error::because(Kind::ResponseMalformed, "a WebSocket was asked for, and success without one answered");
    record.fail(&error);
    let response = record.instead(&error);
    (response, record)
}

/// What was switched to.
pub struct Opened {
    pub head: ResponseHead,
    pub upstream: Stream,
    /// Bytes of the new protocol that came with the head.
    pub leftover: Bytes,
    pub idle: Duration,
}

/// Says that the WebSocket is open, and passes it on until either side ends it.
pub async fn pass<S: Service>(
    wire: &StreamWire,
    service: &S,
    stream: RecvStream,
    opened: Opened,
    mut record: S::Record,
) {
    let Opened { mut head, upstream, leftover, idle } = opened;
    head.status = 200;
    head.fields.remove_named(ACCEPT);
    let response = response_out(&head, Method::Connect, None, Some(&service.date()));
    let Some(send) = wire.respond(response, false) else {
        return record.fail(&Error::new(Kind::ClientGone));
    };
    drop(head);
    let mut tunnel = Tunnel::new(stream, send, upstream, leftover, idle);
    let end = poll_fn(|cx| tunnel.poll(cx)).await;
    record.tunnelled(&tunnel.report(end));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extended_connect_becomes_a_request_for_an_upgrade() {
        let mut head = RequestHead::build("CONNECT", "a.example", "/chat", None);
        head.fields.add_named(b"content-length", b"3");
        translate("websocket", &mut head).unwrap();
        assert_eq!((head.method, head.method_text(), head.path()), (Method::Get, &b"GET"[..], &b"/chat"[..]));
        assert_eq!(head.fields.get(Name::Upgrade), Some(&b"websocket"[..]));
        assert_eq!(head.fields.get(Name::Connection), Some(&b"Upgrade"[..]));
        assert!(!head.fields.has(Name::ContentLength));
        assert_eq!(translate("connect-udp", &mut head).unwrap_err().kind, Kind::ProtocolUnknown);
    }

    #[test]
    fn keys_are_sixteen_bytes() {
        for _ in 0..100 {
            let key = key();
            assert!(key.ends_with(b"==") && b"AQgw".contains(&key[21]), "{}", key.escape_ascii());
            assert!(key[..21].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)));
        }
    }
}
