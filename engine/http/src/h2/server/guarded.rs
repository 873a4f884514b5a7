//! The socket beneath: what was read ahead comes first, and both directions are metered on their way.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use glorieta_core::{Error, Moment};
use glorieta_net::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use super::meter::Meter;

/// `PRI * HTTP/2.0` and the rest of what comes before the first frame (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// How much a closing connection is read from, so that its last words are not destroyed by a reset.
const LINGER_BYTES: usize = 256 << 10;

/// What is to be known of a connection from outside of the library that drives it.
pub struct Watched {
    pub meter: RefCell<Meter>,
    /// Since when the client has taken nothing that waits for it.
    pub blocked: Cell<Option<Moment>>,
    /// Since when the connection says its last words.
    pub closing: Cell<Option<Moment>>,
}

impl Watched {
    /// Why the library has refused a request by itself, each once.
    pub fn next_refusal(&self) -> Option<Error> {
        self.meter.borrow_mut().refusals.next()
    }
}

pub struct Guarded {
    stream: Stream,
    /// Read before it was known what is spoken.
    input: Bytes,
    received: Frames,
    sent: Frames,
    linger: usize,
    watched: Rc<Watched>,
}

impl Guarded {
    pub fn new(stream: Stream, input: Bytes) -> (Guarded, Rc<Watched>) {
        let watched = Rc::new(Watched {
            meter: RefCell::new(Meter::new(Moment::now())),
            blocked: Cell::new(None),
            closing: Cell::new(None),
        });
        let (received, sent) = (Frames::after(PREFACE), Frames::after(0));
        (Guarded { stream, input, received, sent, linger: LINGER_BYTES, watched: watched.clone() }, watched)
    }

    fn meter_received(&mut self, bytes: &[u8]) {
        let now = Moment::now();
        let mut meter = self.watched.meter.borrow_mut();
        meter.pass(now);
        self.received.feed(bytes, |frame| meter.received(frame, now));
    }

    fn meter_sent(&mut self, bytes: &[u8]) {
        let mut meter = self.watched.meter.borrow_mut();
        self.sent.feed(bytes, |frame| meter.sent(frame));
    }

    fn note_written<T>(&self, polled: &Poll<io::Result<T>>) {
        match polled {
            Poll::Pending if self.watched.blocked.get().is_none() => self.watched.blocked.set(Some(Moment::now())),
            Poll::Pending => {}
            Poll::Ready(_) => self.watched.blocked.set(None),
        }
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0_u8; 4096];
        while self.linger > 0 {
            let mut read = ReadBuf::new(&mut scratch);
            let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read));
            if result.is_err() || read.filled().is_empty() {
                break;
            }
            self.linger = self.linger.saturating_sub(read.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watched.meter.borrow().flood().is_some() {
            // Whoever drives the connection sees why, and ends it.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if this.input.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        } else {
            let count = this.input.len().min(buffer.remaining());
            buffer.put_slice(&this.input[..count]);
            this.input.advance(count);
        }
        this.meter_received(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note_written(&written);
        if let Poll::Ready(Ok(count)) = written {
            this.meter_sent(&bytes[..count]);
        }
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.note_written(&written);
        if let Poll::Ready(Ok(mut left)) = written {
            for slice in slices {
                let count = left.min(slice.len());
                this.meter_sent(&slice[..count]);
                left -= count;
            }
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.note_written(&flushed);
        flushed
    }

    /// Says the end, and reads on for a while: closing with unread bytes would send a reset, which may overtake what
    /// was said last.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watched.closing.get().is_none() {
            this.watched.closing.set(Some(Moment::now()));
        }
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        this.poll_linger(cx)
    }
}
