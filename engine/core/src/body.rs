//! Bodies. One trait, so that nothing above is generic over where bytes come from.

use std::any::Any;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::{Error, Fields};

/// A piece of a body.
#[derive(Debug)]
pub enum Frame {
    Data(Bytes),
    /// Fields after the body (RFC 9110 §6.5). Nothing follows them.
    Trailers(Fields),
}

/// Where a streamed body comes from. Back-pressure is not polling.
pub trait BodySource {
    /// The next piece; `None` once the body has ended well. An error ends it badly.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>>;

    /// How many bytes are still to come, where that is known.
    fn remaining(&self) -> Option<u64> {
        None
    }

    /// What it is made of, for whoever knows a cheaper way to take bytes from that kind. A source that changes or
    /// counts what passes says nothing.
    fn origin(&mut self) -> Option<&mut dyn Any> {
        None
    }
}

/// A message's body.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Full(Bytes),
    Stream(Box<dyn BodySource>),
}

impl Body {
    pub fn is_empty(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Stream(_) => false,
        }
    }

    /// The length in bytes, where it is known beforehand.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::Empty => Some(0),
            Body::Full(bytes) => Some(bytes.len() as u64),
            Body::Stream(source) => source.remaining(),
        }
    }

    /// The next piece. A finished body is `Body::Empty` and stays so.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        match self {
            Body::Empty => Poll::Ready(None),
            Body::Full(_) => match std::mem::take(self) {
                Body::Full(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::Data(bytes)))),
                _ => Poll::Ready(None),
            },
            Body::Stream(source) => match source.poll_frame(cx) {
                Poll::Ready(None) => {
                    *self = Body::Empty;
                    Poll::Ready(None)
                }
                other => other,
            },
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::Empty => out.write_str("Empty"),
            Body::Full(bytes) => write!(out, "Full({})", bytes.len()),
            Body::Stream(source) => write!(out, "Stream({:?})", source.remaining()),
        }
    }
}
