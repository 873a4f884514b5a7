//! One request of a connection, from its head to the end of its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use glorieta_core::{Body, Error, Exchange, Kind, Method, Moment, Peer, RequestHead, Response, ResponseHead, Version};
use glorieta_net::timer;
use h3::error::{Code, StreamError};
use h3::server::{RequestResolver, RequestStream};
use http::Request;

use super::answer::{Writer, delivered};
use super::carried::Tunnelled;
use super::request_body::Received;
use super::wire::StreamWire;
use crate::h3::section::Protocol;
use crate::h3::transport::{Both, Receiver, StreamState, Transport};
use crate::multiplexed::websocket::{self, Opened, Outcome};
use crate::multiplexed::{First, RequestBody, RequestFacts, request_in};
use crate::pace::Pace;
use crate::service::{Record, Service, Settings};

/// Has a request answered; `false`: its client has given it up. Dropping the future and the end of the connection
/// cancel it.
pub async fn answer_request<S: Service>(
    service: Rc<S>,
    peer: Peer,
    resolver: RequestResolver<Transport, Bytes>,
    state: Rc<StreamState>,
) -> bool {
    let started = Moment::now();
    let settings = service.settings();
    let until = started.plus(settings.head_timeout);
    let error = match timer::within(until, Box::pin(resolver.resolve_request()).as_mut()).await {
        Some(Ok((request, stream))) => {
            let asked = Asked { service: &*service, settings: &settings, peer, started };
            return Box::pin(asked.answer(request, stream, state)).await;
        }
        Some(Err(error)) => unread(&error),
        None => Some(Error::new(Kind::HeadTimeout)),
    };
    let Some(error) = error else { return false };
    let head = RequestHead { version: Version::Http3, ..RequestHead::default() };
    drop(service.refuse(&peer, head, started, error));
    true
}

/// Why the head of a request could not be read; `None`: its client gave it up, or what ended the connection says more.
fn unread(error: &StreamError) -> Option<Error> {
    match error {
        // `h3` has answered that by itself.
        StreamError::HeaderTooBig { .. } => Some(Error::new(Kind::HeadTooLarge)),
        StreamError::StreamError { code: Code::H3_MESSAGE_ERROR, .. }
        | StreamError::RemoteTerminate { code: Code::H3_MESSAGE_ERROR, .. } => {
            Some(Error::because(Kind::HeadMalformed, "no head of a request"))
        }
        _ => None,
    }
}

/// A request whose head has come.
struct Asked<'a, S> {
    service: &'a S,
    settings: &'a Settings,
    peer: Peer,
    started: Moment,
}

impl<S: Service> Asked<'_, S> {
    async fn answer(&self, request: Request<()>, stream: RequestStream<Both, Bytes>, state: Rc<StreamState>) -> bool {
        let (send, receive) = stream.split();
        let mut writer = Writer::new(send, state.clone());
        let wire = Rc::new(StreamWire::default());
        let mut head = RequestHead::default();
        let tunnel = state.protocol.get();
        let facts = read(&request, self.settings, &state, &mut head);
        drop(request);
        let asked = head.method;
        let (body, socket) = match facts {
            Ok(_) if tunnel.is_some() => (Ok(Body::Empty), Some(receive)),
            Ok(facts) => {
                let pace = Pace::of(&head, self.settings);
                let body = RequestBody::new(Received(receive), wire.clone(), facts, pace);
                let until = self.started.plus(self.settings.head_timeout);
                (begin_body(body, asked, facts, until).await, None)
            }
            Err(error) => (Err(error), None),
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                let (response, record) = self.service.refuse(&self.peer, head, self.started, error);
                return self.write(&mut writer, asked, response, record).await;
            }
        };
        let (peer, started) = (self.peer, self.started);
        let exchange = Exchange { upgrade: socket.is_some(), head, body, peer, started, wire: wire.clone() };
        let serving = pin!(self.service.serve(exchange));
        let Some(reply) = answered(&mut writer, &wire, self.settings, serving).await else { return false };
        match (websocket::outcome(reply, socket.is_some()), socket) {
            (Outcome::Answer(response, record), _) => self.write(&mut writer, asked, response, record).await,
            (Outcome::Open(opened), Some(receive)) => Box::pin(self.pass(writer, receive, *opened)).await,
            // Nothing is opened that was not asked for.
            (Outcome::Open(_), None) => false,
        }
    }

    /// Says that the WebSocket is open, and passes it on until either side ends it.
    async fn pass(
        &self,
        mut writer: Writer,
        receive: RequestStream<Receiver, Bytes>,
        mut opened: Opened<S::Record>,
    ) -> bool {
        let head = opened.head(&self.service.date());
        if let Err(error) = writer.send_head(head, self.settings).await {
            opened.record.fail(&error);
            return false;
        }
        let (send, state) = writer.into_tunnel();
        opened.pass(Tunnelled::new(receive, send, state.clone())).await;
        delivered(&state, self.settings).await;
        true
    }

    async fn write(&self, writer: &mut Writer, asked: Method, response: Response, record: S::Record) -> bool {
        let written = writer.write_answer(self.service, self.settings, asked, response, record).await;
        if written {
            writer.delivered(self.settings).await;
        }
        written
    }
}

fn read(
    request: &Request<()>,
    settings: &Settings,
    state: &StreamState,
    head: &mut RequestHead,
) -> Result<RequestFacts, Error> {
    head.version = Version::Http3;
    if state.too_large.get() {
        return Err(Error::new(Kind::HeadTooLarge));
    }
    let (uri, protocol) = (request.uri(), state.protocol.get());
    let connects = request.method() == http::Method::CONNECT;
    // RFC 9114 §4.3.1: all three, but for CONNECT that is not an extended one (RFC 9220).
    if (!connects || protocol.is_some()) && (uri.scheme().is_none() || uri.path_and_query().is_none()) {
        return Err(Error::because(Kind::HeadMalformed, ":scheme or :path is missing"));
    }
    if !connects && protocol.is_some() {
        return Err(Error::because(Kind::HeadMalformed, ":protocol belongs to CONNECT"));
    }
    let facts = request_in(request, Version::Http3, &settings.limits, head)?;
    match protocol {
        None => Ok(facts),
        Some(Protocol::WebSocket) => websocket::ask(websocket::WEBSOCKET, head).map(|()| facts),
        Some(Protocol::Other) => websocket::ask("", head).map(|()| facts),
    }
}

/// The request's body: none, where it has ended already.
///
/// Where a method seldom has a body and nothing announces one, its first piece or its end is waited for: an endpoint
/// of HTTP/1.1 is to be told whether there is one.
///
/// # Errors
/// `head_timeout`: neither came. What is wrong with a body that has come already.
async fn begin_body(
    mut body: RequestBody<Received, StreamWire>,
    asked: Method,
    facts: RequestFacts,
    until: Moment,
) -> Result<Body, Error> {
    if facts.expect_continue {
        return Ok(Body::Stream(Box::new(body)));
    }
    let often = matches!(asked, Method::Post | Method::Put | Method::Patch | Method::Other);
    let waits = facts.length.is_none() && !often;
    let first = {
        let mut look = pin!(poll_fn(|cx| match body.poll_first(cx) {
            Poll::Ready(first) => Poll::Ready(Some(first)),
            Poll::Pending if waits => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }));
        timer::within(until, look.as_mut()).await.ok_or(Error::new(Kind::HeadTimeout))?
    };
    match first {
        Some(First::End) => Ok(Body::Empty),
        Some(First::Failed(error)) => Err(error),
        Some(First::Frame) | None => Ok(Body::Stream(Box::new(body))),
    }
}

enum Event<T> {
    Reply(T),
    Interim(ResponseHead),
    Over,
}

/// Waits for the answer while watching the client and telling it what it is told in between; `None` if it has given
/// the request up.
async fn answered<F: Future>(
    writer: &mut Writer,
    wire: &StreamWire,
    settings: &Settings,
    mut serving: Pin<&mut F>,
) -> Option<F::Output> {
    let mut reply = None;
    loop {
        let event = poll_fn(|cx| {
            if writer.poll_over(cx).is_ready() {
                return Poll::Ready(Event::Over);
            }
            if reply.is_none()
                && let Poll::Ready(output) = serving.as_mut().poll(cx)
            {
                reply = Some(output);
            }
            if let Some(head) = wire.next_interim() {
                return Poll::Ready(Event::Interim(head));
            }
            match reply.take() {
                Some(reply) => Poll::Ready(Event::Reply(reply)),
                None => Poll::Pending,
            }
        })
        .await;
        match event {
            Event::Reply(reply) => return Some(reply),
            Event::Interim(head) => writer.send_interim(&head, settings).await.ok()?,
            Event::Over => return None,
        }
    }
}
