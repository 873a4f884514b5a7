//! An HTTP/1.1 connection to an endpoint: one request out, one answer in, and then perhaps another.
//!
//! The request's body goes out while the answer comes in: an endpoint may answer early. A connection is given
//! home only when both directions have ended well and nothing is left over (attack 21).

mod response_body;
mod sending;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use glorieta_core::{Body, Error, Kind, Moment, ResponseHead, Retry};
use glorieta_net::{Stream, Timer};

use super::codec::{Framing, Parsed, ResponseMeta, parse_response, write_request};
use super::pump::{Broken, Waiting};
use crate::buffers::{self, Input};
use crate::outgoing::{Armed, Interims, Patience, Request, Upload};

pub use response_body::Received;
use response_body::ResponseBody;
use sending::Sending;

/// The read in which a head is expected takes no more: what is left of a large body then passes by a relay.
const FIRST_READ: usize = 16 << 10;

/// A connection to an endpoint.
pub struct Client {
    stream: Stream,
    input: Input,
    timer: Timer,
    /// When it was opened.
    pub opened: Moment,
    /// When it was last given home.
    pub idle_since: Moment,
    /// Whether it has carried a request before.
    pub reused: bool,
}

/// Takes back a connection that may be used again.
pub trait Home {
    /// Dropped instead: the connection has ended.
    fn welcome(self, client: Box<Client>);
}

/// The answer's head has arrived.
pub struct Arrived {
    pub head: ResponseHead,
    pub meta: ResponseMeta,
    client: Box<Client>,
    /// What is still being sent.
    sending: Option<Sending>,
}

impl Client {
    /// Boxed for good: it is handed from one to the other several times for each request.
    pub fn new(stream: Stream, now: Moment) -> Box<Client> {
        let (input, timer) = (Input::default(), Timer::new());
        Box::new(Client { stream, input, timer, opened: now, idle_since: now, reused: false })
    }

    /// Whether nothing has happened on it since its last answer: it is open, and silent.
    pub fn is_alive(&mut self) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        self.input.is_empty() && self.stream.poll_silence_broken(&mut cx).is_pending()
    }

    /// Gives the connection home if it may be used again: bytes behind the answer belong to nobody.
    fn go_home<H: Home>(mut self: Box<Client>, keep: bool, home: H) {
        if keep && self.input.is_empty() {
            self.input.release();
            self.timer.disarm();
            self.reused = true;
            home.welcome(self);
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        self.input.poll_fill(cx, &mut self.stream, most)
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// `reset`, `first_byte_timeout`, `idle_timeout`, `deadline`, `response_malformed`,
    /// `response_head_too_large`, or what the request's body fails with. The connection is closed, and
    /// `upload` says whether the request can be sent again.
    pub async fn send(mut self: Box<Client>, request: &Request<'_>, upload: &mut Upload) -> Result<Arrived, Error> {
        let mut out = buffers::take_write();
        let framing = upload.framing();
        write_request(request.head, framing, request.upgrade, &mut out);
        let expects = !framing.is_empty() && request.head.fields.has(glorieta_core::Name::Expect);
        let mut state = Exchanging {
            sending: Some(Sending::begin(std::mem::take(upload), out, framing, expects)),
            patience: Patience::new(),
            interims: Interims::default(),
            head: ResponseHead::new(0),
            broken: false,
            allowed: false,
        };
        let result = poll_fn(|cx| state.poll(cx, &mut self, request)).await;
        match result {
            Ok(meta) => {
                let Exchanging { sending, head, .. } = state;
                Ok(Arrived { head, meta, client: self, sending: sending.filter(|sending| !sending.is_done()) })
            }
            Err(error) => {
                if let Some(sending) = state.sending {
                    *upload = sending.into_upload();
                }
                Err(error)
            }
        }
    }
}

struct Exchanging {
    sending: Option<Sending>,
    patience: Patience,
    interims: Interims,
    head: ResponseHead,
    /// The endpoint takes no more, but may have answered.
    broken: bool,
    /// The body may be sent now, and could not before.
    allowed: bool,
}

impl Exchanging {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        request: &Request<'_>,
    ) -> Poll<Result<ResponseMeta, Error>> {
        loop {
            self.send(cx, client)?;
            if let Some(meta) = self.receive(client, request)? {
                return Poll::Ready(Ok(meta));
            }
            if std::mem::take(&mut self.allowed) {
                continue;
            }
            match client.poll_fill(cx, FIRST_READ) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.ended(client, "closed the connection"))),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(self.ended(client, "reset the connection"))),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => match self.wait(cx, client, request)? {
                    Poll::Ready(()) => {}
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    fn send(&mut self, cx: &mut Context<'_>, client: &mut Client) -> Result<(), Error> {
        let Some(sending) = self.sending.as_mut().filter(|sending| !sending.is_done()) else { return Ok(()) };
        if self.broken {
            return Ok(());
        }
        match sending.poll(cx, &mut client.stream) {
            Poll::Ready(Err(Broken::Source(error))) => Err(error),
            Poll::Ready(Err(Broken::Sink)) => {
                self.broken = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Parses what has arrived; `None`: more is needed.
    fn receive(&mut self, client: &mut Client, request: &Request<'_>) -> Result<Option<ResponseMeta>, Error> {
        while !client.input.is_empty() {
            let parsed = parse_response(&client.input, &request.limits, request.head.method, &mut self.head)?;
            let Parsed::Complete { value: meta, consumed } = parsed else { break };
            client.input.advance(consumed);
            if meta.switching && request.upgrade.is_none() {
                return Err(Error::because(Kind::ResponseMalformed, "101 without a request to switch"));
            }
            if !meta.interim {
                return Ok(Some(meta));
            }
            self.interim(request)?;
        }
        Ok(None)
    }

    fn interim(&mut self, request: &Request<'_>) -> Result<(), Error> {
        self.interims.count()?;
        if self.head.status == 100 {
            // The body's first piece tells the client; without one nobody asked.
            if let Some(sending) = &mut self.sending {
                sending.allow();
                self.allowed = true;
            }
        } else if let Some(wire) = request.wire {
            super::codec::strip_hop_by_hop_response(&mut self.head);
            wire.interim(&self.head);
        }
        Ok(())
    }

    /// Arms the timer for what is waited for; ready: something has changed and is to be looked at again.
    fn wait(&mut self, cx: &mut Context<'_>, client: &mut Client, request: &Request<'_>) -> Result<Poll<()>, Error> {
        let wanted = match &self.sending {
            Some(sending) if !sending.is_done() && !self.broken => match sending.waiting() {
                None => Armed::Continue,
                Some((Waiting::Source, _)) => Armed::Deadline,
                Some((Waiting::Sink, moved)) => Armed::Idle(moved),
            },
            _ => Armed::FirstByte,
        };
        let polled = self.patience.poll(cx, &client.timer, wanted, request)?;
        if polled.is_ready()
            && let Some(sending) = &mut self.sending
        {
            sending.allow();
        }
        Ok(polled)
    }

    /// The connection has ended before a whole head had come.
    fn ended(&self, client: &Client, how: &'static str) -> Error {
        if !client.input.is_empty() {
            return Error::because(Kind::UpstreamReset, "the connection ended within the head");
        }
        // On a used connection the endpoint may just have closed it, on a new one it may have begun to work:
        // the same for us, since bytes have gone out.
        Error::because(Kind::UpstreamReset, how).retry(Retry::IfIdempotent)
    }
}

impl Arrived {
    /// The socket of a switched connection, and the bytes that came with the head.
    pub fn into_tunnel(self) -> (ResponseHead, Stream, Bytes) {
        (self.head, self.client.stream, self.client.input.into_bytes())
    }

    /// The answer's body. `home` gets the connection once the body has been read and all has been sent.
    pub fn into_body<H: Home + 'static>(
        mut self,
        home: H,
        idle: Duration,
        deadline: Option<Moment>,
    ) -> (ResponseHead, Body) {
        let framing = self.meta.framing;
        let keep = self.meta.keep_alive;
        if self.sending.is_none() {
            let whole = match framing {
                _ if framing.is_empty() => Some(0),
                Framing::Length(length) => {
                    usize::try_from(length).ok().filter(|&length| length <= self.client.input.len())
                }
                _ => None,
            };
            if let Some(length) = whole {
                let body = if length == 0 { Body::Empty } else { Body::Full(self.client.input.take(length)) };
                self.client.go_home(keep, home);
                return (self.head, body);
            }
        }
        let body = ResponseBody::new(self.client, framing, keep, self.sending, home, idle, deadline);
        (self.head, Body::Stream(Box::new(body)))
    }
}
