//! An answer's body as it comes from an endpoint, while the rest of the request may still be going out.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use ::h2::{Error as H2Error, Reason, RecvStream};
use bytes::Bytes;
use glorieta_core::{BodySource, Error, Frame, Kind};
use glorieta_net::Timer;

use super::driver::Pulse;
use super::failure::cut_off;
use super::sending::Sending;
use crate::multiplexed::trailers_in;
use crate::outgoing::Quiet;

/// Fields are dropped in this order: what belongs to the stream before what counts it.
pub(super) struct ResponseBody<H> {
    incoming: Option<Incoming>,
    left: Option<u64>,
    hold: Option<H>,
}

struct Incoming {
    stream: RecvStream,
    sending: Option<Sending>,
    /// Bytes that were passed on; the endpoint may send as many more once whoever took them asks for more.
    taken: usize,
    /// The data has ended; trailers may follow.
    ended: bool,
    timer: Timer,
    quiet: Quiet,
    /// How far the request had come when it was looked at last.
    sent: u64,
    pulse: Rc<Pulse>,
}

impl<H> ResponseBody<H> {
    pub(super) fn new(
        stream: RecvStream,
        left: Option<u64>,
        mut sending: Option<Sending>,
        timer: Timer,
        quiet: Quiet,
        pulse: Rc<Pulse>,
        hold: H,
    ) -> ResponseBody<H> {
        if let Some(sending) = &mut sending {
            sending.forget();
        }
        let incoming = Incoming { stream, sending, taken: 0, ended: false, timer, quiet, sent: 0, pulse };
        ResponseBody { incoming: Some(incoming), left, hold: Some(hold) }
    }

    /// Ends the stream, which is reset unless both directions have ended.
    fn close(&mut self) {
        self.incoming = None;
        self.hold = None;
    }
}

impl<H: 'static> BodySource for ResponseBody<H> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let mut frame = ready!(incoming.poll_frame(cx));
        match (&frame, &mut self.left) {
            (Some(Ok(Frame::Data(bytes))), left) => {
                // The library refuses more than was announced.
                *left = left.map(|left| left.saturating_sub(bytes.len() as u64));
            }
            (Some(Ok(Frame::Trailers(_))) | None, Some(1..)) => {
                frame = Some(Err(Error::new(Kind::ResponseCutOff)));
                self.close();
            }
            _ => self.close(),
        }
        Poll::Ready(frame)
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }
}

impl<H> Drop for ResponseBody<H> {
    fn drop(&mut self) {
        if let Some(Incoming { stream, sending: None, pulse, .. }) = self.incoming.take()
            && self.left == Some(0)
        {
            pulse.see_off(stream);
        }
    }
}

impl Incoming {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if let Err(error) = self.send(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        if self.taken > 0 {
            // It fails only on a stream that has ended, which reading tells.
            let _ = self.stream.flow_control().release_capacity(std::mem::take(&mut self.taken));
        }
        while !self.ended {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                Poll::Ready(Some(Ok(bytes))) => return Poll::Ready(Some(Ok(Frame::Data(self.take(bytes))))),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.failed(&error)),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => return self.wait(cx),
            }
        }
        match self.stream.poll_trailers(cx) {
            Poll::Ready(Ok(None)) => Poll::Ready(None),
            Poll::Ready(Ok(Some(trailers))) => {
                let trailers = trailers_in(&trailers, Kind::ResponseMalformed);
                Poll::Ready(trailers.map(|trailers| trailers.map(Frame::Trailers)).transpose())
            }
            Poll::Ready(Err(error)) => Poll::Ready(self.failed(&error)),
            Poll::Pending => self.wait(cx),
        }
    }

    /// Goes on sending the request.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Some(sending) = &mut self.sending else { return Ok(()) };
        let polled = sending.poll(cx);
        if sending.moved() != self.sent {
            // A request that goes on is no idle stream, however long its answer pauses.
            self.sent = sending.moved();
            self.quiet.broken();
        }
        if let Poll::Ready(ended) = polled {
            self.sending = None;
            return ended;
        }
        Ok(())
    }

    fn take(&mut self, bytes: Bytes) -> Bytes {
        self.pulse.beat();
        self.quiet.broken();
        self.taken = bytes.len();
        bytes
    }

    /// A stream that is reset with `NO_ERROR` has been answered whole (RFC 9113 §8.1): the endpoint needs no more of
    /// the request.
    fn failed(&self, error: &H2Error) -> Option<Result<Frame, Error>> {
        let is_well = error.is_reset() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
        (!is_well).then(|| Err(cut_off(error, &self.pulse)))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        match self.quiet.poll(cx, &self.timer) {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => Poll::Pending,
        }
    }
}
