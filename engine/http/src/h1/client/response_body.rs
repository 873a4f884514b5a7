//! An answer's body as it comes from an endpoint, while the rest of the request may still be going out.

use std::any::Any;
use std::io::ErrorKind;
use std::task::{Context, Poll};
use std::time::Duration;

use glorieta_core::{BodySource, Error, Frame, Kind, Moment};
use glorieta_net::Relay;

use super::sending::Sending;
use super::{Client, Home};
use crate::h1::codec::{ChunkedDecoder, Framing, TrailerLimits};
use crate::h1::pieces::{take_chunk, take_known};
use crate::h1::pump::Broken;
use crate::outgoing::Quiet;

enum Decoding {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    UntilClose,
    Done,
}

/// An answer's body, and the connection that it is lent to when it has ended.
pub struct ResponseBody<H: Home> {
    received: Received,
    /// `None` once the connection has gone home or has failed.
    home: Option<H>,
}

/// An answer's body as its connection brings it.
pub struct Received {
    /// `None` once it has gone home or has failed.
    client: Option<Box<Client>>,
    decoding: Decoding,
    keep: bool,
    sending: Option<Sending>,
    quiet: Quiet,
    /// How far the request had come when it was looked at last.
    sent: u64,
}

impl<H: Home> ResponseBody<H> {
    pub fn new(
        client: Box<Client>,
        framing: Framing,
        keep: bool,
        mut sending: Option<Sending>,
        home: H,
        idle: Duration,
        deadline: Option<Moment>,
    ) -> ResponseBody<H> {
        if let Some(sending) = &mut sending {
            sending.forget();
        }
        let decoding = match framing {
            Framing::None | Framing::Length(0) => Decoding::Done,
            Framing::Length(length) => Decoding::Length(length),
            Framing::Chunked => {
                Decoding::Chunked(Box::new(ChunkedDecoder::new(Kind::ResponseMalformed, TrailerLimits::default())))
            }
            Framing::UntilClose => Decoding::UntilClose,
        };
        let client = Some(client);
        let received = Received { client, decoding, keep, sending, quiet: Quiet::new(idle, deadline), sent: 0 };
        ResponseBody { received, home: Some(home) }
    }

    /// Gives the connection home once both directions are done; a failed one has gone already.
    fn finish(&mut self) {
        let received = &mut self.received;
        if matches!(received.decoding, Decoding::Done)
            && received.sending.is_none()
            && let Some(home) = self.home.take()
            && let Some(client) = received.client.take()
        {
            client.go_home(received.keep, home);
        }
    }

    /// Whether the connection is of no use any more, and its lease with it.
    fn settle(&mut self) {
        self.finish();
        if self.received.client.is_none() {
            self.home = None;
        }
    }
}

impl<H: Home + 'static> BodySource for ResponseBody<H> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let polled = self.received.poll_frame(cx);
        if polled.is_ready() {
            self.settle();
            if matches!(polled, Poll::Ready(None)) {
                // What is left of the request has no reader that would matter to the client.
                self.received.client = None;
                self.home = None;
            }
        }
        polled
    }

    fn remaining(&self) -> Option<u64> {
        match self.received.decoding {
            Decoding::Length(left) => Some(left),
            Decoding::Done => Some(0),
            Decoding::Chunked(_) | Decoding::UntilClose => None,
        }
    }

    fn origin(&mut self) -> Option<&mut dyn Any> {
        Some(&mut self.received)
    }
}

impl Received {
    fn fail(&mut self, error: Error) -> Error {
        self.client = None;
        self.sending = None;
        error
    }

    /// Goes on sending the request. An endpoint that takes no more of it may still answer.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let (Some(sending), Some(client)) = (&mut self.sending, &mut self.client) else { return Ok(()) };
        let polled = sending.poll(cx, &mut client.stream);
        if sending.moved() != self.sent {
            // A request that goes on is no idle connection, however long its answer pauses.
            self.sent = sending.moved();
            self.quiet.broken();
        }
        match polled {
            Poll::Ready(Ok(())) => self.sending = None,
            Poll::Ready(Err(Broken::Source(error))) => return Err(error),
            Poll::Ready(Err(Broken::Sink)) => {
                self.sending = None;
                self.keep = false;
            }
            Poll::Pending => {}
        }
        Ok(())
    }

    /// Takes the next piece out of what has been read; `None`: more must be read, or the body has ended.
    fn decode(&mut self) -> Option<Result<Frame, Error>> {
        let input = &mut self.client.as_mut()?.input;
        match &mut self.decoding {
            Decoding::Done => None,
            _ if input.is_empty() => None,
            Decoding::Length(left) => {
                let bytes = take_known(*left, input);
                self.decoding.take(bytes.len() as u64);
                Some(Ok(Frame::Data(bytes)))
            }
            Decoding::UntilClose => Some(Ok(Frame::Data(input.take(input.len())))),
            Decoding::Chunked(decoder) => {
                let piece = take_chunk(decoder, input)?;
                if decoder.is_done() {
                    self.decoding = Decoding::Done;
                }
                piece.transpose()
            }
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        loop {
            if let Err(error) = self.send(cx) {
                return Poll::Ready(Some(Err(self.fail(error))));
            }
            match self.decode() {
                Some(Ok(frame)) => {
                    self.quiet.broken();
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.fail(error)))),
                None => {}
            }
            if matches!(self.decoding, Decoding::Done) {
                return Poll::Ready(None);
            }
            let Some(client) = &mut self.client else { return Poll::Ready(None) };
            match client.poll_fill(cx, usize::MAX) {
                Poll::Ready(Ok(count)) if count > 0 => self.quiet.broken(),
                Poll::Ready(Ok(_)) => return Poll::Ready(self.ended().map(Err)),
                Poll::Ready(Err(_)) => return Poll::Ready(Some(Err(self.fail(Error::new(Kind::ResponseCutOff))))),
                Poll::Pending => match self.wait(cx) {
                    Some(error) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Pending,
                },
            }
        }
    }

    /// Whether what is left may pass by a relay: its length is known, none of it has been read, and nothing else goes
    /// on on its connection.
    pub fn may_relay(&self) -> bool {
        matches!(self.decoding, Decoding::Length(_))
            && self.sending.is_none()
            && self.client.as_ref().is_some_and(|client| client.input.is_empty())
    }

    /// Moves what has arrived into an empty relay. Ready with 0: this way is not to be had, read frames instead.
    ///
    /// # Errors
    /// As reading frames.
    pub fn poll_relay(&mut self, cx: &mut Context<'_>, relay: &mut Relay) -> Poll<Result<usize, Error>> {
        let (Some(client), Decoding::Length(left)) = (&self.client, &self.decoding) else {
            return Poll::Ready(Ok(0));
        };
        let most = usize::try_from(*left).unwrap_or(usize::MAX);
        match relay.poll_fill(cx, &client.stream, most) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(self.fail(Error::new(Kind::ResponseCutOff)))),
            Poll::Ready(Ok(moved)) => {
                self.quiet.broken();
                self.decoding.take(moved as u64);
                Poll::Ready(Ok(moved))
            }
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Unsupported => Poll::Ready(Ok(0)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(self.fail(Error::new(Kind::ResponseCutOff)))),
            Poll::Pending => match self.wait(cx) {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }

    /// Times the wait for more; an error once it has taken too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        let client = self.client.as_ref()?;
        let error = self.quiet.poll(cx, &client.timer)?;
        Some(self.fail(error))
    }

    /// The connection has ended: well, where that is what ends the body.
    fn ended(&mut self) -> Option<Error> {
        let well = matches!(self.decoding, Decoding::UntilClose);
        let error = self.fail(Error::new(Kind::ResponseCutOff));
        if well {
            self.decoding = Decoding::Done;
        }
        (!well).then_some(error)
    }
}

impl Decoding {
    /// Counts bytes of a known length as taken.
    fn take(&mut self, length: u64) {
        if let Decoding::Length(left) = self {
            *left -= length;
            if *left == 0 {
                *self = Decoding::Done;
            }
        }
    }
}
