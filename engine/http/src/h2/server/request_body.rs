//! A request's body as the library brings it.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Error, Fields, Kind, Moment};
use glorieta_net::Timer;
use h2::{Reason, RecvStream};

use super::wire::StreamWire;
use crate::multiplexed::{Incoming, trailers_in};

/// Up to this many bytes of a body that nobody wanted are read and forgotten, so that clients may send what they have
/// begun.
const FORGOTTEN: usize = 64 << 10;
/// How long those bytes are waited for.
const FORGOTTEN_WAIT: Duration = Duration::from_secs(2);

pub struct Received {
    stream: RecvStream,
    wire: Rc<StreamWire>,
}

impl Received {
    pub fn new(stream: RecvStream, wire: Rc<StreamWire>) -> Received {
        Received { stream, wire }
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

impl Incoming for Received {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        self.stream.poll_data(cx).map(|data| data.map(|data| data.map_err(|error| broken(&error))))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Fields>, Error>> {
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
            Ok(Some(map)) => trailers_in(&map, Kind::FramingRefused),
            Ok(None) => Ok(None),
            Err(error) => Err(broken(&error)),
        })
    }

    fn is_over(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn used(&mut self, bytes: usize) {
        // It fails where the stream is over, and then nothing is owed.
        let _ = self.stream.flow_control().release_capacity(bytes);
    }

    /// The answer says so, and the library ends the stream with it.
    fn refuse(&mut self) {}

    /// It may be forgotten once the answer is sent; until then the client's windows hold it back.
    fn leave(self) {
        self.wire.leave_unread(self.stream);
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
