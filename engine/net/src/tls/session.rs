//! A stream that encrypts what is written and decrypts what is read.
//!
//! An idle one holds no buffer of its own: what arrives is read into one that the worker's sessions share, and only
//! what a reader has no room for is kept.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, BufRead, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use rustls::{Connection, HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Silence, Stream};

/// Room for what is read at once: four of the largest records.
const READ: usize = 64 << 10;
/// So much may wait to be sent: the next write is accepted only once there is room.
const UNSENT: usize = 64 << 10;

thread_local! {
    /// Empty between two reads.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// How the other side has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It said so.
    Said,
    /// The connection ended without a word: what has come may be cut off.
    Cut,
}

/// An encrypted stream over another.
#[derive(Debug)]
pub struct Session {
    stream: Stream,
    connection: Connection,
    /// Read and not yet decrypted, for want of room.
    unread: Bytes,
    /// Decrypted and not yet read.
    plain: usize,
    end: Option<End>,
    said_end: bool,
    /// Nothing more is said, the end neither: the other side must not take what it has for all.
    forsaken: Cell<bool>,
}

impl Session {
    /// A session whose handshake has not been finished; `unread`: what was read behind its first message.
    pub(super) fn new(stream: Stream, mut connection: Connection, unread: Bytes) -> Session {
        connection.set_buffer_limit(Some(UNSENT));
        Session { stream, connection, unread, plain: 0, end: None, said_end: false, forsaken: Cell::new(false) }
    }

    /// Finishes the handshake.
    ///
    /// # Errors
    /// `InvalidData` with the reason of `rustls`, or what the connection fails with.
    pub(super) async fn handshake(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_handshake(cx)).await
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush_held(cx))?;
            if !self.connection.is_handshaking() && !self.connection.wants_write() {
                return Poll::Ready(Ok(()));
            }
            if self.end.is_some() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            if self.connection.is_handshaking() {
                ready!(self.poll_more(cx))?;
            }
        }
    }

    pub(super) fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "",
        }
    }

    /// What both sides agreed to speak (ALPN, RFC 7301).
    pub fn protocol(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether an earlier session was taken up again.
    pub(super) fn is_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The stream beneath, after a handshake that has failed.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Sends what is encrypted and not yet sent.
    pub fn poll_flush_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.connection.wants_write() {
            let mut sink = Sink { stream: &mut self.stream, cx };
            match self.connection.write_tls(&mut sink) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once what has come and decrypts it.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let mut unread = std::mem::take(&mut self.unread);
            let used = self.decrypt(cx, &unread)?;
            if used < unread.len() && self.end.is_none() {
                unread.advance(used);
                self.unread = unread;
            }
            return Poll::Ready(Ok(()));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                self.end = self.end.or(Some(End::Cut));
                return Poll::Ready(Ok(()));
            }
            let used = self.decrypt(cx, read.filled())?;
            if self.end.is_none() {
                self.unread = Bytes::copy_from_slice(&read.filled()[used..]);
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Decrypts records until there is something to read; how many bytes that took.
    fn decrypt(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() && self.plain == 0 && self.end.is_none() {
            self.connection.read_tls(&mut rest)?;
            match self.connection.process_new_packets() {
                Ok(state) => {
                    self.plain = state.plaintext_bytes_to_read();
                    if state.peer_has_closed() {
                        self.end = Some(End::Said);
                    }
                }
                Err(error) => {
                    // The alert that says why; whether it arrives is the other side's affair.
                    let _ = self.poll_flush_held(cx);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
        // Answers to updates of keys; what cannot be sent now goes with the next write.
        let _ = self.poll_flush_held(cx);
        Ok(bytes.len() - rest.len())
    }

    /// Ready once there is something to read, or the other side has ended; sends meanwhile what is still held.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whether the other side takes anything is for writes to say: it may have answered before it stopped.
        let _ = self.poll_flush_held(cx);
        while self.plain == 0 && self.end.is_none() {
            ready!(self.poll_more(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// What breaks its silence; to be asked once it is readable.
    pub fn silence(&self) -> Silence {
        match self.end {
            _ if self.plain > 0 || !self.unread.is_empty() => Silence::Bytes,
            None => Silence::Unbroken,
            Some(End::Said) => Silence::Ended,
            // Half-closing takes a word (RFC 8446 §6.1): who goes without one is gone altogether.
            Some(End::Cut) => Silence::Broken,
        }
    }

    /// Says no more.
    pub fn forsake(&self) {
        self.forsaken.set(true);
    }

    pub fn beneath(&self) -> &Stream {
        &self.stream
    }

    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            while self.plain > 0 && buffer.remaining() > 0 {
                let mut reader = self.connection.reader();
                let piece = reader.fill_buf()?;
                let count = piece.len().min(buffer.remaining());
                buffer.put_slice(&piece[..count]);
                reader.consume(count);
                self.plain -= count;
            }
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if let Some(end) = self.end {
                // What came before the cut is still to be had.
                let is_cut = end == End::Cut && buffer.filled().len() == before;
                return Poll::Ready(if is_cut { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) });
            }
            if buffer.filled().len() > before && self.unread.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match self.poll_readable(cx) {
                Poll::Ready(Ok(())) => {}
                // Part of a record has come; what stood before it is enough for now.
                _ if buffer.filled().len() > before => return Poll::Ready(Ok(())),
                other => return other,
            }
        }
    }

    /// Encrypts, and sends as much as can be sent now. What is not sent yet goes with whatever is asked of the session
    /// next, be it to read.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        loop {
            let taken = self.connection.writer().write_vectored(slices)?;
            let sent = self.poll_flush_held(cx);
            match (taken, sent) {
                (_, Poll::Ready(Err(error))) => return Poll::Ready(Err(error)),
                (0, Poll::Pending) => return Poll::Pending,
                (0, Poll::Ready(Ok(()))) => {}
                (taken, _) => return Poll::Ready(Ok(taken)),
            }
        }
    }

    /// Says the end, after all that was written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.forsaken.get() {
            return Poll::Ready(Ok(()));
        }
        if !std::mem::replace(&mut self.said_end, true) {
            self.connection.send_close_notify();
        }
        ready!(self.poll_flush_held(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The stream beneath as `rustls` writes to it.
struct Sink<'a, 'c> {
    stream: &'a mut Stream,
    cx: &'a mut Context<'c>,
}

impl Sink<'_, '_> {
    fn now(polled: Poll<io::Result<usize>>) -> io::Result<usize> {
        match polled {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Sink::now(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // One record is the rule, and the system takes a single piece by a shorter way.
        if let [slice] = slices {
            return self.write(slice);
        }
        Sink::now(Pin::new(&mut *self.stream).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
