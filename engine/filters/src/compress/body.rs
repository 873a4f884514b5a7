//! A body that is compressed while it passes.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{Body, BodySource, Error, Fields, Frame};

use super::encoder::Encoder;

/// Compressed bytes are handed on once there are so many, or nothing more comes at the moment.
const PIECE: usize = 16 << 10;
/// So much is compressed at once.
const SLICE: usize = 32 << 10;
/// So much is compressed before the worker's other connections get their turn.
const TURN: usize = 128 << 10;
/// How often nothing is said to be there at the end of a turn: whoever writes asks once more after having written.
const PAUSES: u8 = 2;

/// Bytes before and after.
#[derive(Debug, Default)]
pub struct Volume {
    pub plain: Cell<u64>,
    pub coded: Cell<u64>,
}

impl Volume {
    /// How many times longer it was, with two decimals; `None`: nothing has been sent of it.
    pub fn ratio(&self) -> Option<String> {
        let (plain, coded) = (self.plain.get(), self.coded.get());
        (coded > 0).then(|| format!("{:.2}", plain as f64 / coded as f64))
    }

    pub(super) fn add(&self, plain: usize, coded: usize) {
        self.plain.set(self.plain.get() + plain as u64);
        self.coded.set(self.coded.get() + coded as u64);
    }
}

pub struct Compressed {
    inner: Body,
    encoder: Encoder,
    volume: Rc<Volume>,
    /// What has come and is not compressed yet.
    input: Bytes,
    out: Vec<u8>,
    /// The encoder holds what the client could already read.
    holds: bool,
    ended: bool,
    trailers: Option<Fields>,
    /// Compressed in this turn.
    spent: usize,
    pauses: u8,
}

impl Compressed {
    pub fn new(inner: Body, encoder: Encoder, volume: Rc<Volume>) -> Compressed {
        Compressed {
            inner,
            encoder,
            volume,
            input: Bytes::new(),
            out: Vec::new(),
            holds: false,
            ended: false,
            trailers: None,
            spent: 0,
            pauses: 0,
        }
    }

    fn compress(&mut self) -> Result<(), Error> {
        let slice = self.input.split_to(self.input.len().min(SLICE));
        let before = self.out.len();
        self.encoder.take(&slice, &mut self.out)?;
        self.volume.add(slice.len(), self.out.len() - before);
        self.holds = true;
        self.spent += slice.len();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let before = self.out.len();
        self.encoder.flush(&mut self.out)?;
        self.volume.add(0, self.out.len() - before);
        self.holds = false;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        let before = self.out.len();
        self.encoder.finish(&mut self.out)?;
        self.volume.add(0, self.out.len() - before);
        self.ended = true;
        Ok(())
    }

    /// Takes in what comes next; `false`: nothing at the moment.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        match self.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(Frame::Data(bytes)))) => self.input = bytes,
            Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                self.trailers = Some(trailers);
                self.finish()?;
            }
            Poll::Ready(Some(Err(error))) => return Err(error),
            Poll::Ready(None) => self.finish()?,
            Poll::Pending => return Ok(false),
        }
        Ok(true)
    }

    /// Compresses until a piece is full, all has ended, or nothing more comes at the moment.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while !self.ended && self.out.len() < PIECE && !self.pauses(cx) {
            if !self.input.is_empty() {
                self.compress()?;
            } else if !self.poll_input(cx)? {
                self.spent = 0;
                return if self.holds { self.flush() } else { Ok(()) };
            }
        }
        Ok(())
    }

    /// Whether others have their turn now. What is compressed is handed on before.
    fn pauses(&mut self, cx: &mut Context<'_>) -> bool {
        if self.spent >= TURN {
            (self.spent, self.pauses) = (0, PAUSES);
        }
        if self.pauses == 0 {
            return false;
        }
        if self.out.is_empty() {
            self.pauses -= 1;
            cx.waker().wake_by_ref();
        }
        true
    }
}

impl BodySource for Compressed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if let Err(error) = self.advance(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        if !self.out.is_empty() {
            let piece = std::mem::take(&mut self.out);
            return Poll::Ready(Some(Ok(Frame::Data(piece.into()))));
        }
        if !self.ended {
            return Poll::Pending;
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::Trailers(trailers))))
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
