//! A request's body on its way to an endpoint, kept so far as it may have to be sent again.

use std::cell::Cell;
use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{Body, Error, Frame};

use crate::h1::codec::Framing;

/// So much of one request's body is kept for another try.
const KEPT_PER_REQUEST: usize = 64 << 10;
/// So much all requests of a worker keep.
const KEPT_PER_WORKER: usize = 16 << 20;
/// Smaller pieces are copied to be kept.
const WORTH_SHARING: usize = 16 << 10;

thread_local! {
    static KEPT: Cell<usize> = const { Cell::new(0) };
}

/// A body and what was already taken out of it.
#[derive(Default)]
pub struct Upload {
    body: Body,
    /// The whole length, where it is known.
    length: Option<u64>,
    /// Pieces that were taken out, in order.
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// Something was taken out and not kept.
    lost: bool,
    /// Whether anything was taken out.
    begun: bool,
}

impl Upload {
    pub fn new(body: Body) -> Upload {
        let length = body.length();
        Upload { body, length, kept: Vec::new(), kept_bytes: 0, lost: false, begun: false }
    }

    /// The whole length, where it is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// How HTTP/1.1 sends it.
    pub fn framing(&self) -> Framing {
        Upload::framing_of(self.length)
    }

    /// How a body of this length is sent.
    pub const fn framing_of(length: Option<u64>) -> Framing {
        match length {
            Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::Chunked,
        }
    }

    /// Whether every byte that was taken out can be sent again.
    pub fn is_replayable(&self) -> bool {
        !self.lost
    }

    /// Whether anything of the body was asked for.
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    /// The next piece of one try, which has taken `replayed` of those that are kept.
    pub(crate) fn poll_frame(
        &mut self,
        replayed: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, Error>>> {
        if let Some(piece) = self.kept.get(*replayed) {
            *replayed += 1;
            return Poll::Ready(Some(Ok(Frame::Data(piece.clone()))));
        }
        self.begun = true;
        let polled = self.body.poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(Frame::Data(bytes)))) => {
                self.keep(bytes);
                *replayed = self.kept.len();
            }
            // Trailers are rare enough not to be kept.
            Poll::Ready(Some(Ok(Frame::Trailers(_)) | Err(_))) => self.lost = true,
            _ => {}
        }
        polled
    }

    fn keep(&mut self, bytes: &Bytes) {
        if self.lost {
            return;
        }
        let fits = self.kept_bytes + bytes.len() <= KEPT_PER_REQUEST && KEPT.get() + bytes.len() <= KEPT_PER_WORKER;
        if fits {
            self.kept_bytes += bytes.len();
            KEPT.set(KEPT.get() + bytes.len());
            // A clone keeps the whole read buffer it lies in: too much for a few bytes.
            self.kept.push(if bytes.len() < WORTH_SHARING { Bytes::copy_from_slice(bytes) } else { bytes.clone() });
        } else {
            self.forget();
            self.lost = true;
        }
    }

    /// Frees what is kept: no other try will follow.
    pub fn forget(&mut self) {
        KEPT.set(KEPT.get() - self.kept_bytes);
        self.kept_bytes = 0;
        self.kept.clear();
        self.lost |= self.begun;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        KEPT.set(KEPT.get() - self.kept_bytes);
    }
}

#[cfg(test)]
mod tests {
    use glorieta_core::Kind;

    use super::*;
    use crate::testing::{Script, Step, idle_context, pattern};

    /// One try at reading an upload: what comes until it pauses, ends or fails.
    fn read(upload: &mut Upload) -> Vec<u8> {
        let (mut replayed, mut data) = (0, Vec::new());
        while let Poll::Ready(Some(Ok(Frame::Data(bytes)))) = upload.poll_frame(&mut replayed, &mut idle_context()) {
            data.extend_from_slice(&bytes);
        }
        data
    }

    fn streamed(sizes: &[usize]) -> Upload {
        Upload::new(Script::body(None, sizes.iter().map(|&size| Step::Data(Bytes::from(pattern(size))))))
    }

    #[test]
    fn the_framing_says_what_is_known_of_the_length() {
        let framing = |body| Upload::new(body).framing();
        assert_eq!(framing(Body::Empty), Framing::None);
        assert_eq!(framing(Body::Full(Bytes::from_static(b"four"))), Framing::Length(4));
        assert_eq!(framing(Script::body(Some(9), [])), Framing::Length(9));
        assert_eq!(framing(Script::body(None, [])), Framing::Chunked);
        // It does not change with what has been taken out.
        let mut upload = Upload::new(Script::body(Some(4), [Step::data("four")]));
        read(&mut upload);
        assert_eq!(upload.framing(), Framing::Length(4));
    }

    #[test]
    fn every_try_reads_the_same() {
        let mut upload = Upload::new(Script::body(None, [Step::data("a"), Step::Later, Step::data("b")]));
        assert!(!upload.is_begun());
        for expected in [&b"a"[..], b"ab", b"ab"] {
            assert_eq!(read(&mut upload), expected);
            assert!(upload.is_replayable() && upload.is_begun());
        }
    }

    #[test]
    fn up_to_64_kib_are_kept() {
        let mut fits = streamed(&[32 << 10, 16 << 10, 16 << 10]);
        let first = read(&mut fits);
        assert!(fits.is_replayable() && read(&mut fits) == first);
        let mut too_long = streamed(&[32 << 10, 32 << 10, 1]);
        assert_eq!(read(&mut too_long).len(), (64 << 10) + 1);
        assert!(!too_long.is_replayable());
        assert_eq!(too_long.kept_bytes, 0);
    }

    #[test]
    fn all_requests_of_a_worker_keep_a_bounded_sum_and_give_it_back() {
        let before = KEPT.get();
        let mut uploads: Vec<_> = (0..300).map(|_| streamed(&[64 << 10])).collect();
        uploads.iter_mut().for_each(|upload| drop(read(upload)));
        let kept = uploads.iter().filter(|upload| upload.is_replayable()).count();
        assert_eq!(kept, (KEPT_PER_WORKER - before) / KEPT_PER_REQUEST);
        assert_eq!(KEPT.get() - before, kept * KEPT_PER_REQUEST);
        uploads[0].forget();
        assert!(!uploads[0].is_replayable());
        assert_eq!(KEPT.get() - before, (kept - 1) * KEPT_PER_REQUEST);
        drop(uploads);
        assert_eq!(KEPT.get(), before);
    }

    #[test]
    fn forgetting_what_was_never_asked_for_loses_nothing() {
        let mut upload = streamed(&[3]);
        upload.forget();
        assert!(upload.is_replayable());
        assert_eq!(read(&mut upload).len(), 3);
        upload.forget();
        assert!(!upload.is_replayable());
    }

    #[test]
    fn small_pieces_are_copied_so_that_they_hold_no_large_buffer() {
        let buffer = Bytes::from(pattern(72 << 10));
        let piece = buffer.slice(100..200);
        let mut upload = Upload::new(Script::body(None, [Step::Data(piece.clone())]));
        assert!(read(&mut upload) == piece);
        assert_ne!(upload.kept[0].as_ptr(), piece.as_ptr());
        assert_eq!(upload.kept[0], piece);
        let large = buffer.slice(..WORTH_SHARING);
        let mut upload = Upload::new(Script::body(None, [Step::Data(large.clone())]));
        read(&mut upload);
        assert_eq!(upload.kept[0].as_ptr(), large.as_ptr());
    }

    #[test]
    fn a_failure_is_not_replayable() {
        let mut upload = Upload::new(Script::body(None, [Step::data("x"), Step::Fail(Error::new(Kind::BodyCutOff))]));
        assert_eq!(read(&mut upload), b"x");
        assert!(!upload.is_replayable());
    }
}
