//! One try at sending a request's body, as fast as the endpoint's windows allow.

use std::task::{Context, Poll};

use ::h2::SendStream;
use bytes::Bytes;
use glorieta_core::{Error, Fields, Frame, Kind};

use crate::h1::pump::{Broken, Waiting};
use crate::multiplexed::trailers_out;
use crate::outgoing::Upload;

pub(super) struct Sending {
    upload: Upload,
    stream: SendStream<Bytes>,
    replayed: usize,
    /// Of a known length: bytes that are still to be taken out.
    left: Option<u64>,
    /// Taken out, and not sent for want of a window.
    piece: Bytes,
    /// Nothing follows what was taken out but these trailers.
    ended: bool,
    trailers: Option<Fields>,
    /// The body waits for `100 Continue`.
    held: bool,
    waits: bool,
    /// All has been handed over, or the endpoint takes no more.
    over: bool,
    waiting: Waiting,
    /// Bytes that the endpoint's windows have let through.
    moved: u64,
}

impl Sending {
    /// `held`: the body waits until [`Sending::allow`].
    pub(super) fn begin(upload: Upload, stream: SendStream<Bytes>, held: bool) -> Sending {
        let left = upload.length();
        Sending {
            upload,
            stream,
            replayed: 0,
            left,
            piece: Bytes::new(),
            ended: false,
            trailers: None,
            held,
            waits: false,
            over: false,
            waiting: Waiting::Source,
            moved: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    pub(super) fn allow(&mut self) {
        self.held = false;
    }

    /// What is waited for, and how far it has come; `None`: for leave to send the body.
    pub(super) fn waiting(&self) -> Option<(Waiting, u64)> {
        (!(self.held && self.waits)).then_some((self.waiting, self.moved))
    }

    /// Frees what is kept: an answer has arrived.
    pub(super) fn forget(&mut self) {
        self.upload.forget();
    }

    pub(super) fn into_upload(self) -> Upload {
        self.upload
    }

    /// Moves on as far as source and windows allow. Ready: all has been handed over, or the endpoint takes no more; it
    /// may still answer.
    ///
    /// # Errors
    /// What the source fails with, or `internal` where it is longer or shorter than was announced.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.over {
            return Poll::Ready(Ok(()));
        }
        let polled = self.poll_all(cx);
        self.over = polled.is_ready();
        match polled {
            Poll::Ready(Err(Broken::Source(error))) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(()) | Err(Broken::Sink)) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.waits = false;
        loop {
            if !self.piece.is_empty() {
                // The end may go along with the last piece.
                if self.left == Some(0) {
                    let _ = self.take_next(cx)?;
                }
                match self.poll_send(cx)? {
                    Poll::Ready(true) => return Poll::Ready(Ok(())),
                    Poll::Ready(false) => continue,
                    Poll::Pending => {
                        self.waiting = Waiting::Sink;
                        return Poll::Pending;
                    }
                }
            }
            if self.held {
                self.waits = true;
                return Poll::Pending;
            }
            if self.ended {
                return Poll::Ready(self.end());
            }
            if self.take_next(cx)?.is_pending() {
                self.waiting = Waiting::Source;
                return Poll::Pending;
            }
        }
    }

    /// Takes the next piece out of the source, or its end.
    fn take_next(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Broken> {
        if self.ended {
            return Ok(Poll::Ready(()));
        }
        match self.upload.poll_frame(&mut self.replayed, cx) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Some(Ok(Frame::Data(bytes)))) => self.take(bytes)?,
            Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                self.ended = true;
                self.trailers = Some(trailers);
            }
            Poll::Ready(Some(Err(error))) => return Err(Broken::Source(error)),
            Poll::Ready(None) => self.ended = true,
        }
        Ok(Poll::Ready(()))
    }

    /// Sends what the windows let through; `true`: that was the end of the body.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Broken>> {
        self.stream.reserve_capacity(self.piece.len());
        while self.stream.capacity() == 0 {
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(Broken::Sink)),
                Poll::Pending => return Poll::Pending,
            }
        }
        let piece = self.piece.split_to(self.stream.capacity().min(self.piece.len()));
        let is_last = self.piece.is_empty() && self.ended && self.trailers.is_none();
        self.moved += piece.len() as u64;
        Poll::Ready(self.stream.send_data(piece, is_last).map(|()| is_last).map_err(|_| Broken::Sink))
    }

    fn take(&mut self, bytes: Bytes) -> Result<(), Broken> {
        if let Some(left) = &mut self.left {
            let length = bytes.len() as u64;
            if length > *left {
                return Err(Broken::Source(Error::because(Kind::Internal, "a body is longer than was announced")));
            }
            *left -= length;
        }
        if !bytes.is_empty() {
            self.piece = bytes;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Broken> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(Broken::Source(Error::because(Kind::Internal, "a body is shorter than was announced")));
        }
        let sent = match self.trailers.take() {
            Some(trailers) => self.stream.send_trailers(trailers_out(&trailers)),
            None => self.stream.send_data(Bytes::new(), true),
        };
        sent.map_err(|_| Broken::Sink)
    }
}
