//! A request's body as it comes from the client: timed, and no more of it taken than is used.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use glorieta_core::{BodySource, Error, Fields, Frame, Kind};
use glorieta_net::Timer;

use super::RequestFacts;
use crate::pace::Pace;

/// The client's direction of a request's stream.
pub(crate) trait Incoming {
    /// The next bytes; `None`: what follows are trailers, or nothing.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>>;

    /// What follows the last bytes.
    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Fields>, Error>>;

    /// Whether it is known that nothing more is to come.
    fn is_over(&self) -> bool;

    /// So many bytes have been passed on: the client may send as many again.
    fn used(&mut self, bytes: usize);

    /// The client broke the rules: it is told so.
    fn refuse(&mut self);

    /// Nobody wants what is still to come.
    fn leave(self);
}

/// What a body needs of its request's stream.
pub(crate) trait Asker {
    /// Bytes of the body that have been read so far.
    fn bytes_in(&self) -> &Cell<u64>;

    /// Asks the client for the body.
    fn send_continue(&self);
}

pub(crate) struct RequestBody<I: Incoming, A: Asker> {
    /// `None` only while it is being dropped.
    incoming: Option<I>,
    asker: Rc<A>,
    timer: Timer,
    pace: Pace,
    expect_continue: bool,
    /// What is still to come, where that was announced.
    left: Option<u64>,
    /// Handed on, and perhaps not passed on yet.
    owed: usize,
    /// What came before anybody asked for it.
    first: Option<Frame>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Data,
    Trailers,
    Done,
    Failed,
}

/// What a body begins with.
pub(crate) enum First {
    End,
    Frame,
    Failed(Error),
}

type Polled = Poll<Option<Result<Frame, Error>>>;

impl<I: Incoming, A: Asker> RequestBody<I, A> {
    pub(crate) fn new(incoming: I, asker: Rc<A>, facts: RequestFacts, pace: Pace) -> RequestBody<I, A> {
        RequestBody {
            incoming: Some(incoming),
            asker,
            timer: Timer::new(),
            pace,
            expect_continue: facts.expect_continue,
            left: facts.length,
            owed: 0,
            first: None,
            stage: Stage::Data,
        }
    }

    /// Looks at what comes first, without asking the client for it.
    pub(crate) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<First> {
        match ready!(self.poll_next(cx)) {
            None => Poll::Ready(First::End),
            Some(Err(error)) => Poll::Ready(First::Failed(error)),
            Some(Ok(frame)) => {
                self.first = Some(frame);
                Poll::Ready(First::Frame)
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        if self.owed > 0 {
            incoming.used(std::mem::take(&mut self.owed));
        }
        loop {
            let polled = match self.stage {
                Stage::Data => incoming.poll_data(cx).map(|data| data.map(|data| data.map(Frame::Data))),
                Stage::Trailers => {
                    incoming.poll_trailers(cx).map(|end| end.map(|end| end.map(Frame::Trailers)).transpose())
                }
                Stage::Done => return Poll::Ready(None),
                Stage::Failed => return Poll::Ready(Some(Err(Error::new(Kind::BodyCutOff)))),
            };
            let Poll::Ready(come) = polled else {
                ready!(self.timer.poll_until(cx, self.pace.wait()));
                return self.fail(Error::new(Kind::BodyTimeout));
            };
            self.timer.disarm();
            match come {
                Some(Err(error)) => return self.fail(error),
                Some(Ok(Frame::Data(bytes))) if bytes.is_empty() => {}
                Some(Ok(Frame::Data(bytes))) => return self.take(bytes),
                None if self.stage == Stage::Data => self.stage = Stage::Trailers,
                end => return self.end(end),
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Polled {
        let count = data.len() as u64;
        if self.left.is_some_and(|left| left < count) {
            return self.fail(Error::because(Kind::FramingRefused, "the body is longer than Content-Length"));
        }
        self.left = self.left.map(|left| left - count);
        self.owed = data.len();
        let bytes_in = self.asker.bytes_in();
        bytes_in.set(bytes_in.get() + count);
        match self.pace.arrived(bytes_in.get()) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::Data(data)))),
            Err(error) => self.fail(error),
        }
    }

    fn end(&mut self, end: Option<Result<Frame, Error>>) -> Polled {
        if self.left.is_some_and(|left| left > 0) {
            return self.fail(Error::new(Kind::BodyCutOff));
        }
        self.stage = Stage::Done;
        Poll::Ready(end)
    }

    fn fail(&mut self, error: Error) -> Polled {
        self.stage = Stage::Failed;
        if let Some(incoming) = self.incoming.as_mut().filter(|_| error.kind == Kind::FramingRefused) {
            incoming.refuse();
        }
        Poll::Ready(Some(Err(error)))
    }
}

impl<I: Incoming, A: Asker> BodySource for RequestBody<I, A> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        if let Some(frame) = self.first.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if std::mem::take(&mut self.expect_continue)
            && self.incoming.as_ref().is_some_and(|incoming| !incoming.is_over())
        {
            self.asker.send_continue();
        }
        self.poll_next(cx)
    }

    fn remaining(&self) -> Option<u64> {
        let first = match &self.first {
            Some(Frame::Data(bytes)) => bytes.len() as u64,
            _ => 0,
        };
        self.left.map(|left| left + first)
    }
}

impl<I: Incoming, A: Asker> Drop for RequestBody<I, A> {
    fn drop(&mut self) {
        let Some(mut incoming) = self.incoming.take() else { return };
        if self.owed > 0 {
            incoming.used(self.owed);
        }
        if matches!(self.stage, Stage::Data | Stage::Trailers) {
            incoming.leave();
        }
    }
}
