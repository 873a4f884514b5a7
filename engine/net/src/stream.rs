//! A connection of any kind: one enum with poll methods, so that nothing above is generic over I/O.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::carried::Carried;
use crate::tls::Session;

/// A connected stream socket, or a stream within a connection that carries several.
#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Boxed, so that a plain connection is no larger for it.
    Tls(Box<Session>),
    Carried(Box<dyn Carried>),
}

/// What a look at a connection that should be silent shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nothing has arrived, and it is open.
    Unbroken,
    /// Bytes wait to be read.
    Bytes,
    /// The other side has ended its direction.
    Ended,
    /// Reset, or broken otherwise.
    Broken,
}

impl Stream {
    /// Takes over an accepted connection. Needs the runtime that will poll it.
    ///
    /// # Errors
    /// What the system says when it cannot be registered: mostly too many watches.
    pub fn from_accepted(accepted: crate::listen::Accepted) -> io::Result<Stream> {
        match accepted {
            crate::listen::Accepted::Tcp(stream, _) => TcpStream::from_std(stream).map(Stream::Tcp),
            crate::listen::Accepted::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
        }
    }

    /// Reads once into the spare room of `buffer` (which must have some), at most `most`; 0 at the end.
    ///
    /// A read that does not fill the room clears readiness, so that no second read is needed to learn
    /// that nothing is left (up to a fifth of a small request's cost).
    pub fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let spare = buffer.spare_capacity_mut();
        let most = most.min(spare.len());
        let spare = &mut spare[..most];
        let mut read = ReadBuf::uninit(spare);
        match Pin::new(self).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {
                let count = read.filled().len();
                // SAFETY: `poll_read` has initialised the first `count` bytes of the spare room.
                unsafe { buffer.set_len(buffer.len() + count) };
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes one or two pieces at once.
    pub fn poll_write_two(&mut self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        if second.is_empty() {
            return Pin::new(self).poll_write(cx, first);
        }
        if first.is_empty() {
            return Pin::new(self).poll_write(cx, second);
        }
        Pin::new(self).poll_write_vectored(cx, &[io::IoSlice::new(first), io::IoSlice::new(second)])
    }

    /// Whether bytes pass as they are: then they may pass by a pipe of the kernel's.
    pub fn is_plain(&self) -> bool {
        matches!(self, Stream::Tcp(_) | Stream::Unix(_))
    }

    /// What both sides of an encrypted connection agreed to speak (ALPN, RFC 7301).
    pub fn protocol(&self) -> Option<&[u8]> {
        match self {
            Stream::Tls(session) => session.protocol(),
            Stream::Tcp(_) | Stream::Unix(_) | Stream::Carried(_) => None,
        }
    }

    /// Ready once there is something to read, or the connection has ended. An encrypted one sends meanwhile what it
    /// still holds back; one that is carried says so only by being read.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
            Stream::Tls(session) => session.poll_readable(cx),
            Stream::Carried(_) => Poll::Ready(Ok(())),
        }
    }

    /// Ready once the socket has something to read, or the connection has ended. What has no socket of its own fails.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
            Stream::Tls(session) => session.beneath().poll_read_ready(cx),
            Stream::Carried(_) => Poll::Ready(Err(without_socket())),
        }
    }

    /// Ready once something can be written. What has no socket of its own fails.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_write_ready(cx),
            Stream::Unix(stream) => stream.poll_write_ready(cx),
            Stream::Tls(session) => session.beneath().poll_write_ready(cx),
            Stream::Carried(_) => Poll::Ready(Err(without_socket())),
        }
    }

    /// Looks, without taking anything, what breaks the silence of a connection; pending while nothing does. What TLS
    /// says to itself, such as new tickets, breaks none.
    pub fn poll_silence_broken(&mut self, cx: &mut Context<'_>) -> Poll<Silence> {
        if let Stream::Tls(session) = self {
            return session.poll_readable(cx).map(|readable| readable.map_or(Silence::Broken, |()| session.silence()));
        }
        loop {
            match self.poll_read_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Silence::Broken),
                Poll::Ready(Ok(())) => {}
            }
            match self.peek() {
                Silence::Unbroken => {}
                broken => return Poll::Ready(broken),
            }
        }
    }

    /// Looks, without reading and without waiting, whether the connection is silent and open.
    pub fn peek(&self) -> Silence {
        let mut byte = [0_u8; 1];
        let peeked = match self {
            Stream::Tcp(stream) => stream.try_io(Interest::READABLE, || peek(stream, &mut byte)),
            Stream::Unix(stream) => stream.try_io(Interest::READABLE, || peek(stream, &mut byte)),
            Stream::Tls(session) => return session.silence(),
            // It lies with no others that wait to be used.
            Stream::Carried(_) => return Silence::Broken,
        };
        match peeked {
            Ok(0) => Silence::Ended,
            Ok(_) => Silence::Bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Silence::Unbroken,
            Err(_) => Silence::Broken,
        }
    }

    /// Whether the other side has reset the connection, also where it had ended its direction before: reading then
    /// only says that it has.
    pub fn has_failed(&self) -> bool {
        let error = match self {
            Stream::Tcp(stream) => stream.take_error(),
            Stream::Unix(stream) => stream.take_error(),
            Stream::Tls(session) => return session.beneath().has_failed(),
            // Reading and flushing say so.
            Stream::Carried(_) => return false,
        };
        !matches!(error, Ok(None))
    }

    /// Gives up what an encrypted connection still holds, and its last word.
    pub fn forsake(&self) {
        if let Stream::Tls(session) = self {
            session.forsake();
        }
    }

    /// This end's address; `None` where there is none, as of a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.local_addr().ok(),
            Stream::Unix(_) => None,
            Stream::Tls(session) => session.beneath().local_address(),
            Stream::Carried(_) => None,
        }
    }

    /// Makes closing say "reset" (RST) rather than "that was all" (FIN). Unix sockets know no difference.
    pub fn reset_on_close(&self) {
        match self {
            // A socket that is gone already cannot mislead anybody.
            Stream::Tcp(stream) => drop(socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO))),
            Stream::Unix(_) => {}
            // One that is dropped before its end says so anyway.
            Stream::Carried(_) => {}
            Stream::Tls(session) => {
                session.forsake();
                session.beneath().reset_on_close();
            }
        }
    }
}

fn without_socket() -> io::Error {
    io::ErrorKind::Unsupported.into()
}

fn peek(socket: &impl std::os::fd::AsRawFd, byte: &mut [u8; 1]) -> io::Result<usize> {
    // SAFETY: recv writes at most one byte to the array, which has room for one.
    let count =
        unsafe { libc::recv(socket.as_raw_fd(), byte.as_mut_ptr().cast(), 1, libc::MSG_PEEK | libc::MSG_DONTWAIT) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(session) => session.poll_read(cx, buffer),
            Stream::Carried(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(session) => session.poll_write(cx, &[io::IoSlice::new(bytes)]),
            Stream::Carried(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Tls(session) => session.poll_write(cx, slices),
            Stream::Carried(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tls(session) => session.poll_flush_held(cx),
            Stream::Carried(stream) => Pin::new(stream).poll_flush(cx),
            // Sockets hold nothing back.
            Stream::Tcp(_) | Stream::Unix(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(session) => session.poll_shutdown(cx),
            Stream::Carried(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
