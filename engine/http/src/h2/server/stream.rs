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
use crate::service::{Record, Service};

/// Has a request answered. Dropping the future, a reset of the client's and the end of the connection cancel it.
pub async fn answer_request<S: Service>(
    service: Rc<S>,
    peer: Peer,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let wire = Rc::new(StreamWire::new(respond));
    answer(&*service, peer, request, &wire).await;
    if let Some(unread) = wire.take_unread() {
        forget(unread).await;
    }
}

async fn answer<S: Service>(service: &S, peer: Peer, request: Request<RecvStream>, wire: &Rc<StreamWire>) {
    let started = Moment::now();
    let settings = service.settings();
    let mut head = RequestHead::default();
    let facts = match read(&request, &settings.limits, &mut head) {
        Ok(facts) => facts,
        Err(error) => {
            let asked = head.method;
            let (response, record) = service.refuse(&peer, head, started, error);
            return write_answer(wire, service, &settings, asked, response, record).await;
        }
    };
    let stream = request.into_body();
    let asked = head.method;
    let mut tunnel = None;
    let body = if facts.tunnel {
        tunnel = Some(stream);
        Body::Empty
    } else if stream.is_end_stream() {
        Body::Empty
    } else {
        let received = Received::new(stream, wire.clone());
        Body::Stream(Box::new(RequestBody::new(received, wire.clone(), facts.request, Pace::of(&head, &settings))))
    };
    let exchange = Exchange { upgrade: facts.tunnel, head, body, peer, started, wire: wire.clone() };
    let Some(reply) = answered(wire, pin!(service.serve(exchange))).await else { return };
    match (websocket::outcome(reply, facts.tunnel), tunnel) {
        (Outcome::Answer(response, record), _) => {
            write_answer(wire, service, &settings, asked, response, record).await;
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
    poll_fn(|cx| {
        if wire.poll_gone(cx).is_ready() {
            return Poll::Ready(None);
        }
        serving.as_mut().poll(cx).map(Some)
    })
    .await
}
