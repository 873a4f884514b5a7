//! A client's HTTP/1 connection: wait, read a head, have it answered, write the answer, again.
//!
//! While it waits the task holds a socket and a timer, nothing else: a request's state is a boxed future made for
//! it and dropped after it. The request is cancelled by dropping that future.

mod answer;
mod connection;
mod head;
mod request_body;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use glorieta_core::{Body, Error, Exchange, Kind, Method, Moment, RequestHead};
use glorieta_net::{TunnelOptions, tunnel};

use super::codec::{Close, Framing, RequestMeta, write_response};
use crate::buffers;
use crate::service::{Record, Reply, Service, Settings};

use answer::{Answered, write_answer};
pub use answer::{frame, write_head};
pub(crate) use connection::Connection;
use head::{HeadEnd, read_head};
use request_body::{BodyState, RequestBody};

/// How long a connection that is to close may still bring a request that was on its way: its answer says that it is
/// the last. Closing at once would lose it.
const LAST_REQUEST: Duration = Duration::from_millis(500);

/// What follows after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Request,
    Close,
}

/// Serves a connection until either side ends it.
///
/// Ringing the alarm of its timer makes an idle connection look at [`Service::is_closing`] and end.
pub(crate) async fn serve_requests<S: Service>(connection: Rc<Connection>, service: Rc<S>) {
    let mut served = 0;
    while wait(&connection, &*service, served).await {
        let request = Box::pin(serve_request(&connection, &*service, served));
        if request.await == Next::Close {
            break;
        }
        served += 1;
    }
    connection.close(service.settings().write_timeout).await;
}

/// Waits for the first byte of a request; `false` if none comes.
pub(crate) async fn wait<S: Service>(connection: &Connection, service: &S, served: u32) -> bool {
    if connection.has_input() {
        return true;
    }
    let settings = service.settings();
    let patience = if served == 0 { settings.head_timeout } else { settings.keep_alive };
    drop(settings);
    service.became_idle();
    // After a request its record has just looked at the clock.
    let now = if served == 0 { Moment::now() } else { Moment::recent() };
    connection.timer.arm(now.plus(patience));
    let mut closing = false;
    let arrived = poll_fn(|cx| {
        loop {
            if let Poll::Ready(read) = connection.poll_fill(cx) {
                return Poll::Ready(read.is_ok_and(|count| count > 0));
            }
            if !closing && service.is_closing() {
                closing = true;
                connection.timer.arm(Moment::now().plus(patience.min(LAST_REQUEST)));
            }
            match connection.timer.poll(cx) {
                Poll::Ready(()) if !closing && service.is_closing() => {}
                other => return other.map(|()| false),
            }
        }
    });
    let arrived = arrived.await;
    service.ceased_idle();
    arrived
}

async fn serve_request<S: Service>(connection: &Rc<Connection>, service: &S, served: u32) -> Next {
    let started = connection.take_begun().unwrap_or_else(Moment::now);
    let settings = service.settings();
    let mut head = RequestHead::default();
    let read = read_head(connection, &settings, started, &mut head).await;
    let meta = match read.and_then(|meta| spoken(meta, &settings)) {
        Ok(meta) => meta,
        Err(HeadEnd::Gone) => return Next::Close,
        Err(HeadEnd::Bad(error)) => {
            let method = head.method;
            let (response, record) = service.refuse(&connection.peer, head, started, error);
            let ask = Asked { method, version: glorieta_core::Version::Http11, keep: false };
            answer::write_and_close(connection, service, &settings, ask, response, record).await;
            return Next::Close;
        }
    };
    let asked = Asked {
        method: head.method,
        version: head.version,
        // After CONNECT nobody knows what the bytes that follow are (attack 17).
        keep: meta.keep_alive && head.method != Method::Connect && !settings.are_enough(served.saturating_add(1)),
    };
    let exchange = Exchange {
        body: begin_body(connection, &meta, &settings),
        upgrade: meta.upgrade && meta.framing.is_empty(),
        head,
        peer: connection.peer,
        started,
        wire: connection.clone(),
    };
    let answer = answered(connection, pin!(service.serve(exchange))).await;
    match answer {
        None => Next::Close,
        Some(Reply::Answer(response, record)) => {
            match write_answer(connection, service, &settings, asked, response, record).await {
                Answered::Keep => Next::Request,
                Answered::Close => Next::Close,
                Answered::Linger => {
                    connection.linger().await;
                    Next::Close
                }
            }
        }
        Some(Reply::Switch { head, upstream, leftover, idle, mut record }) => {
            let mut out = connection.take_interim();
            write_response(&head, Framing::None, Close::KeepAlive, Some(&service.date()), &mut out);
            if connection.write_all(out, settings.write_timeout).await.is_err() {
                record.fail(&Error::new(Kind::ClientGone));
                return Next::Close;
            }
            let Some((stream, input)) = connection.take() else { return Next::Close };
            let report = tunnel(stream, *upstream, input, leftover, TunnelOptions { idle }).await;
            record.tunnelled(&report);
            Next::Close
        }
    }
}

/// Whether requests may come so at all.
fn spoken(meta: RequestMeta, settings: &Settings) -> Result<RequestMeta, HeadEnd> {
    if settings.versions.h1 {
        return Ok(meta);
    }
    Err(HeadEnd::Bad(Error::because(Kind::VersionRefused, "HTTP/2 is all that is spoken here")))
}

/// What matters of a request when its answer is written.
#[derive(Clone, Copy)]
struct Asked {
    method: Method,
    version: glorieta_core::Version,
    keep: bool,
}

/// The request's body: at once where it has arrived whole, otherwise as it comes.
fn begin_body(connection: &Rc<Connection>, meta: &RequestMeta, settings: &Settings) -> Body {
    connection.begin_body();
    if meta.framing.is_empty() {
        connection.settle();
        return Body::Empty;
    }
    if let Framing::Length(length) = meta.framing
        && !meta.expect_continue
        && let Some(bytes) = connection.take_whole_body(length)
    {
        connection.settle();
        return Body::Full(bytes);
    }
    connection.settle();
    connection.body.set(match meta.framing {
        Framing::Length(length) if !meta.expect_continue => BodyState::Reading(Some(length)),
        _ => BodyState::Unread,
    });
    Body::Stream(Box::new(RequestBody::new(connection.clone(), meta, settings)))
}

/// Waits for the answer while watching the client; `None` if the client has gone, and the request is cancelled.
///
/// The future comes pinned: one that comes by value would be kept twice, and copied once more for each request.
async fn answered<F: Future>(connection: &Connection, mut serving: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| {
        let polled = serving.as_mut().poll(cx);
        if connection.poll_interim(cx).is_err() {
            return Poll::Ready(None);
        }
        match polled {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending if connection.poll_gone(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Gives the write buffer of an answer back.
fn recycle(out: Vec<u8>) {
    buffers::give_write(out);
}
