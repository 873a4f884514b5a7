//! Both directions of a request's stream as a tunnel wants them (RFC 9220).

use std::fmt;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use glorieta_net::Carried;
use h3::error::{Code, StreamError};
use h3::server::RequestStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::h3::transport::{Receiver, Sender, StreamState};
use crate::multiplexed::pieces::{self, Pieces};

/// The longest DATA frame that is written.
const PIECE: usize = 16 << 10;

type Send = RequestStream<Sender, Bytes>;
type Write = dyn Future<Output = (Box<Send>, Result<(), StreamError>)>;

/// A stream that carries bytes of another protocol.
pub struct Tunnelled {
    receive: RequestStream<Receiver, Bytes>,
    /// Received, and not yet read.
    read: Bytes,
    received_all: bool,
    /// The peer, or the connection, has broken it off.
    broken: bool,
    sending: Sending,
    sent_all: bool,
    state: Rc<StreamState>,
}

/// The library writes by futures: one that is under way has the stream with it.
enum Sending {
    Idle(Box<Send>),
    Busy(Pin<Box<Write>>),
    Broken,
}

fn reset() -> io::Error {
    ErrorKind::ConnectionReset.into()
}

impl Tunnelled {
    pub fn new(receive: RequestStream<Receiver, Bytes>, send: Send, state: Rc<StreamState>) -> Tunnelled {
        let sending = Sending::Idle(Box::new(send));
        Tunnelled { receive, read: Bytes::new(), received_all: false, broken: false, sending, sent_all: false, state }
    }

    /// Waits until what was written before is taken.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Sending::Busy(writing) = &mut self.sending {
            let (stream, written) = ready!(writing.as_mut().poll(cx));
            self.sending = if written.is_ok() { Sending::Idle(stream) } else { Sending::Broken };
        }
        match self.sending {
            Sending::Broken => Poll::Ready(Err(reset())),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Begins to write; how it goes shows with the next look.
    fn begin<F>(&mut self, cx: &mut Context<'_>, write: impl FnOnce(Box<Send>) -> F) -> io::Result<()>
    where
        F: Future<Output = (Box<Send>, Result<(), StreamError>)> + 'static,
    {
        match std::mem::replace(&mut self.sending, Sending::Broken) {
            Sending::Idle(stream) => self.sending = Sending::Busy(Box::pin(write(stream))),
            _ => return Err(reset()),
        }
        match self.poll_sent(cx) {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }
}

impl Pieces for Tunnelled {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.read.is_empty() && !self.received_all && !self.broken {
            match ready!(self.receive.poll_recv_data(cx)) {
                Ok(Some(mut data)) => self.read = data.copy_to_bytes(data.remaining()),
                Ok(None) => self.received_all = true,
                Err(_) => self.broken = true,
            }
        }
        Poll::Ready(if self.broken { Err(reset()) } else { Ok(()) })
    }

    fn in_hand(&mut self) -> &mut Bytes {
        &mut self.read
    }
}

impl Carried for Tunnelled {}

impl AsyncRead for Tunnelled {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        pieces::poll_read(self.get_mut(), cx, buffer)
    }
}

impl AsyncWrite for Tunnelled {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_sent(cx))?;
        let piece = Bytes::copy_from_slice(&bytes[..bytes.len().min(PIECE)]);
        let count = piece.len();
        this.begin(cx, |mut stream| async move {
            let written = stream.send_data(piece).await;
            (stream, written)
        })?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_sent(cx))?;
        // Whoever waits to send more learns here that nobody wants it.
        match this.state.poll_over(cx) {
            Poll::Ready(()) if !this.sent_all => Poll::Ready(Err(reset())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_sent(cx))?;
        if !std::mem::replace(&mut this.sent_all, true) {
            this.begin(cx, |mut stream| async move {
                let finished = stream.finish().await;
                (stream, finished)
            })?;
        }
        this.poll_sent(cx)
    }
}

impl Drop for Tunnelled {
    /// What is still to be sent is reset by itself. The client need not send what nobody reads.
    fn drop(&mut self) {
        if !self.received_all {
            self.receive.stop_sending(Code::H3_REQUEST_CANCELLED);
        }
    }
}

impl fmt::Debug for Tunnelled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tunnelled").field("stream", &self.receive.id()).finish_non_exhaustive()
    }
}
