//! Calls of gRPC: how long they may take, how they fail, and what became of them.
//!
//! A call fails with the status 200 of HTTP and a status of its own, in a head that is all of the answer
//! ("Trailers-Only"); where it went well that stands in the trailers, which are watched as they pass.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use glorieta_core::{Body, BodySource, Error, Fields, Frame, Moment, Name, RequestHead, Response};
use glorieta_filters::WebAnswer;
use glorieta_http::h1::codec::reason_phrase;
use glorieta_policy::grpc::{self, Dialect};

use super::Request;

/// The fields that say how a call has ended.
const ENDINGS: [&[u8]; 3] = [b"grpc-status", b"grpc-message", b"grpc-status-details-bin"];

/// What became of a call; `None` while nobody knows.
pub type Status = Rc<Cell<Option<u16>>>;

/// The earlier of a route's deadline and the caller's own.
pub fn deadline(head: &RequestHead, started: Moment, of_route: Option<Moment>) -> Option<Moment> {
    let own = head.fields.get_named(b"grpc-timeout").and_then(grpc::timeout).map(|timeout| started.plus(timeout));
    match (own, of_route) {
        (Some(own), Some(of_route)) => Some(own.min(of_route)),
        (own, of_route) => own.or(of_route),
    }
}

/// An error as a caller of gRPC understands it: the same for everybody, with the request's id.
pub fn failed(error: &Error, request: &Request) -> Response {
    let mut response = Response::new(200);
    let fields = &mut response.head.fields;
    let content_type = request.head.fields.get(Name::ContentType).unwrap_or_default();
    fields.add(Name::ContentType, &Dialect::Grpc.translate(content_type));
    fields.add(Name::XRequestId, request.id.as_str().as_bytes());
    fields.add_named(b"grpc-status", grpc::status_of(error.kind).to_string().as_bytes());
    let title = reason_phrase(error.kind.status());
    fields.add_named(b"grpc-message", format!("{title} (request_id: {})", request.id.as_str()).as_bytes());
    response
}

/// Watches how an answer ends, and brings it into the form that the caller asked in.
pub fn present(dialect: Dialect, bridged: bool, response: &mut Response) -> Status {
    let said = response.head.fields.get_named(b"grpc-status").and_then(grpc::read_status);
    let status = Rc::new(Cell::new(said.or(match (response.head.status, &response.body) {
        (200, Body::Stream(_)) => None,
        (200, _) => Some(grpc::UNKNOWN),
        (other, _) => Some(grpc::status_of_http(other)),
    })));
    if let Body::Stream(_) = response.body {
        let inner = std::mem::take(&mut response.body);
        response.body = Body::Stream(Box::new(Watched { inner, status: status.clone() }));
    }
    let content_type = response.head.fields.get(Name::ContentType).unwrap_or_default();
    if bridged && dialect != Dialect::Grpc && Dialect::named(content_type) == Some(Dialect::Grpc) {
        let translated = dialect.translate(content_type);
        response.head.fields.set(Name::ContentType, &translated);
        to_web(dialect == Dialect::WebText, response);
    }
    status
}

/// Browsers see no trailers, and of heads only what they are allowed to.
fn to_web(text: bool, response: &mut Response) {
    if response.head.fields.get_named(ENDINGS[0]).is_none() {
        let inner = std::mem::take(&mut response.body);
        response.body = WebAnswer::body(inner, text);
        return;
    }
    let mut trailers = Fields::default();
    for name in ENDINGS {
        if let Some(value) = response.head.fields.get_named(name) {
            trailers.add_named(name, value);
        }
        response.head.fields.remove_named(name);
    }
    response.body = WebAnswer::of_trailers(&trailers, text);
}

/// A body whose trailers are looked at.
struct Watched {
    inner: Body,
    status: Status,
}

impl BodySource for Watched {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let polled = self.inner.poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                let said = trailers.get_named(b"grpc-status").and_then(grpc::read_status);
                self.status.set(Some(said.unwrap_or(grpc::UNKNOWN)));
            }
            Poll::Ready(Some(Err(error))) => self.status.set(Some(grpc::status_of(error.kind))),
            Poll::Ready(None) if self.status.get().is_none() => self.status.set(Some(grpc::UNKNOWN)),
            _ => {}
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn head(timeout: &str) -> RequestHead {
        let mut head = RequestHead::build("POST", "a", "/a.B/C", None);
        head.fields.add_named(b"grpc-timeout", timeout.as_bytes());
        head
    }

    #[test]
    fn the_earlier_deadline_holds() {
        let started = Moment::from_millis(1000);
        let after = |millis| Some(started.plus(Duration::from_millis(millis)));
        assert_eq!(deadline(&head("200m"), started, None), after(200));
        assert_eq!(deadline(&head("200m"), started, after(100)), after(100));
        assert_eq!(deadline(&head("200m"), started, after(300)), after(200));
        assert_eq!(deadline(&head("nonsense"), started, after(300)), after(300));
        assert_eq!(deadline(&head("nonsense"), started, None), None);
    }

    #[test]
    fn what_an_answer_says_is_known_at_once_or_with_its_trailers() {
        let answer = |status: u16, said: Option<&str>| {
            let mut response = Response::new(status);
            response.head.fields.add(Name::ContentType, b"application/grpc");
            if let Some(said) = said {
                response.head.fields.add_named(b"grpc-status", said.as_bytes());
            }
            response
        };
        for (mut response, expected) in [
            (answer(200, Some("5")), Some(5)),
            (answer(200, None), Some(grpc::UNKNOWN)),
            (answer(503, None), Some(14)),
            (answer(200, Some("nonsense")), Some(grpc::UNKNOWN)),
        ] {
            assert_eq!(present(Dialect::Grpc, false, &mut response).get(), expected);
        }
    }

    #[test]
    fn what_a_browser_must_know_stands_in_the_body() {
        let mut response = Response::new(200);
        response.head.fields.add(Name::ContentType, b"application/grpc+proto");
        response.head.fields.add_named(b"grpc-status", b"12");
        response.head.fields.add_named(b"grpc-message", b"no");
        present(Dialect::Web, true, &mut response);
        assert_eq!(response.head.fields.get(Name::ContentType), Some(&b"application/grpc-web+proto"[..]));
        assert!(response.head.fields.get_named(b"grpc-status").is_none());
        let Body::Full(body) = &response.body else { panic!("no body") };
        assert_eq!(&body[..], b"\x80\0\0\0\x23grpc-status: 12\r\ngrpc-message: no\r\n");
        // Whoever speaks gRPC-Web by itself is left alone.
        let mut own = Response::new(200);
        own.head.fields.add(Name::ContentType, b"application/grpc-web");
        present(Dialect::Web, false, &mut own);
        assert!(own.body.is_empty());
    }
}
