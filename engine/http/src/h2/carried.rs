//! Both directions of a stream as a tunnel wants them, whichever side of the connection is ours (RFC 8441 §5).

use std::fmt;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use glorieta_net::Carried;
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::multiplexed::pieces::{self, Pieces};

/// So much is handed to the library at once; what it keeps for one stream is bounded by the same.
const PIECE: usize = 32 << 10;

/// A stream that carries bytes of another protocol.
pub(super) struct Tunnelled<F> {
    receive: RecvStream,
    send: SendStream<Bytes>,
    /// Received, and not yet read. The peer may send as much again once it is.
    read: Bytes,
    received_all: bool,
    /// The peer, or the connection, has broken it off.
    broken: bool,
    sent_all: bool,
    /// Told when something has come.
    heard: F,
}

impl<F: Fn() + Unpin + 'static> Tunnelled<F> {
    pub(super) fn new(receive: RecvStream, send: SendStream<Bytes>, heard: F) -> Tunnelled<F> {
        Tunnelled { receive, send, read: Bytes::new(), received_all: false, broken: false, sent_all: false, heard }
    }
}

impl<F: Fn() + Unpin + 'static> Pieces for Tunnelled<F> {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.read.is_empty() && !self.received_all && !self.broken {
            match ready!(self.receive.poll_data(cx)) {
                Some(Ok(bytes)) => self.read = bytes,
                Some(Err(_)) => self.broken = true,
                None => self.received_all = true,
            }
            (self.heard)();
        }
        if self.broken {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn in_hand(&mut self) -> &mut Bytes {
        &mut self.read
    }

    fn taken(&mut self, count: usize) {
        // It fails where the stream is over, and then nothing is owed.
        let _ = self.receive.flow_control().release_capacity(count);
    }
}

impl<F: Fn() + Unpin + 'static> Carried for Tunnelled<F> {}

impl<F: Fn() + Unpin + 'static> AsyncRead for Tunnelled<F> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        pieces::poll_read(self.get_mut(), cx, buffer)
    }
}

impl<F: Fn() + Unpin + 'static> AsyncWrite for Tunnelled<F> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // No more of the connection's window is asked for than there is to be sent.
        this.send.reserve_capacity(bytes.len().min(PIECE));
        let room = loop {
            match this.send.capacity() {
                0 => match ready!(this.send.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    _ => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
                },
                room => break room,
            }
        };
        let piece = Bytes::copy_from_slice(&bytes[..room.min(bytes.len())]);
        let count = piece.len();
        let sent = this.send.send_data(piece, false);
        Poll::Ready(sent.map(|()| count).map_err(|_| ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library sends by itself; whoever waits to send more learns here that nobody wants it.
        match self.get_mut().send.poll_reset(cx) {
            Poll::Ready(_) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.sent_all, true) {
            this.send.send_data(Bytes::new(), true).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<F> Drop for Tunnelled<F> {
    /// Nobody may take what there was for all there is.
    fn drop(&mut self) {
        if !self.sent_all {
            self.send.send_reset(Reason::CANCEL);
        }
    }
}

impl<F> fmt::Debug for Tunnelled<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tunnelled").field("stream", &self.receive.stream_id()).finish_non_exhaustive()
    }
}
