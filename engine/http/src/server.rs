//! A client's connection: which version of HTTP it speaks, and then that.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use glorieta_core::{Moment, Peer, Version};
use glorieta_net::{Stream, Timer};

use crate::h1::server::{Connection, serve_requests, wait};
use crate::h2;
use crate::service::Service;

/// So far the first line of a request of HTTP/1.1 is looked for where none is answered.
const LONGEST_LINE: usize = 8 << 10;

/// Serves one accepted connection until either side ends it.
///
/// `timer` is the connection's own: ringing its alarm makes an idle connection look at [`Service::is_closing`] and
/// end. `agreed`: the version that was agreed on by ALPN; where none was, the connection's first bytes say it (RFC 9113
/// §3.3). The future holds a few pointers while the connection waits: an argument of an `async fn` would be kept twice.
pub fn serve_connection<S: Service + 'static>(
    stream: Stream,
    timer: Timer,
    peer: Peer,
    service: S,
    agreed: Option<Version>,
) -> impl Future<Output = ()> {
    serve(Rc::new(Connection::new(stream, timer, peer)), Rc::new(service), agreed)
}

async fn serve<S: Service + 'static>(connection: Rc<Connection>, service: Rc<S>, agreed: Option<Version>) {
    let version = match agreed {
        Some(version) => Some(version),
        None if service.settings().versions.h2 => first_words(&connection, &*service).await,
        None => Some(Version::Http11),
    };
    match version {
        None => {}
        Some(Version::Http2) => {
            let parts = Rc::try_unwrap(connection).ok().and_then(Connection::into_parts);
            if let Some((stream, input, timer, peer)) = parts {
                Box::pin(h2::server::serve(stream, input, timer, peer, service)).await;
            }
        }
        Some(_) => serve_requests(connection, service).await,
    }
}

/// What a connection speaks, by its first bytes; `None`: none came.
async fn first_words<S: Service>(connection: &Connection, service: &S) -> Option<Version> {
    if !wait(connection, service, 0).await {
        return None;
    }
    let begun = Moment::now();
    connection.set_begun(begun);
    loop {
        let settings = service.settings();
        if let Some(version) = connection.with_input(|input| version_of(input, settings.versions.h1)) {
            return Some(version);
        }
        connection.settle();
        connection.timer.arm(begun.plus(settings.head_timeout));
        drop(settings);
        let read = poll_fn(|cx| match connection.poll_fill(cx) {
            Poll::Ready(read) => Poll::Ready(read.is_ok_and(|count| count > 0)),
            Poll::Pending => connection.timer.poll(cx).map(|()| false),
        });
        // A request of HTTP/1.1 that comes no further is answered as such.
        if !read.await {
            return Some(Version::Http11);
        }
    }
}

/// What is spoken, as soon as the bytes so far can be only one of both. Only the first line of HTTP/2's preface is
/// looked at: what follows a wrong one is HTTP/2's affair, and so is nonsense where nothing else is spoken. `h1`:
/// whether HTTP/1.1 is; where it is not, its requests are still known, so that they can be told so.
fn version_of(input: &[u8], h1: bool) -> Option<Version> {
    const LINE: &[u8] = b"PRI * HTTP/2.0\r\n";
    if input.starts_with(LINE) {
        return Some(Version::Http2);
    }
    if LINE.starts_with(input) {
        return None;
    }
    if h1 {
        return Some(Version::Http11);
    }
    match memchr::memchr(b'\n', input) {
        Some(end) if memchr::memmem::find(&input[..end], b" HTTP/1.").is_some() => Some(Version::Http11),
        None if input.len() < LONGEST_LINE => None,
        _ => Some(Version::Http2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    #[test]
    fn the_first_bytes_say_what_is_spoken() {
        for (bytes, version) in [
            (&b""[..], None),
            (b"P", None),
            (b"PR", None),
            (&PREFACE[..15], None),
            (&PREFACE[..16], Some(Version::Http2)),
            (PREFACE, Some(Version::Http2)),
            (b"PRI * HTTP/1.1\r\n", Some(Version::Http11)),
            (b"POST / HTTP/1.1\r\n", Some(Version::Http11)),
            (b"GET", Some(Version::Http11)),
            (b"\x16\x03", Some(Version::Http11)),
        ] {
            assert_eq!(version_of(bytes, true), version, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn where_only_http_2_is_spoken_requests_of_http_1_are_still_known() {
        for (bytes, version) in [
            (PREFACE, Some(Version::Http2)),
            (b"GET / HT", None),
            (b"GET / HTTP/1.1\r\n", Some(Version::Http11)),
            (b"nonsense\r\n", Some(Version::Http2)),
            (&[b'x'; LONGEST_LINE], Some(Version::Http2)),
        ] {
            assert_eq!(version_of(bytes, false), version, "{}", bytes.escape_ascii());
        }
    }
}
