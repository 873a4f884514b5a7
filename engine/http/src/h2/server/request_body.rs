//! A request's body as it comes from the client: timed, and no more of it taken than is used.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{BodySource, Error, Frame, Kind, Moment};
use glorieta_net::Timer;
use h2::{Reason, RecvStream};

use super::wire::StreamWire;
use crate::multiplexed::{RequestFacts, trailers_in};
use crate::pace::Pace;

/// Up to this many bytes of a body that nobody wanted are read and forgotten, so that clients may send what they have
/// begun.
const FORGOTTEN: usize = 64 << 10;
/// How long those bytes are waited for.
const FORGOTTEN_WAIT: Duration = Duration::from_secs(2);

pub struct RequestBody {
    /// `None` once it is left unread.
    stream: Option<RecvStream>,
    wire: Rc<StreamWire>,
    timer: Timer,
    pace: Pace,
    expect_continue: bool,
    /// What is still to come, where that was announced.
    left: Option<u64>,
    /// Handed on, and not yet given back to the client's windows.
    owed: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Data,
    Trailers,
    Done,
    Failed,
}

impl RequestBody {
    pub fn new(stream: RecvStream, wire: Rc<StreamWire>, facts: RequestFacts, pace: Pace) -> RequestBody {
        RequestBody {
            stream: Some(stream),
            wire,
            timer: Timer::new(),
            pace,
            expect_continue: facts.expect_continue,
            left: facts.length,
            owed: 0,
            stage: Stage::Data,
        }
    }

    /// Whoever asks for more has passed on what was there: the client may send as much again.
    fn give_back(&mut self) {
        let owed = std::mem::take(&mut self.owed);
        if let Some(stream) = self.stream.as_mut().filter(|_| owed > 0) {
            // It fails where the stream is over, and then nothing is owed.
            let _ = stream.flow_control().release_capacity(owed);
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        match stream.poll_data(cx) {
            Poll::Ready(data) => {
                self.timer.disarm();
                Poll::Ready(data.map(|data| data.map_err(|error| broken(&error))))
            }
            Poll::Pending => {
                let late = self.timer.poll_until(cx, self.pace.wait());
                late.map(|()| Some(Err(Error::new(Kind::BodyTimeout))))
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Frame, Error> {
        let count = data.len() as u64;
        self.owed = data.len();
        self.left = self.left.map(|left| left.saturating_sub(count));
        self.wire.bytes_in.set(self.wire.bytes_in.get() + count);
        self.pace.arrived(self.wire.bytes_in.get())?;
        Ok(Frame::Data(data))
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame, Error>>> {
        self.stage = Stage::Failed;
        Poll::Ready(Some(Err(error)))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let trailers = match stream.poll_trailers(cx) {
            Poll::Ready(Ok(Some(map))) => trailers_in(&map, Kind::FramingRefused),
            Poll::Ready(Ok(None)) => Ok(None),
            Poll::Ready(Err(error)) => Err(broken(&error)),
            Poll::Pending => {
                ready!(self.timer.poll_until(cx, self.pace.wait()));
                Err(Error::new(Kind::BodyTimeout))
            }
        };
        self.timer.disarm();
        match trailers {
            Ok(fields) => {
                self.stage = Stage::Done;
                Poll::Ready(fields.map(|fields| Ok(Frame::Trailers(fields))))
            }
            Err(error) => self.fail(error),
        }
    }
}

/// What a body ended with that did not end well.
fn broken(error: &h2::Error) -> Error {
    match error.reason() {
        // More or less came than was announced, or it was no body at all.
        Some(Reason::PROTOCOL_ERROR) if error.is_library() => Error::new(Kind::BodyCutOff),
        _ => Error::new(Kind::ClientGone),
    }
}

impl BodySource for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        self.give_back();
        if std::mem::take(&mut self.expect_continue)
            && self.stream.as_ref().is_some_and(|stream| !stream.is_end_stream())
        {
            self.wire.send_continue();
        }
        loop {
            match self.stage {
                Stage::Data => match ready!(self.poll_data(cx)) {
                    Some(Ok(data)) if data.is_empty() => {}
                    Some(Ok(data)) => {
                        return match self.take(data) {
                            Ok(frame) => Poll::Ready(Some(Ok(frame))),
                            Err(error) => self.fail(error),
                        };
                    }
                    Some(Err(error)) => return self.fail(error),
                    None => self.stage = Stage::Trailers,
                },
                Stage::Trailers => return self.poll_trailers(cx),
                Stage::Done => return Poll::Ready(None),
                Stage::Failed => return Poll::Ready(Some(Err(Error::new(Kind::BodyCutOff)))),
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }
}

impl Drop for RequestBody {
    /// What is still to come may be forgotten once the answer is sent; until then the client's windows hold it back.
    fn drop(&mut self) {
        self.give_back();
        if self.stage == Stage::Data
            && let Some(stream) = self.stream.take()
        {
            self.wire.leave_unread(stream);
        }
    }
}

/// Reads the rest of a body that nobody wanted. Whoever sends more than a little is told to stop, by dropping it
/// (RFC 9113 §8.1).
pub async fn forget(mut body: RecvStream) {
    let (timer, until) = (Timer::new(), Moment::now().plus(FORGOTTEN_WAIT));
    let mut left = FORGOTTEN;
    poll_fn(|cx| {
        loop {
            match body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.len() <= left => {
                    left -= data.len();
                    // It fails where the stream is over, and then nothing is owed.
                    let _ = body.flow_control().release_capacity(data.len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.poll_until(cx, until),
            }
        }
    })
    .await;
}
