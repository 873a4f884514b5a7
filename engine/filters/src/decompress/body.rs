//! A body that is decoded while it passes, and watched.

use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use glorieta_core::{Body, BodySource, Error, Fields, Frame, Kind};
use glorieta_policy::Coding;

use super::decoder::Decoder;
use crate::memory::Reservation;

/// So much is decoded at once.
const PIECE: usize = 16 << 10;
/// Up to this length a body may expand as it likes: a few equal bytes compress very well.
const UNSUSPICIOUS: u64 = 64 << 10;

/// How large a body may become.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub max_bytes: u64,
    /// Times its own length.
    pub ratio: u64,
}

pub struct Decompressed {
    inner: Body,
    decoder: Decoder,
    bounds: Bounds,
    window: (usize, usize),
    reservation: Reservation,
    input: Bytes,
    /// The decoder may have more to say without more input.
    holds: bool,
    came: u64,
    decoded: u64,
    ended: bool,
    trailers: Option<Fields>,
}

impl Decompressed {
    /// # Errors
    /// `decompression_busy`: there is no memory for one more.
    pub fn new(inner: Body, coding: Coding, bounds: Bounds) -> Result<Decompressed, Error> {
        let window = Decoder::memory(coding);
        Ok(Decompressed {
            inner,
            decoder: Decoder::new(coding)?,
            bounds,
            window,
            reservation: Reservation::take(window.0).ok_or_else(busy)?,
            input: Bytes::new(),
            holds: false,
            came: 0,
            decoded: 0,
            ended: false,
            trailers: None,
        })
    }

    /// Takes in what comes next; `false`: nothing at the moment.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        match self.inner.poll_frame(cx) {
            Poll::Ready(Some(Ok(Frame::Data(bytes)))) => {
                self.came += bytes.len() as u64;
                self.input = bytes;
            }
            Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                self.trailers = Some(trailers);
                self.ended = true;
            }
            Poll::Ready(Some(Err(error))) => return Err(error),
            Poll::Ready(None) => self.ended = true,
            Poll::Pending => return Ok(false),
        }
        if self.ended {
            self.decoder.end()?;
        }
        Ok(true)
    }

    fn decode(&mut self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(PIECE);
        let used = self.decoder.step(&self.input, &mut out)?;
        self.input.advance(used);
        if used == 0 && out.is_empty() && !self.input.is_empty() {
            return Err(Error::because(Kind::ContentUndecodable, "its compressed body leads nowhere"));
        }
        self.holds = out.len() == out.capacity();
        self.decoded += out.len() as u64;
        self.judge()?;
        Ok(out)
    }

    fn judge(&mut self) -> Result<(), Error> {
        let Bounds { max_bytes, ratio } = self.bounds;
        if self.decoded > max_bytes {
            let why = format!("its body is longer than {max_bytes} bytes once it is decoded");
            return Err(Error::new(Kind::BodyTooLarge).with_detail(why));
        }
        if self.decoded > UNSUSPICIOUS && self.decoded > self.came.saturating_mul(ratio) {
            let why = format!("its body becomes more than {ratio} times as long once it is decoded");
            return Err(Error::new(Kind::BodyTooLarge).with_detail(why));
        }
        // A window is only as large as what has been written into it.
        let (fixed, window) = self.window;
        let written = usize::try_from(self.decoded).unwrap_or(usize::MAX).min(window);
        if self.reservation.grow_to(fixed + written) { Ok(()) } else { Err(busy()) }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>, Error>> {
        loop {
            if self.holds || !self.input.is_empty() {
                let out = self.decode()?;
                if !out.is_empty() {
                    return Poll::Ready(Ok(Some(Frame::Data(out.into()))));
                }
            } else if self.ended {
                return Poll::Ready(Ok(self.trailers.take().map(Frame::Trailers)));
            } else if !self.poll_input(cx)? {
                return Poll::Pending;
            }
        }
    }
}

fn busy() -> Error {
    Error::because(Kind::DecompressionBusy, "bodies that are being decoded take all the memory that they may")
}

impl BodySource for Decompressed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        self.advance(cx).map(Result::transpose)
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
