//! A stretch of known length from one socket to another, through a pipe and past our memory.
//!
//! For large bodies of messages: what is left of one when its head has been read needs no look. Copying 64 KiB twice
//! costs more than half of such a request.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;

use crate::Stream;
use crate::splice::{self, Pipe};

/// Bytes on their way. Dropping it discards what it holds.
#[derive(Default)]
pub struct Relay {
    held: Option<(Pipe, usize)>,
}

impl Relay {
    pub fn is_empty(&self) -> bool {
        self.held.is_none()
    }

    /// Takes at most `most` bytes that `from` has received; 0 at its end. Only while it is empty.
    ///
    /// # Errors
    /// `Unsupported` where this kind of stream or this sandbox knows no splice: copy instead, nothing was taken.
    /// Otherwise what reading fails with.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, from: &Stream, most: usize) -> Poll<io::Result<usize>> {
        if !from.is_plain() {
            return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
        }
        loop {
            ready!(from.poll_read_ready(cx))?;
            let Ok(pipe) = Pipe::take() else { return Poll::Ready(Err(io::ErrorKind::Unsupported.into())) };
            match try_io(from, Interest::READABLE, |descriptor| pipe.fill(descriptor, most)) {
                Ok(0) => {
                    pipe.give_back();
                    return Poll::Ready(Ok(0));
                }
                Ok(moved) => {
                    self.held = Some((pipe, moved));
                    return Poll::Ready(Ok(moved));
                }
                // Readiness is cleared by that; the next look at it leaves the waker.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pipe.give_back(),
                Err(error) if splice::is_refused(&error) => {
                    pipe.give_back();
                    return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Passes on what it holds; how much `to` has taken.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>, to: &Stream) -> Poll<io::Result<usize>> {
        let Some((pipe, left)) = &mut self.held else { return Poll::Ready(Ok(0)) };
        let moved = ready!(drain(cx, pipe, to, *left))?;
        *left -= moved;
        if *left == 0
            && let Some((pipe, _)) = self.held.take()
        {
            pipe.give_back();
        }
        Poll::Ready(Ok(moved))
    }
}

/// Moves bytes out of a pipe as far as a socket takes them; never none.
pub(crate) fn drain(cx: &mut Context<'_>, pipe: &Pipe, to: &Stream, length: usize) -> Poll<io::Result<usize>> {
    loop {
        ready!(to.poll_write_ready(cx))?;
        match try_io(to, Interest::WRITABLE, |descriptor| pipe.drain(descriptor, length)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            other => return Poll::Ready(other),
        }
    }
}

/// Runs a system call; `WouldBlock` clears the readiness that led to it.
pub(crate) fn try_io(
    stream: &Stream,
    interest: Interest,
    call: impl FnOnce(BorrowedFd<'_>) -> io::Result<usize>,
) -> io::Result<usize> {
    match stream {
        Stream::Tcp(stream) => stream.try_io(interest, || call(stream.as_fd())),
        Stream::Unix(stream) => stream.try_io(interest, || call(stream.as_fd())),
        Stream::Tls(_) | Stream::Carried(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::Silence;
    use crate::testing::{on_worker, pattern, tcp_pair, unix_pair};

    #[test]
    fn as_much_as_is_wanted_passes_and_the_rest_stays() {
        on_worker(async {
            let ((from, mut source), (to, mut drain)) = (tcp_pair().await, unix_pair());
            source.write_all(b"a body, and more").await.unwrap();
            let mut relay = Relay::default();
            assert_eq!(poll_fn(|cx| relay.poll_drain(cx, &to)).await.unwrap(), 0);
            assert_eq!(poll_fn(|cx| relay.poll_fill(cx, &from, 6)).await.unwrap(), 6);
            assert!(!relay.is_empty());
            assert_eq!(poll_fn(|cx| relay.poll_drain(cx, &to)).await.unwrap(), 6);
            assert!(relay.is_empty());
            let mut seen = [0; 6];
            drain.read_exact(&mut seen).await.unwrap();
            assert_eq!(&seen, b"a body");
            assert_eq!(from.peek(), Silence::Bytes);
        });
    }

    #[test]
    fn the_end_and_a_reset_are_told_apart() {
        on_worker(async {
            let (from, source) = tcp_pair().await;
            drop(source);
            let mut relay = Relay::default();
            assert_eq!(poll_fn(|cx| relay.poll_fill(cx, &from, 10)).await.unwrap(), 0);
            assert!(relay.is_empty());
            let (from, source) = tcp_pair().await;
            crate::testing::reset(source);
            let error = poll_fn(|cx| relay.poll_fill(cx, &from, 10)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        });
    }

    #[test]
    fn much_passes_a_reader_that_is_slow() {
        on_worker(async {
            let ((from, mut source), (to, mut drain)) = (tcp_pair().await, unix_pair());
            let sent = pattern(3 << 20);
            let moving = async {
                let (mut relay, mut left) = (Relay::default(), sent.len());
                while left > 0 {
                    poll_fn(|cx| relay.poll_fill(cx, &from, left)).await.unwrap();
                    while !relay.is_empty() {
                        left -= poll_fn(|cx| relay.poll_drain(cx, &to)).await.unwrap();
                    }
                }
            };
            let reading = async {
                let mut seen = Vec::new();
                while seen.len() < sent.len() {
                    drain.read_buf(&mut seen).await.unwrap();
                    tokio::task::yield_now().await;
                }
                assert!(seen == sent);
            };
            let ((), (), written) = tokio::join!(moving, reading, source.write_all(&sent));
            written.unwrap();
        });
    }
}
