//! A body on its way out: frames from a source, framed, written with as few system calls as possible.
//!
//! Both directions use it: requests to an endpoint and answers to a client. Small pieces are gathered behind the
//! head so that a whole small message is one write; large ones are written from where they lie.

use std::io;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use glorieta_core::{Error, Frame, Kind};

use super::codec::{Framing, write_chunk_end, write_chunk_head, write_last_chunk};
use crate::buffers;

/// Pieces up to this size are copied behind what is written before them.
const SMALL: usize = 4 << 10;
/// So much is gathered at most before it is written.
const GATHERED: usize = 16 << 10;
/// So much must be left of a body to be worth a pipe (measured: below some 16 KiB two copies are cheaper).
const WORTH_RELAYING: u64 = 32 << 10;
/// Frames passed on in one turn before the worker's other connections get theirs.
const FRAMES_PER_TURN: u32 = 64;

/// Why a body could not be passed on.
#[derive(Debug)]
pub enum Broken {
    /// The source failed, or ended too early or too late.
    Source(Error),
    /// The connection takes no more.
    Sink,
}

/// What keeps a pump from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    Source,
    Sink,
}

/// Why a pump has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The whole message is written.
    Done,
    /// What is left could take a cheaper way: see [`Pump::relays`].
    Relay,
}

/// Writes one message: what is in `out` first, then the body.
pub struct Pump {
    framing: Framing,
    /// Of `Framing::Length`: bytes that are still to come.
    left: u64,
    /// The head, chunk heads and small pieces that are written next.
    out: Vec<u8>,
    /// How much of `out` is written.
    at: usize,
    /// Written after `out`.
    frame: Bytes,
    ended: bool,
    /// Bytes of body that the kernel has taken; those in `out` count when they are all written.
    pub written: u64,
    gathered: u64,
    /// Bytes that the kernel has taken, heads and chunk heads included: a measure of progress.
    pub moved: u64,
    pub waiting: Waiting,
    /// Stop before a large rest that could take a cheaper way, once all that was read is written.
    pub relays: bool,
}

impl Pump {
    /// `out` holds the message's head.
    pub fn new(out: Vec<u8>, framing: Framing) -> Pump {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        let ended = framing.is_empty();
        Pump {
            framing,
            left,
            out,
            at: 0,
            frame: Bytes::new(),
            ended,
            written: 0,
            gathered: 0,
            moved: 0,
            waiting: Waiting::Sink,
            relays: false,
        }
    }

    /// Whether everything read so far is written and much is left.
    pub fn could_relay(&self) -> bool {
        self.relays && self.left >= WORTH_RELAYING && self.out.is_empty() && self.frame.is_empty()
    }

    /// Counts bytes that took another way.
    pub fn relayed(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
        self.written += bytes;
        self.moved += bytes;
        self.ended = self.left == 0;
    }

    /// Moves on as far as source and sink allow. Ready: the whole message is written, or the
    /// rest could be relayed.
    ///
    /// `sink` writes one or two pieces at once. It and `source` never run within each other.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut sink: impl FnMut(&mut Context<'_>, &[u8], &[u8]) -> Poll<io::Result<usize>>,
        mut source: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame, Error>>>,
    ) -> Poll<Result<Progress, Broken>> {
        let mut turn = 0;
        loop {
            if self.could_relay() {
                return Poll::Ready(Ok(Progress::Relay));
            }
            let mut dry = false;
            while !self.ended && self.frame.is_empty() && self.out.len() < GATHERED && !dry {
                turn += 1;
                match source(cx) {
                    Poll::Ready(frame) => self.gather(frame).map_err(Broken::Source)?,
                    Poll::Pending => dry = true,
                }
            }
            if self.at < self.out.len() || !self.frame.is_empty() {
                match sink(cx, &self.out[self.at..], &self.frame) {
                    Poll::Ready(Ok(0)) => {
                        return Poll::Ready(Err(Broken::Sink));
                    }
                    Poll::Ready(Ok(count)) => self.advance(count),
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::Sink)),
                    Poll::Pending => {
                        self.waiting = Waiting::Sink;
                        return Poll::Pending;
                    }
                }
            } else if self.ended {
                return Poll::Ready(Ok(Progress::Done));
            } else if dry {
                self.waiting = Waiting::Source;
                return Poll::Pending;
            }
            if turn >= FRAMES_PER_TURN {
                cx.waker().wake_by_ref();
                self.waiting = Waiting::Sink;
                return Poll::Pending;
            }
        }
    }

    /// Asks a client that is between two chunks whether it is there, by a byte that changes nothing: the size of a
    /// chunk may begin with zeros (RFC 9112 §7.1).
    pub fn ask(&mut self) {
        debug_assert!(self.framing == Framing::Chunked && !self.ended && self.out.is_empty() && self.frame.is_empty());
        self.out.push(b'0');
    }

    fn gather(&mut self, frame: Option<Result<Frame, Error>>) -> Result<(), Error> {
        match frame {
            Some(Ok(Frame::Data(bytes))) if bytes.is_empty() => Ok(()),
            Some(Ok(Frame::Data(bytes))) => self.data(bytes),
            Some(Ok(Frame::Trailers(trailers))) => {
                if self.framing == Framing::Chunked {
                    write_last_chunk(Some(&trailers), &mut self.out);
                }
                self.end()
            }
            None => {
                if self.framing == Framing::Chunked {
                    write_last_chunk(None, &mut self.out);
                }
                self.end()
            }
            Some(Err(error)) => Err(error),
        }
    }

    fn data(&mut self, bytes: Bytes) -> Result<(), Error> {
        let length = bytes.len() as u64;
        match self.framing {
            Framing::Length(_) if length > self.left => {
                return Err(Error::because(Kind::Internal, "a body is longer than was announced"));
            }
            Framing::Length(_) => {
                self.left -= length;
                self.ended = self.left == 0;
            }
            Framing::Chunked => write_chunk_head(bytes.len(), &mut self.out),
            Framing::UntilClose | Framing::None => {}
        }
        if bytes.len() <= SMALL {
            self.out.extend_from_slice(&bytes);
            self.gathered += length;
            if self.framing == Framing::Chunked {
                write_chunk_end(&mut self.out);
            }
        } else {
            self.frame = bytes;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        self.ended = true;
        if self.left > 0 {
            return Err(Error::because(Kind::Internal, "a body is shorter than was announced"));
        }
        Ok(())
    }

    fn advance(&mut self, count: usize) {
        self.moved += count as u64;
        let of_out = count.min(self.out.len() - self.at);
        self.at += of_out;
        if count > of_out {
            self.frame.advance(count - of_out);
            self.written += (count - of_out) as u64;
            if self.frame.is_empty() {
                self.frame = Bytes::new();
                if self.framing == Framing::Chunked {
                    // Goes out with the next chunk's head, or with the last chunk.
                    self.out.clear();
                    self.at = 0;
                    write_chunk_end(&mut self.out);
                    return;
                }
            }
        }
        if self.at == self.out.len() {
            self.out.clear();
            self.at = 0;
            self.written += std::mem::take(&mut self.gathered);
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        buffers::give_write(std::mem::take(&mut self.out));
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
