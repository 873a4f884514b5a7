//! What is received: of requests frame by frame, on streams of one direction no more than a connection needs to say.

use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::quic::{RecvStream, StreamErrorIncoming, StreamId};
use quinn::{ReadError, VarInt};

use super::connection::Shared;
use super::state::StreamState;
use super::{code, id, stream_lost, terminated};
use crate::h3::frames::{Frames, Violation};

/// What is read at once; packets bring it in pieces of about 1,200 bytes.
const READ: usize = 16 << 10;

fn failed(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => terminated(code.into_inner()),
        ReadError::ConnectionLost(error) => stream_lost(error),
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}

/// The next bytes of a stream; `None` at its end.
fn poll_chunk(
    stream: &mut quinn::RecvStream,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Bytes>, ReadError>> {
    // The future keeps nothing between two polls.
    let read = pin!(stream.read_chunk(most, true));
    read.poll(cx).map_ok(|chunk| chunk.map(|chunk| chunk.bytes))
}

/// A request's direction.
pub struct Receiver {
    stream: quinn::RecvStream,
    shared: Rc<Shared>,
    frames: Frames,
    ended: bool,
    state: Rc<StreamState>,
}

impl Receiver {
    pub(super) fn new(stream: quinn::RecvStream, shared: Rc<Shared>, state: Rc<StreamState>) -> Receiver {
        let frames = Frames::new(shared.longest_head);
        Receiver { stream, shared, frames, ended: false, state }
    }

    fn violated(&mut self, violation: Violation) -> StreamErrorIncoming {
        match violation {
            Violation::Stream(with) => {
                // It may have ended already.
                let _ = self.stream.stop(code(with));
                self.state.because.set(with);
                terminated(with.value())
            }
            Violation::Connection(with) => {
                StreamErrorIncoming::ConnectionErrorIncoming { connection_error: self.shared.violated(with) }
            }
        }
    }

    /// Reads as much as is there, up to what is read at once.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let mut filled = 0;
        while filled < READ {
            match poll_chunk(&mut self.stream, READ - filled, cx) {
                Poll::Ready(Ok(Some(bytes))) => {
                    filled += bytes.len();
                    self.frames.push(&bytes);
                }
                Poll::Ready(Ok(None)) => {
                    self.ended = true;
                    break;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(failed(error))),
                Poll::Pending if filled > 0 => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl RecvStream for Receiver {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        loop {
            match self.frames.next() {
                Ok(Some(piece)) => {
                    self.state.too_large.set(self.frames.is_too_large());
                    self.state.protocol.set(self.frames.protocol());
                    return Poll::Ready(Ok(Some(piece)));
                }
                Ok(None) => {}
                Err(violation) => return Poll::Ready(Err(self.violated(violation))),
            }
            if self.ended {
                let end = self.frames.end().map(|()| None);
                return Poll::Ready(end.map_err(|violation| self.violated(violation)));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    fn stop_sending(&mut self, error_code: u64) {
        let _ = self.stream.stop(VarInt::from_u64(error_code).unwrap_or(VarInt::MAX));
    }

    fn recv_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

/// A stream of one direction: the control stream, those of QPACK, and what means nothing.
pub struct OneWay {
    stream: quinn::RecvStream,
    shared: Rc<Shared>,
}

impl OneWay {
    pub(super) fn new(stream: quinn::RecvStream, shared: Rc<Shared>) -> OneWay {
        OneWay { stream, shared }
    }
}

impl RecvStream for OneWay {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let bytes = ready!(poll_chunk(&mut self.stream, READ, cx)).map_err(failed)?;
        let spent = self.shared.spend(bytes.as_ref().map_or(0, Bytes::len));
        spent.map_err(|connection_error| StreamErrorIncoming::ConnectionErrorIncoming { connection_error })?;
        Poll::Ready(Ok(bytes))
    }

    fn stop_sending(&mut self, error_code: u64) {
        let _ = self.stream.stop(VarInt::from_u64(error_code).unwrap_or(VarInt::MAX));
    }

    fn recv_id(&self) -> StreamId {
        id(self.stream.id())
    }
}
