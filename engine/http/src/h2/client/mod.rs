//! Connections to endpoints that carry several requests at once.
//!
//! A [`Client`] is a connection as those see it who have something to ask, its [`Driver`] the task that moves its
//! frames. Each request takes a [`Slot`] and gives it back with the end of its answer; dropping what belongs to a
//! request resets its stream (`CANCEL`), and the connection lives on.

mod driver;
mod exchange;
mod failure;
mod response_body;
mod sending;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ::h2::client::{Builder, SendRequest};
use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Retry};
use glorieta_net::Stream;
use http::uri::Scheme;

use crate::h1::codec::Limits;

pub use driver::Driver;
use driver::Pulse;
pub use exchange::Arrived;

/// So much of an answer's body may be on its way to a client that does not read.
const STREAM_WINDOW: u32 = 128 << 10;
/// What the frames of answers may cost besides their bytes while nobody reads them, in windows of the connection. The
/// library counts up to 256 bytes for each, and beyond this ends the connection with all of its requests, so it has room
/// for messages of 32 bytes on every stream: a few clients that do not read would otherwise end the answers of others.
const OVERHEAD: usize = 8;
/// So much of a request's body may wait to be sent (the library's own figure, 400 KiB, is made for few streams).
const SEND_BUFFER: usize = 32 << 10;
/// What the endpoint allows before its SETTINGS have come: a number that none would send.
const UNTOLD: usize = usize::MAX - 1;

/// How a connection is opened.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Requests that one connection may carry at once. The window of the connection holds as many of its streams', so
    /// that answers which nobody reads hold up no other.
    pub max_streams: u32,
    /// Of an answer's head.
    pub limits: Limits,
    pub encrypted: bool,
}

/// An open connection.
pub struct Client {
    sender: SendRequest<Bytes>,
    scheme: Scheme,
    pulse: Rc<Pulse>,
    pub opened: Moment,
    idle_since: Cell<Moment>,
    /// Whether it has carried a request before.
    used: Cell<bool>,
}

/// Room for one request.
pub struct Slot {
    client: Rc<Client>,
    /// Whether the connection had carried a request before.
    pub reused: bool,
}

impl Client {
    /// Begins to speak HTTP/2 and waits for the endpoint's SETTINGS: what it allows is then known, and one that speaks
    /// something else is told apart. Time limits are the caller's.
    ///
    /// # Errors
    /// `response_malformed`, `reset`: no request has been sent.
    pub async fn open(stream: Stream, settings: &Settings) -> Result<(Rc<Client>, Driver), Error> {
        let (sender, mut connection) = builder(settings).handshake::<_, Bytes>(stream).await.map_err(unopened)?;
        let ping = connection.ping_pong();
        poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(ended.map_err(unopened).and_then(|()| Err(silent())));
            }
            if sender.current_max_send_streams() == UNTOLD { Poll::Pending } else { Poll::Ready(Ok(())) }
        })
        .await?;
        let now = Moment::now();
        let pulse = Rc::new(Pulse::new(now));
        let scheme = if settings.encrypted { Scheme::HTTPS } else { Scheme::HTTP };
        let used = Cell::new(false);
        let driver = Driver::new(connection, ping, pulse.clone());
        Ok((Rc::new(Client { sender, scheme, pulse, opened: now, idle_since: Cell::new(now), used }), driver))
    }

    /// How many requests the endpoint allows at once.
    pub fn allowed(&self) -> u32 {
        u32::try_from(self.sender.current_max_send_streams()).unwrap_or(u32::MAX)
    }

    /// Whether one more request may be sent, where `most` may be under way at once.
    pub fn has_room(&self, most: u32) -> bool {
        self.pulse.streams.get() < most.min(self.allowed()) && self.is_open()
    }

    /// Whether it takes requests: neither side has ended it, and the endpoint has not said GOAWAY.
    pub fn is_open(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        matches!(self.sender.clone().poll_ready(&mut cx), Poll::Ready(Ok(())))
    }

    /// Since when it has carried nothing; `None` while it does.
    pub fn idle_since(&self) -> Option<Moment> {
        (self.pulse.streams.get() == 0).then(|| self.idle_since.get())
    }

    pub fn take(self: &Rc<Client>) -> Slot {
        self.pulse.streams.set(self.pulse.streams.get() + 1);
        Slot { client: self.clone(), reused: self.used.replace(true) }
    }
}

impl Slot {
    pub fn client(&self) -> &Rc<Client> {
        &self.client
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let pulse = &self.client.pulse;
        pulse.streams.set(pulse.streams.get() - 1);
        self.client.idle_since.set(Moment::recent());
    }
}

fn builder(settings: &Settings) -> Builder {
    let limits = &settings.limits;
    // HTTP/2 counts 32 bytes for each field (RFC 9113 §6.5.2). What is a little too large is found when the head is
    // read, and has a reason of its own; the library's word for it is that the endpoint broke the protocol.
    let list = (limits.head_bytes + 32 * limits.header_count).saturating_mul(2);
    let window = (u64::from(STREAM_WINDOW) * u64::from(settings.max_streams)).min((1 << 31) - 1);
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(UNTOLD)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window as u32)
        .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(window as usize * OVERHEAD)
        // Counted over a connection's whole life, so that a long one would end in the middle of other requests.
        .max_local_error_reset_streams(None);
    builder
}

fn unopened(error: ::h2::Error) -> Error {
    let error = match error.get_io() {
        Some(_) => Error::because(Kind::UpstreamReset, "the connection ended before it spoke HTTP/2"),
        None => Error::new(Kind::ResponseMalformed).with_detail(format!("does not speak HTTP/2: {error}")),
    };
    error.retry(Retry::NotSent)
}

fn silent() -> Error {
    Error::because(Kind::UpstreamReset, "closed the connection before it spoke HTTP/2").retry(Retry::NotSent)
}
