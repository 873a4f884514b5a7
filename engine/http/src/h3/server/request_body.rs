//! A request's body as it comes from the client: timed, and no more of it taken than is used.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use glorieta_core::{BodySource, Error, Frame, Kind};
use glorieta_net::Timer;
use h3::error::{Code, StreamError};
use h3::server::RequestStream;

use super::wire::StreamWire;
use crate::h3::transport::Receiver;
use crate::multiplexed::{RequestFacts, trailers_in};
use crate::pace::Pace;
use crate::service::Settings;

pub struct RequestBody {
    stream: RequestStream<Receiver, Bytes>,
    wire: Rc<StreamWire>,
    timer: Timer,
    pace: Pace,
    expect_continue: bool,
    /// What is still to come, where that was announced.
    left: Option<u64>,
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

impl RequestBody {
    pub fn new(
        stream: RequestStream<Receiver, Bytes>,
        wire: Rc<StreamWire>,
        facts: RequestFacts,
        settings: &Settings,
    ) -> RequestBody {
        RequestBody {
            stream,
            wire,
            timer: Timer::new(),
            pace: Pace::new(settings),
            expect_continue: facts.expect_continue,
            left: facts.length,
            first: None,
            stage: Stage::Data,
        }
    }

    /// Looks at what comes first, without asking the client for it.
    pub fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<First> {
        match ready!(self.poll_next(cx)) {
            None => Poll::Ready(First::End),
            Some(Err(error)) => Poll::Ready(First::Failed(error)),
            Some(Ok(frame)) => {
                self.first = Some(frame);
                Poll::Ready(First::Frame)
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        loop {
            let polled = match self.stage {
                Stage::Data => self.poll_data(cx),
                Stage::Trailers => self.poll_trailers(cx),
                Stage::Done => return Poll::Ready(None),
                Stage::Failed => return Poll::Ready(Some(Err(Error::new(Kind::BodyCutOff)))),
            };
            match polled {
                Poll::Ready(Some(Err(error))) => return self.fail(error),
                Poll::Ready(Some(Ok(Frame::Data(bytes)))) if bytes.is_empty() => {}
                Poll::Ready(Some(frame)) => return Poll::Ready(Some(frame)),
                Poll::Ready(None) => {}
                Poll::Pending => {
                    ready!(self.timer.poll_until(cx, self.pace.wait()));
                    return self.fail(Error::new(Kind::BodyTimeout));
                }
            }
        }
    }

    /// `None`: what follows are trailers, or nothing.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let data = match ready!(self.stream.poll_recv_data(cx)) {
            Ok(Some(mut data)) => data.copy_to_bytes(data.remaining()),
            Ok(None) => {
                self.stage = Stage::Trailers;
                return Poll::Ready(None);
            }
            Err(error) => return Poll::Ready(Some(Err(broken(&error)))),
        };
        Poll::Ready(Some(self.take(data)))
    }

    fn take(&mut self, data: Bytes) -> Result<Frame, Error> {
        let count = data.len() as u64;
        self.left = match self.left {
            Some(left) if left < count => {
                return Err(Error::because(Kind::FramingRefused, "the body is longer than Content-Length"));
            }
            left => left.map(|left| left - count),
        };
        self.wire.bytes_in.set(self.wire.bytes_in.get() + count);
        self.timer.disarm();
        self.pace.arrived(self.wire.bytes_in.get())?;
        Ok(Frame::Data(data))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let trailers = match ready!(self.stream.poll_recv_trailers(cx)) {
            Ok(Some(map)) => trailers_in(&map, Kind::FramingRefused),
            Ok(None) => Ok(None),
            Err(error) => Err(broken(&error)),
        };
        self.timer.disarm();
        if self.left.is_some_and(|left| left > 0) && trailers.is_ok() {
            return Poll::Ready(Some(Err(Error::new(Kind::BodyCutOff))));
        }
        self.stage = Stage::Done;
        Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::Trailers)))
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame, Error>>> {
        self.stage = Stage::Failed;
        if error.kind == Kind::FramingRefused {
            self.stream.stop_sending(Code::H3_MESSAGE_ERROR);
        }
        Poll::Ready(Some(Err(error)))
    }
}

/// What a body begins with.
pub enum First {
    End,
    Frame,
    Failed(Error),
}

/// What a body ended with that did not end well.
pub fn broken(error: &StreamError) -> Error {
    match error {
        StreamError::HeaderTooBig { .. } => Error::because(Kind::FramingRefused, "too many trailers"),
        StreamError::StreamError { code: Code::H3_MESSAGE_ERROR, .. }
        | StreamError::RemoteTerminate { code: Code::H3_MESSAGE_ERROR | Code::H3_EXCESSIVE_LOAD, .. } => {
            Error::because(Kind::FramingRefused, "trailers that are none")
        }
        _ => Error::new(Kind::ClientGone),
    }
}

impl BodySource for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if let Some(frame) = self.first.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if std::mem::take(&mut self.expect_continue) {
            self.wire.send_continue();
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

impl Drop for RequestBody {
    /// The client need not send what nobody reads (RFC 9114 §4.1).
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Data | Stage::Trailers) {
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
}
