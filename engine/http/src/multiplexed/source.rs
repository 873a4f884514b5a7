//! The body of an answer on its way out.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{Body, Error, Fields, Frame, Method, Response, ResponseHead, Version};

use crate::h1::server::frame;

/// What of a body is at hand.
pub(crate) struct Source {
    body: Body,
    /// To be sent next.
    pub piece: Bytes,
    pub trailers: Option<Fields>,
    pub ended: bool,
    /// What the body ended with after `piece`, if it ended badly.
    pub failed: Option<Error>,
}

impl Source {
    fn new(body: Body) -> Source {
        Source { body, piece: Bytes::new(), trailers: None, ended: false, failed: None }
    }

    /// An answer taken apart: its head, what `Content-Length` is to say, and its body, looked at once.
    pub async fn of(response: Response, asked: Method, version: Version) -> (ResponseHead, Option<u64>, Source) {
        let Response { head, mut body, announced } = response;
        let length = body.length();
        let (_, bodiless) = frame(asked, version, head.status, length);
        let says = if bodiless { announced.or(length.filter(|&length| length > 0)) } else { length };
        if bodiless {
            body = Body::Empty;
        }
        let mut source = Source::new(body);
        source.look().await;
        (head, says, source)
    }

    /// Looks for the next piece where none is at hand.
    pub fn fill(&mut self, cx: &mut Context<'_>) {
        while self.piece.is_empty() && !self.ended && self.failed.is_none() {
            match self.body.poll_frame(cx) {
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Ok(Frame::Data(bytes)))) => self.piece = bytes,
                Poll::Ready(Some(Ok(Frame::Trailers(fields)))) => {
                    self.trailers = Some(fields);
                    self.ended = true;
                }
                Poll::Ready(Some(Err(error))) => self.failed = Some(error),
                Poll::Pending => break,
            }
        }
    }

    /// Looks once, without waiting.
    async fn look(&mut self) {
        poll_fn(|cx| {
            self.fill(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Ready once there is a piece, or the end of whichever kind.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.fill(cx);
        if self.piece.is_empty() && !self.ended && self.failed.is_none() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Whether there is nothing more to send, not even trailers.
    pub fn is_over(&self) -> bool {
        self.ended && self.piece.is_empty() && self.trailers.is_none()
    }
}
