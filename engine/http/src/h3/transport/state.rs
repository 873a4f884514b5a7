//! What both directions of a request's stream and its task tell one another.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use h3::error::Code;
use quinn::{StoppedError, VarInt};

use crate::h3::section::Protocol;

type Stopped = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>>>>;

pub struct StreamState {
    /// Bytes of the answer that were taken off our hands.
    pub moved: Cell<u64>,
    /// Whether something is said here that must not look whole before it is.
    pub has_begun: Cell<bool>,
    /// Whether another head stands in for one that was too large.
    pub too_large: Cell<bool>,
    /// What an extended CONNECT asks for.
    pub protocol: Cell<Option<Protocol>>,
    /// What the client is told if there will be no whole answer.
    pub because: Cell<Code>,
    /// `None` once it is over.
    stopped: RefCell<Option<Stopped>>,
}

impl StreamState {
    pub fn new(stream: &quinn::SendStream) -> StreamState {
        StreamState {
            moved: Cell::new(0),
            has_begun: Cell::new(false),
            too_large: Cell::new(false),
            protocol: Cell::new(None),
            because: Cell::new(Code::H3_INTERNAL_ERROR),
            stopped: RefCell::new(Some(Box::pin(stream.stopped()))),
        }
    }

    /// Ready once the client takes no more of the answer: it has all, it wants no more (STOP_SENDING), or it has gone.
    pub fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut stopped = self.stopped.borrow_mut();
        if let Some(waiting) = &mut *stopped {
            // However it went, nothing more is to be done.
            let _ = ready!(waiting.as_mut().poll(cx));
            *stopped = None;
        }
        Poll::Ready(())
    }
}
