//! What is sent on a stream. Dropped before it is finished, it is reset: nobody takes half an answer for a whole one.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::quic::{SendStream, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{VarInt, WriteError};

use super::state::StreamState;
use super::{code, id, stream_lost, terminated};

pub struct Sender {
    stream: quinn::SendStream,
    writing: Option<WriteBuf<Bytes>>,
    state: Rc<StreamState>,
    over: bool,
}

impl Sender {
    pub fn new(stream: quinn::SendStream, state: Rc<StreamState>) -> Sender {
        Sender { stream, writing: None, state, over: false }
    }
}

fn failed(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => terminated(code.into_inner()),
        WriteError::ConnectionLost(error) => stream_lost(error),
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}

impl SendStream<Bytes> for Sender {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        if let Some(data) = &mut self.writing {
            while data.has_remaining() {
                let written = ready!(Pin::new(&mut self.stream).poll_write(cx, data.chunk())).map_err(failed)?;
                data.advance(written);
                self.state.moved.set(self.state.moved.get() + written as u64);
            }
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.over = true;
        Poll::Ready(self.stream.finish().map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, reset_code: u64) {
        self.over = true;
        // It may have ended already.
        let _ = self.stream.reset(VarInt::from_u64(reset_code).unwrap_or(VarInt::MAX));
    }

    fn send_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Where no answer of ours has begun, `h3` may have given one of its own, which is whole.
        let is_whole = !self.state.has_begun.get() && self.state.moved.get() > 0 && self.writing.is_none();
        if !self.over && !is_whole {
            let _ = self.stream.reset(code(self.state.because.get()));
        }
    }
}
