//! A request's body as the library brings it.

use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use glorieta_core::{Error, Fields, Kind};
use h3::error::{Code, StreamError};
use h3::server::RequestStream;

use crate::h3::transport::Receiver;
use crate::multiplexed::{Incoming, trailers_in};

pub struct Received(pub RequestStream<Receiver, Bytes>);

/// What a body ended with that did not end well.
fn broken(error: &StreamError) -> Error {
    match error {
        StreamError::HeaderTooBig { .. } => Error::because(Kind::FramingRefused, "too many trailers"),
        StreamError::StreamError { code: Code::H3_MESSAGE_ERROR, .. }
        | StreamError::RemoteTerminate { code: Code::H3_MESSAGE_ERROR | Code::H3_EXCESSIVE_LOAD, .. } => {
            Error::because(Kind::FramingRefused, "trailers that are none")
        }
        _ => Error::new(Kind::ClientGone),
    }
}

impl Incoming for Received {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        Poll::Ready(match ready!(self.0.poll_recv_data(cx)) {
            Ok(data) => data.map(|mut data| Ok(data.copy_to_bytes(data.remaining()))),
            Err(error) => Some(Err(broken(&error))),
        })
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Fields>, Error>> {
        Poll::Ready(match ready!(self.0.poll_recv_trailers(cx)) {
            Ok(Some(map)) => trailers_in(&map, Kind::FramingRefused),
            Ok(None) => Ok(None),
            Err(error) => Err(broken(&error)),
        })
    }

    /// That is known only once it has come.
    fn is_over(&self) -> bool {
        false
    }

    /// What has been read makes room by itself.
    fn used(&mut self, _: usize) {}

    fn refuse(&mut self) {
        self.0.stop_sending(Code::H3_MESSAGE_ERROR);
    }

    /// The client need not send what nobody reads (RFC 9114 §4.1).
    fn leave(mut self) {
        self.0.stop_sending(Code::H3_NO_ERROR);
    }
}
