//! Writing an answer, and deciding whether the connection lives on after it.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use glorieta_core::{Body, Error, Kind, Method, Moment, Response, ResponseHead, Version};
use glorieta_net::Relay;

use super::Asked;
use super::connection::{Client, Connection};
use super::request_body::BodyState;
use crate::h1::client::Received;
use crate::h1::codec::{Close, Framing, write_bodiless_response, write_response};
use crate::h1::pump::{Broken, Progress, Pump, Waiting};
use crate::service::{Record, Service, Settings};

/// Up to this many bytes of a body that nobody wanted are read and forgotten, so that the connection lives on.
const FORGOTTEN: u64 = 64 << 10;
/// How long those bytes are waited for.
const FORGOTTEN_WAIT: Duration = Duration::from_secs(2);

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Keep,
    Close,
    /// Close, but read on for a while.
    Linger,
}

/// Writes an answer after which the connection ends, whatever it was.
pub async fn write_and_close<S: Service>(
    connection: &Connection,
    service: &S,
    settings: &Settings,
    asked: Asked,
    response: Response,
    record: S::Record,
) {
    connection.body.set(BodyState::Failed);
    if write_answer(connection, service, settings, asked, response, record).await == Answered::Linger {
        connection.linger().await;
    }
}

pub async fn write_answer<S: Service>(
    connection: &Connection,
    service: &S,
    settings: &Settings,
    asked: Asked,
    response: Response,
    mut record: S::Record,
) -> Answered {
    let Response { head, mut body, announced } = response;
    let (framing, bodiless) = frame(asked.method, asked.version, head.status, body.length());
    connection.begin_answer(framing == Framing::Chunked);
    let keep = asked.keep && framing != Framing::UntilClose && !service.is_closing() && may_keep(connection.body.get());
    let close = match (keep, asked.version) {
        (true, Version::Http10) => Close::KeepAliveHttp10,
        (true, _) => Close::KeepAlive,
        (false, _) => Close::Close,
    };
    let mut out = connection.take_interim();
    let date = service.date();
    let announced = announced.or(body.length().filter(|&length| length > 0));
    write_head(&head, framing, bodiless, announced, close, Some(&date), &mut out);
    if bodiless {
        body = Body::Empty;
    }
    drop(head);
    let mut pump = Pump::new(out, framing);
    let written = write(connection, settings, &mut pump, &mut body).await;
    record.bytes_out(pump.written);
    if let Err(error) = written {
        record.fail(&error);
        if error.kind == Kind::ClientGone {
            connection.forsake();
        }
        if pump.moved == 0 && error.kind != Kind::ClientGone {
            // Nobody has seen the answer begin: better a word of what went wrong than none.
            drop((pump, body));
            let response = record.instead(&error);
            let last = Asked { keep: false, ..asked };
            return Box::pin(write_answer(connection, service, settings, last, response, record)).await;
        }
        if framing == Framing::UntilClose {
            connection.reset_on_close();
        }
        return Answered::Close;
    }
    drop((record, pump, body));
    match connection.body.get() {
        BodyState::Done if keep => Answered::Keep,
        // The client does not expect this, and may have sent more already.
        BodyState::Done if asked.keep || connection.has_input() => Answered::Linger,
        BodyState::Done => Answered::Close,
        BodyState::Reading(_) if keep && forget_body(connection).await => Answered::Keep,
        _ => Answered::Linger,
    }
}

/// Where an answer's body ends, and whether it has none by rule (answers to HEAD, 204, 304).
#[inline]
pub fn frame(method: Method, version: Version, status: u16, length: Option<u64>) -> (Framing, bool) {
    let bodiless = method == Method::Head || matches!(status, 100..=199 | 204 | 304);
    let framing = match length {
        _ if bodiless => Framing::None,
        Some(length) => Framing::Length(length),
        None if version == Version::Http10 => Framing::UntilClose,
        None => Framing::Chunked,
    };
    (framing, bodiless)
}

/// Writes an answer's head; `announced`: the length that a body would have where there is none.
#[inline]
pub fn write_head(
    head: &ResponseHead,
    framing: Framing,
    bodiless: bool,
    announced: Option<u64>,
    close: Close,
    date: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    if bodiless {
        write_bodiless_response(head, announced, close, date, out);
    } else {
        write_response(head, framing, close, date, out);
    }
}

/// Whether the connection may live on although the body has been read only so far. One that is under way is
/// expected to end in time; if it does not, the connection is closed after all.
fn may_keep(body: BodyState) -> bool {
    match body {
        BodyState::Done => true,
        BodyState::Reading(left) => left.is_none_or(|left| left <= FORGOTTEN),
        BodyState::Unread | BodyState::Failed => false,
    }
}

async fn write(connection: &Connection, settings: &Settings, pump: &mut Pump, body: &mut Body) -> Result<(), Error> {
    let mut writing = Writing { connection, settings, moved: u64::MAX, until: Moment::ZERO, relay: None };
    pump.relays = received(body).is_some();
    poll_fn(|cx| writing.poll(cx, pump, body)).await
}

/// The body as an endpoint's connection brings it, if it is nothing else.
fn received(body: &mut Body) -> Option<&mut Received> {
    match body {
        Body::Stream(source) => source.origin()?.downcast_mut(),
        _ => None,
    }
}

struct Writing<'a> {
    connection: &'a Connection,
    settings: &'a Settings,
    /// How far the answer had come when it began to wait for the client, and how long that may last.
    moved: u64,
    until: Moment,
    /// Bytes that pass us by.
    relay: Option<Relay>,
}

impl Writing<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, pump: &mut Pump, body: &mut Body) -> Poll<Result<(), Error>> {
        loop {
            if self.relay.is_some()
                && let Err(error) = ready!(self.poll_relay(cx, pump, body))
            {
                return Poll::Ready(Err(error));
            }
            let connection = self.connection;
            let polled = pump.poll(
                cx,
                |cx, first, second| connection.poll_write_two(cx, first, second),
                |cx| body.poll_frame(cx),
            );
            match polled {
                Poll::Ready(Ok(Progress::Done)) => {
                    // A relayed body has not been asked for its end yet, which sends its connection home.
                    if self.relay.take().is_some() {
                        let _ = body.poll_frame(cx);
                    }
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(Progress::Relay))
                    if connection.is_plain() && received(body).is_some_and(|received| received.may_relay()) =>
                {
                    self.relay = Some(Relay::default());
                }
                Poll::Ready(Ok(Progress::Relay)) => pump.relays = false,
                Poll::Ready(Err(Broken::Source(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(Err(Broken::Sink)) => return Poll::Ready(Err(Error::new(Kind::ClientGone))),
                Poll::Pending => {
                    if let Err(error) = ready!(self.wait(cx, pump)) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    /// Moves the rest of a body past us; ready once it has passed, or where it must be copied after all.
    fn poll_relay(&mut self, cx: &mut Context<'_>, pump: &mut Pump, body: &mut Body) -> Poll<Result<(), Error>> {
        while let (Some(relay), Some(received)) = (&mut self.relay, received(body)) {
            if relay.is_empty() {
                if !received.may_relay() {
                    break;
                }
                match received.poll_relay(cx, relay) {
                    Poll::Ready(Ok(0)) => {
                        pump.relays = false;
                        self.relay = None;
                        break;
                    }
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        pump.waiting = Waiting::Source;
                        return self.wait(cx, pump);
                    }
                }
            }
            match self.connection.poll_drain(cx, relay) {
                Poll::Ready(Ok(moved)) => pump.relayed(moved as u64),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Error::new(Kind::ClientGone))),
                Poll::Pending => {
                    pump.waiting = Waiting::Sink;
                    return self.wait(cx, pump);
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Times a client that does not read, and watches one for whom nothing is there yet. Ready without an error: there
    /// is something to be written.
    fn wait(&mut self, cx: &mut Context<'_>, pump: &mut Pump) -> Poll<Result<(), Error>> {
        let connection = self.connection;
        if pump.waiting == Waiting::Source {
            self.moved = u64::MAX;
            return match connection.poll_client(cx) {
                Client::Waits => Poll::Pending,
                Client::Gone => Poll::Ready(Err(Error::new(Kind::ClientGone))),
                Client::Unasked => {
                    pump.ask();
                    Poll::Ready(Ok(()))
                }
            };
        }
        if self.moved != pump.moved {
            self.moved = pump.moved;
            self.until = Moment::now().plus(self.settings.write_timeout);
        }
        if connection.poll_until(cx, self.until).is_ready() {
            return Poll::Ready(Err(Error::because(Kind::ClientGone, "the client does not read")));
        }
        Poll::Pending
    }
}

/// Reads the rest of a body that nobody wanted; `false` if it is too long or does not come.
async fn forget_body(connection: &Connection) -> bool {
    let BodyState::Reading(Some(mut left)) = connection.body.get() else { return false };
    connection.timer.arm(Moment::now().plus(FORGOTTEN_WAIT));
    poll_fn(|cx| {
        loop {
            connection.with_input(|input| {
                let length = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                drop(input.split_to(length));
                left -= length as u64;
            });
            if left == 0 {
                connection.settle();
                return Poll::Ready(true);
            }
            match connection.poll_fill(cx) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(false),
                Poll::Pending => return connection.timer.poll(cx).map(|()| false),
            }
        }
    })
    .await
}
