//! A body of which only the length is known.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glorieta_core::{Body, BodySource, Error, Frame, Kind};
use glorieta_http::h1::codec::Framing;

/// As long as pieces may be without costing memory worth a word.
static PIECE: [u8; 64 << 10] = [0; 64 << 10];
/// The longest body that is counted through; who has more has not thought of the unit.
pub const LONGEST: u64 = 1 << 40;

struct Announced {
    left: u64,
    /// Whether the length was said beforehand.
    known: bool,
}

impl BodySource for Announced {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let length = self.left.min(PIECE.len() as u64);
        self.left -= length;
        Poll::Ready((length > 0).then(|| Ok(Frame::Data(Bytes::from_static(&PIECE[..length as usize])))))
    }

    fn remaining(&self) -> Option<u64> {
        self.known.then_some(self.left)
    }
}

/// The body of a request whose head says this; `bytes` are sent where it does not say how many.
pub fn announced(framing: Framing, bytes: Option<u64>) -> Body {
    match framing {
        Framing::None | Framing::Length(0) | Framing::UntilClose => Body::Empty,
        Framing::Length(left) => Body::Stream(Box::new(Announced { left, known: true })),
        Framing::Chunked => Body::Stream(Box::new(Announced { left: bytes.unwrap_or(0), known: false })),
    }
}

/// Takes a body of unknown length to its end: filters may refuse it on the way.
pub fn read_through(body: &mut Body) -> Result<(), Error> {
    if body.length().is_some() {
        return Ok(());
    }
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(frame)) = body.poll_frame(&mut cx) {
        match frame {
            // Nobody knows what it would say, so nobody can tell what it decodes to.
            Err(error) if error.kind == Kind::ContentUndecodable => return Ok(()),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}
