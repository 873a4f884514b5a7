//! How long a request's body may be.

use std::task::{Context, Poll};

use glorieta_core::{Body, BodySource, Error, Frame, Kind};

use crate::Step;

#[derive(Clone, Copy, Debug)]
pub struct MaxBody {
    pub bytes: u64,
}

impl MaxBody {
    /// Refuses what announces too much; what announces nothing is counted while it comes.
    pub(crate) fn request(self, body: &mut Body) -> Step {
        match body.length() {
            Some(length) if length > self.bytes => Step::Refuse(Error::new(Kind::BodyTooLarge)),
            Some(_) => Step::Continue,
            None => {
                let inner = std::mem::take(body);
                *body = Body::Stream(Box::new(Limited { inner, left: self.bytes }));
                Step::Continue
            }
        }
    }
}

struct Limited {
    inner: Body,
    left: u64,
}

impl BodySource for Limited {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let polled = self.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(Frame::Data(bytes)))) = &polled {
            match self.left.checked_sub(bytes.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(Error::new(Kind::BodyTooLarge)))),
            }
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    struct Pieces(Vec<&'static [u8]>);

    impl BodySource for Pieces {
        fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
            Poll::Ready(self.0.pop().map(|piece| Ok(Frame::Data(Bytes::from_static(piece)))))
        }
    }

    fn outcome(mut body: Body, limit: u64) -> Result<usize, Kind> {
        if let Step::Refuse(error) = (MaxBody { bytes: limit }).request(&mut body) {
            return Err(error.kind);
        }
        let mut total = 0;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(frame)) = body.poll_frame(&mut cx) {
            match frame {
                Ok(Frame::Data(bytes)) => total += bytes.len(),
                Ok(Frame::Trailers(_)) => {}
                Err(error) => return Err(error.kind),
            }
        }
        Ok(total)
    }

    #[test]
    fn an_announced_length_is_judged_at_once() {
        assert_eq!(outcome(Body::Full(Bytes::from_static(b"12345")), 5), Ok(5));
        assert_eq!(outcome(Body::Full(Bytes::from_static(b"123456")), 5), Err(Kind::BodyTooLarge));
    }

    #[test]
    fn an_unknown_length_is_counted_as_it_comes() {
        let pieces = || Body::Stream(Box::new(Pieces(vec![b"123", b"456"])));
        assert_eq!(outcome(pieces(), 6), Ok(6));
        assert_eq!(outcome(pieces(), 5), Err(Kind::BodyTooLarge));
    }
}
