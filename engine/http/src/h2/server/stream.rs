//! One request of a connection, from its head to the end of its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use glorieta_core::{Body, Error, Exchange, Kind, Moment, Peer, RequestHead, Version};
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::SendResponse;
use http::Request;

use super::answer::write_answer;
use super::request_body::{Received, forget};
use super::wire::StreamWire;
use crate::h2::carried::Tunnelled;
use crate::multiplexed::websocket::{self, Opened, Outcome};
use crate::multiplexed::{RequestBody, RequestFacts, request_in};
use crate::pace::Pace;
use crate::service::{Record, Service, Settings};

/// Has a request answered. Dropping the future, a reset of the client's and the end of the connection cancel it.
///
/// What came is read before there is a future, which would keep it for as long as the request lasts.
pub fn answer_request<S: Service>(
    service: Rc<S>,
    peer: Peer,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) -> impl Future<Output = ()> {
    let started = Moment::now();
    let settings = service.settings();
    let wire = Rc::new(StreamWire::new(respond));
    let mut head = RequestHead::default();
    let read = read(&request, &settings.limits, &mut head);
    let stream = request.into_body();
    async move {
        match read {
            Ok(facts) => {
                let (body, tunnel) = divide(stream, &facts, &head, &wire, &settings);
                let exchange = Exchange { upgrade: facts.tunnel, head, body, peer, started, wire: wire.clone() };
                answer(&*service, &settings, &wire, exchange, tunnel).await;
            }
            Err(error) => {
                let asked = head.method;
                let (response, record) = service.refuse(&peer, head, started, error);
                write_answer(&wire, &*service, &settings, asked, response, record).await;
            }
        }
        if let Some(unread) = wire.take_unread() {
            forget(unread).await;
        }
    }
}

/// What a request's stream carries: its body, or what may become a tunnel.
fn divide(
    stream: RecvStream,
    facts: &Facts,
    head: &RequestHead,
    wire: &Rc<StreamWire>,
    settings: &Settings,
) -> (Body, Option<RecvStream>) {
    if facts.tunnel {
        return (Body::Empty, Some(stream));
    }
    if stream.is_end_stream() {
        return (Body::Empty, None);
    }
    let received = Received::new(stream, wire.clone());
    let body = RequestBody::new(received, wire.clone(), facts.request, Pace::of(head, settings));
    (Body::Stream(Box::new(body)), None)
}

async fn answer<S: Service>(
    service: &S,
    settings: &Settings,
    wire: &Rc<StreamWire>,
    exchange: Exchange,
    tunnel: Option<RecvStream>,
) {
    let asked = exchange.head.method;
    let Some(reply) = answered(wire, pin!(service.serve(exchange))).await else { return };
    match (websocket::outcome(reply, tunnel.is_some()), tunnel) {
        (Outcome::Answer(response, record), _) => {
            write_answer(wire, service, settings, asked, response, record).await;
        }
        (Outcome::Open(opened), Some(stream)) => Box::pin(pass(wire, service, stream, *opened)).await,
        // Nothing is opened that was not asked for.
        (Outcome::Open(_), None) => {}
    }
}

/// Says that the WebSocket is open, and passes it on until either side ends it.
async fn pass<S: Service>(wire: &StreamWire, service: &S, stream: RecvStream, mut opened: Opened<S::Record>) {
    match wire.respond(opened.head(&service.date()), false) {
        Some(send) => opened.pass(Tunnelled::new(stream, send, || ())).await,
        None => opened.record.fail(&Error::new(Kind::ClientGone)),
    }
}

struct Facts {
    request: RequestFacts,
    /// It asks for a WebSocket.
    tunnel: bool,
}

fn read<B>(request: &Request<B>, limits: &crate::h1::codec::Limits, head: &mut RequestHead) -> Result<Facts, Error> {
    let facts = request_in(request, Version::Http2, limits, head)?;
    let protocol = request.extensions().get::<Protocol>();
    if let Some(protocol) = protocol {
        websocket::ask(protocol.as_str(), head)?;
    }
    Ok(Facts { request: facts, tunnel: protocol.is_some() })
}

/// Waits for the answer while watching the client; `None` if it has given the request up.
async fn answered<F: Future>(wire: &StreamWire, mut serving: Pin<&mut F>) -> Option<F::Output> {
    let mut begun = false;
    poll_fn(|cx| {
        // One that is given up before anything was done for it is not begun.
        if !std::mem::replace(&mut begun, true) {
            return if wire.poll_gone(cx).is_ready() { Poll::Ready(None) } else { serving.as_mut().poll(cx).map(Some) };
        }
        match serving.as_mut().poll(cx) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => wire.poll_gone(cx).map(|()| None),
        }
    })
    .await
}
