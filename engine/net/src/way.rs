//! One direction of a tunnel: read, pass on, and in the end pass the end on.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use crate::Stream;
use crate::relay::{drain, try_io};
use crate::splice::{self, Pipe};

/// Room in the buffer all tunnels of a worker copy through.
const BUFFER: usize = 16 << 10;

/// After this many bytes in one direction a full buffer changes it to `splice`.
const SPLICE_AFTER: u64 = 64 << 10;

/// A turn that moves less than this is cheaper copied than spliced.
const SMALL_TURN: u64 = 8 << 10;

/// So many small turns in a row change a direction back to copying.
const SMALL_TURNS: u8 = 4;

/// Reads in one turn before the worker's other connections get theirs.
const READS_PER_TURN: usize = 32;

thread_local! {
    /// Empty between two turns: what cannot be passed on at once is moved to `Held`.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// The source failed, and what it had still to say is lost.
pub(crate) struct Failure;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The source has ended; its end is yet to be passed on.
    Ending,
    /// The end has been passed on.
    Done,
    /// The destination takes no more. The source is read and forgotten: closing a socket with unread bytes would
    /// send a reset and could destroy the last answer under way to it.
    Refused,
}

/// Bytes that were read and that the destination has not taken yet.
enum Held {
    Nothing,
    Bytes(Bytes),
    Pipe(Pipe, usize),
}

pub(crate) struct Way {
    state: State,
    held: Held,
    /// Bytes read from the source.
    pub(crate) bytes: u64,
    /// Bytes read and bytes written: a measure of life.
    pub(crate) moved: u64,
    bulk: bool,
    small_turns: u8,
    splice_refused: bool,
}

impl Way {
    /// A direction whose first bytes were read before; `plain`: between streams that could be spliced.
    pub(crate) fn new(prefix: Bytes, plain: bool) -> Way {
        Way {
            state: State::Open,
            bytes: prefix.len() as u64,
            held: if prefix.is_empty() { Held::Nothing } else { Held::Bytes(prefix) },
            moved: 0,
            bulk: false,
            small_turns: 0,
            splice_refused: !plain,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.state == State::Refused
    }

    /// Nothing is left to do in this direction.
    pub(crate) fn is_over(&self) -> bool {
        self.is_done() || self.is_refused()
    }

    pub(crate) fn holds_bytes(&self) -> bool {
        !matches!(self.held, Held::Nothing)
    }

    /// Moves what can be moved now. When it returns, the task will be woken once more can be.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, from: &mut Stream, to: &mut Stream) -> Result<(), Failure> {
        let before = self.bytes;
        for _ in 0..READS_PER_TURN {
            match self.step(cx, from, to) {
                Poll::Ready(Ok(())) if self.is_done() => return Ok(()),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(failure)) => return Err(failure),
                Poll::Pending => {
                    self.judge_turn(self.bytes - before);
                    return Ok(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn step(&mut self, cx: &mut Context<'_>, from: &mut Stream, to: &mut Stream) -> Poll<Result<(), Failure>> {
        match self.state {
            State::Done => return Poll::Ready(Ok(())),
            State::Refused => return self.discard(cx, from),
            State::Open | State::Ending => {}
        }
        if let Err(_refused) = ready!(self.flush(cx, to)) {
            self.refuse();
            return Poll::Ready(Ok(()));
        }
        if self.state == State::Ending {
            // A destination that is gone needs no end.
            let _gone = ready!(Pin::new(to).poll_shutdown(cx));
            self.state = State::Done;
            return Poll::Ready(Ok(()));
        }
        if self.bulk {
            self.splice(cx, from)
        } else {
            SCRATCH.with_borrow_mut(|scratch| self.copy(cx, from, to, scratch))
        }
    }

    /// Passes on what is held.
    fn flush(&mut self, cx: &mut Context<'_>, to: &mut Stream) -> Poll<io::Result<()>> {
        loop {
            let moved = match &mut self.held {
                // What an encrypted stream has taken it may not have sent.
                Held::Nothing => return Pin::new(to).poll_flush(cx),
                Held::Bytes(bytes) => {
                    let moved = written(ready!(Pin::new(&mut *to).poll_write(cx, bytes)))?;
                    bytes.advance(moved);
                    if bytes.is_empty() {
                        self.held = Held::Nothing;
                    }
                    moved
                }
                Held::Pipe(pipe, left) => {
                    let moved = written(ready!(drain(cx, pipe, to, *left)))?;
                    *left -= moved;
                    if *left == 0
                        && let Held::Pipe(pipe, _) = std::mem::replace(&mut self.held, Held::Nothing)
                    {
                        pipe.give_back();
                    }
                    moved
                }
            };
            self.moved += moved as u64;
        }
    }

    /// Reads into the worker's buffer and writes from it; only what is not taken at once is kept.
    fn copy(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Failure>> {
        let mut buffer = ReadBuf::new(scratch);
        if ready!(Pin::new(from).poll_read(cx, &mut buffer)).is_err() {
            return Poll::Ready(Err(Failure));
        }
        let mut bytes = buffer.filled();
        if !self.count(bytes.len()) {
            return Poll::Ready(Ok(()));
        }
        self.bulk = bytes.len() == BUFFER && self.bytes >= SPLICE_AFTER && !self.splice_refused;
        while !bytes.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, bytes).map(written) {
                Poll::Ready(Ok(moved)) => {
                    self.moved += moved as u64;
                    bytes = &bytes[moved..];
                }
                Poll::Ready(Err(_refused)) => {
                    self.refuse();
                    break;
                }
                Poll::Pending => {
                    self.held = Held::Bytes(Bytes::copy_from_slice(bytes));
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Moves what the source has received into a pipe, to be flushed by the next step.
    fn splice(&mut self, cx: &mut Context<'_>, from: &Stream) -> Poll<Result<(), Failure>> {
        loop {
            if ready!(from.poll_read_ready(cx)).is_err() {
                return Poll::Ready(Err(Failure));
            }
            // Without descriptors for a pipe, copying still works.
            let Ok(pipe) = Pipe::take() else {
                self.bulk = false;
                return Poll::Ready(Ok(()));
            };
            match try_io(from, Interest::READABLE, |descriptor| pipe.fill(descriptor, usize::MAX)) {
                Ok(moved) => {
                    if self.count(moved) {
                        self.held = Held::Pipe(pipe, moved);
                    } else {
                        pipe.give_back();
                    }
                    return Poll::Ready(Ok(()));
                }
                // Readiness is cleared by that; the next look at it leaves the waker.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pipe.give_back(),
                Err(error) if splice::is_refused(&error) => {
                    pipe.give_back();
                    self.splice_refused = true;
                    self.bulk = false;
                    return Poll::Ready(Ok(()));
                }
                Err(_) => return Poll::Ready(Err(Failure)),
            }
        }
    }

    fn discard(&mut self, cx: &mut Context<'_>, from: &mut Stream) -> Poll<Result<(), Failure>> {
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            Pin::new(from).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
        });
        match ready!(read) {
            // Nothing more will come, so nothing need wake the task: the other direction decides when it is over.
            Ok(0) | Err(_) => Poll::Pending,
            Ok(_) => Poll::Ready(Ok(())),
        }
    }

    /// Counts what was read; false at the end of the source.
    fn count(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        self.moved += bytes as u64;
        if bytes == 0 {
            self.state = State::Ending;
        }
        bytes > 0
    }

    fn refuse(&mut self) {
        self.state = State::Refused;
        self.held = Held::Nothing;
    }

    /// Goes back to copying when turns have become small, as between the frames of a chat after a download.
    fn judge_turn(&mut self, read: u64) {
        if !self.bulk || read == 0 {
            return;
        }
        self.small_turns = if read < SMALL_TURN { self.small_turns + 1 } else { 0 };
        if self.small_turns == SMALL_TURNS {
            self.small_turns = 0;
            self.bulk = false;
        }
    }
}

/// A write of nothing is an error: trying again would never end.
fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    }
}

#[cfg(test)]
#[path = "way_tests.rs"]
mod tests;
