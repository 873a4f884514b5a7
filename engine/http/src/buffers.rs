//! Buffers of a worker, lent while bytes are there and taken back before a connection waits.
//!
//! A connection that holds 16 KiB while it waits costs more memory than all the rest of it (measured: 21 KiB
//! against 0.8). So buffers belong to the worker; a connection has one only while it holds bytes.

use std::cell::RefCell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use glorieta_net::Stream;

/// Room for a read: a 64 KiB body with its head arrives in one.
const READ: usize = 72 << 10;
/// Room for more of what has begun to arrive.
const MORE: usize = 4 << 10;
/// Pieces up to this size are copied out: one that is kept keeps its whole buffer, and the next read needs another.
const SMALL_PIECE: usize = 8 << 10;
/// Room left in a buffer of a waiting connection's own.
const SPARE: usize = 512;
/// Buffers kept for reading and for writing.
const POOLED: usize = 32;
/// A write buffer that grew beyond this is freed rather than kept.
const LARGEST_WRITE: usize = 64 << 10;

thread_local! {
    static READS: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    static WRITES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// What was read from a connection and is not yet used. Without bytes it holds no memory.
#[derive(Debug, Default)]
pub struct Input(BytesMut);

impl Input {
    /// Reads once, behind what is there already, at most `most`; `Ok(0)` at the end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, stream: &mut Stream, most: usize) -> Poll<io::Result<usize>> {
        ready!(stream.poll_readable(cx))?;
        if self.0.is_empty() {
            if self.0.capacity() < READ {
                self.0 = READS.with_borrow_mut(Vec::pop).unwrap_or_default();
            }
            // Takes the whole room back once nobody holds a piece of it any more; otherwise allocates anew.
            self.0.reserve(READ);
        } else {
            self.0.reserve(MORE);
        }
        let read = stream.poll_read_into(cx, &mut self.0, most);
        if self.0.is_empty() {
            self.release();
        }
        read
    }

    /// Gives the buffer back; bytes in it are forgotten.
    pub fn release(&mut self) {
        self.0.clear();
        if self.0.capacity() > 0 {
            let buffer = std::mem::take(&mut self.0);
            // While the thread ends the pool may be gone already.
            let _ = READS.try_with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < POOLED {
                    pool.push(buffer);
                }
            });
        }
    }

    /// Before a wait: an empty buffer goes back, and few bytes move into one of their own size.
    pub fn settle(&mut self) {
        if self.0.is_empty() {
            self.release();
        } else if self.0.capacity() > self.0.len() + READ / 4 {
            let mut own = BytesMut::with_capacity(self.0.len() + SPARE);
            own.extend_from_slice(&self.0);
            self.release();
            self.0 = own;
        }
    }

    /// Takes out the first bytes, of which there must be so many.
    pub fn take(&mut self, length: usize) -> Bytes {
        if length > SMALL_PIECE {
            return self.0.split_to(length).freeze();
        }
        let piece = Bytes::copy_from_slice(&self.0[..length]);
        self.0.advance(length);
        piece
    }

    pub fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.0).freeze()
    }
}

impl Deref for Input {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.0
    }
}

impl DerefMut for Input {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.0
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.release();
    }
}

/// An empty buffer for heads and small bodies.
#[inline]
pub fn take_write() -> Vec<u8> {
    WRITES.with_borrow_mut(Vec::pop).unwrap_or_default()
}

#[inline]
pub fn give_write(mut buffer: Vec<u8>) {
    if buffer.capacity() > LARGEST_WRITE || buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    WRITES.with_borrow_mut(|pool| {
        if pool.len() < POOLED {
            pool.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::testing::{on_worker, pattern, tcp_pair};

    async fn fill(input: &mut Input, stream: &mut Stream) -> usize {
        poll_fn(|cx| input.poll_fill(cx, stream, usize::MAX)).await.unwrap()
    }

    #[test]
    fn an_input_without_bytes_holds_no_memory() {
        on_worker(async {
            let (mut inside, mut outside) = tcp_pair().await;
            let mut input = Input::default();
            assert_eq!(input.capacity(), 0);
            outside.write_all(b"some bytes").await.unwrap();
            assert_eq!(fill(&mut input, &mut inside).await, 10);
            assert!(input.capacity() >= READ);
            drop(input.split());
            input.settle();
            assert_eq!(input.capacity(), 0);
            outside.shutdown().await.unwrap();
            assert_eq!(fill(&mut input, &mut inside).await, 0);
            assert_eq!(input.capacity(), 0);
        });
    }

    #[test]
    fn a_few_bytes_that_wait_get_a_buffer_of_their_size() {
        on_worker(async {
            let (mut inside, mut outside) = tcp_pair().await;
            let mut input = Input::default();
            outside.write_all(b"GET / HT").await.unwrap();
            fill(&mut input, &mut inside).await;
            input.settle();
            assert_eq!(&input[..], b"GET / HT");
            assert!(input.capacity() < 2 * SPARE, "{}", input.capacity());
            outside.write_all(b"TP/1.1").await.unwrap();
            assert_eq!(fill(&mut input, &mut inside).await, 6);
            assert_eq!(&input.into_bytes()[..], b"GET / HTTP/1.1");
        });
    }

    #[test]
    fn what_was_taken_out_survives_the_buffer_being_used_again() {
        on_worker(async {
            let (mut inside, outside) = tcp_pair().await;
            let sent = pattern(2 << 20);
            let sending = async {
                let mut outside = outside;
                outside.write_all(&sent).await.unwrap();
            };
            let reading = async {
                let (mut input, mut taken) = (Input::default(), Vec::new());
                while fill(&mut input, &mut inside).await > 0 {
                    // Some is left each time, so that pieces of one buffer lie in two frames.
                    let keep = input.len().min(7);
                    let take = input.len() - keep;
                    taken.push(input.split_to(take).freeze());
                }
                taken.push(input.split().freeze());
                taken
            };
            let ((), taken) = tokio::join!(sending, reading);
            assert!(taken.concat() == sent);
        });
    }

    #[test]
    fn a_small_piece_does_not_keep_the_buffer_and_a_large_one_is_not_copied() {
        on_worker(async {
            let (mut inside, mut outside) = tcp_pair().await;
            let mut input = Input::default();
            outside.write_all(b"head and body").await.unwrap();
            fill(&mut input, &mut inside).await;
            let place = input.as_ptr();
            input.advance(9);
            let small = input.take(4);
            drop(input);
            outside.write_all(&pattern(SMALL_PIECE + 1)).await.unwrap();
            let mut again = Input::default();
            while again.len() <= SMALL_PIECE {
                fill(&mut again, &mut inside).await;
            }
            assert_eq!(again.as_ptr(), place);
            let large = again.take(SMALL_PIECE + 1);
            assert_eq!(large.as_ptr(), place);
            assert_eq!((&small[..], &large[..]), (&b"body"[..], &pattern(SMALL_PIECE + 1)[..]));
            assert!(again.is_empty());
        });
    }

    #[test]
    fn released_bytes_are_forgotten_and_reach_no_other_connection() {
        on_worker(async {
            let (mut inside, mut outside) = tcp_pair().await;
            let (mut other, mut other_outside) = tcp_pair().await;
            outside.write_all(b"a secret").await.unwrap();
            let mut input = Input::default();
            fill(&mut input, &mut inside).await;
            drop(input);
            other_outside.write_all(b"hello").await.unwrap();
            let mut input = Input::default();
            fill(&mut input, &mut other).await;
            assert_eq!(&input[..], b"hello");
        });
    }

    #[test]
    fn write_buffers_are_used_again_unless_they_have_grown() {
        // Tests that ran before on this thread may have left some.
        while take_write().capacity() > 0 {}
        let mut buffer = take_write();
        buffer.extend_from_slice(b"HTTP/1.1 200 OK");
        let place = buffer.as_ptr();
        give_write(buffer);
        let again = take_write();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
        give_write(Vec::with_capacity(LARGEST_WRITE + 1));
        give_write(Vec::new());
        assert_eq!(take_write().capacity(), 0);
    }
}
