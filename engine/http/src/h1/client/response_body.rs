//! An answer's body as it comes from an endpoint, while the rest of the request may still be going out.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use glorieta_core::{BodySource, Error, Frame, Kind, Moment};

use super::upload::Sending;
use super::{Client, Home, arm};
use crate::h1::codec::{ChunkStep, ChunkedDecoder, Framing, TrailerLimits};
use crate::h1::pump::Broken;

enum Decoding {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    UntilClose,
    Done,
}

pub struct ResponseBody<H: Home> {
    /// `None` once it has gone home or has failed.
    lent: Option<(Client, H)>,
    decoding: Decoding,
    keep: bool,
    sending: Option<Sending>,
    idle: Duration,
    deadline: Option<Moment>,
    waiting: bool,
}

impl<H: Home> ResponseBody<H> {
    pub fn new(
        client: Client,
        framing: Framing,
        keep: bool,
        mut sending: Option<Sending>,
        home: H,
        idle: Duration,
        deadline: Option<Moment>,
    ) -> ResponseBody<H> {
        if let Some(sending) = &mut sending {
            sending.forget();
        }
        let decoding = match framing {
            Framing::None | Framing::Length(0) => Decoding::Done,
            Framing::Length(length) => Decoding::Length(length),
            Framing::Chunked => {
                Decoding::Chunked(Box::new(ChunkedDecoder::new(Kind::ResponseMalformed, TrailerLimits::default())))
            }
            Framing::UntilClose => Decoding::UntilClose,
        };
        ResponseBody { lent: Some((client, home)), decoding, keep, sending, idle, deadline, waiting: false }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame, Error>>> {
        self.lent = None;
        self.sending = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Goes on sending the request. An endpoint that takes no more of it may still answer.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let (Some(sending), Some((client, _))) = (&mut self.sending, &mut self.lent) else { return Ok(()) };
        match sending.poll(cx, &mut client.stream) {
            Poll::Ready(Ok(())) => self.sending = None,
            Poll::Ready(Err(Broken::Source(error))) => return Err(error),
            Poll::Ready(Err(Broken::Sink)) => {
                self.sending = None;
                self.keep = false;
            }
            Poll::Pending => {}
        }
        Ok(())
    }

    /// Takes the next piece out of what has been read; `None`: more must be read, or the body has ended.
    fn decode(&mut self) -> Option<Result<Frame, Error>> {
        let (client, _) = self.lent.as_mut()?;
        let input = &mut client.input;
        match &mut self.decoding {
            Decoding::Done => None,
            _ if input.is_empty() => None,
            Decoding::Length(left) => {
                let length = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= length as u64;
                if *left == 0 {
                    self.decoding = Decoding::Done;
                }
                Some(Ok(Frame::Data(input.split_to(length).freeze())))
            }
            Decoding::UntilClose => Some(Ok(Frame::Data(input.split().freeze()))),
            Decoding::Chunked(decoder) => loop {
                if input.is_empty() {
                    return None;
                }
                match decoder.decode(input) {
                    Ok(ChunkStep::Need { consumed }) => input.advance(consumed),
                    Ok(ChunkStep::Data { skip, length }) => {
                        input.advance(skip);
                        return Some(Ok(Frame::Data(input.split_to(length).freeze())));
                    }
                    Ok(ChunkStep::End { consumed, trailers }) => {
                        input.advance(consumed);
                        self.decoding = Decoding::Done;
                        return trailers.map(|trailers| Ok(Frame::Trailers(trailers)));
                    }
                    Err(error) => return Some(Err(error)),
                }
            },
        }
    }

    /// Gives the connection home once both directions are done.
    fn finish(&mut self) {
        if matches!(self.decoding, Decoding::Done)
            && self.sending.is_none()
            && let Some((client, home)) = self.lent.take()
        {
            client.go_home(self.keep, home);
        }
    }

    fn ended(&mut self) -> Poll<Option<Result<Frame, Error>>> {
        if matches!(self.decoding, Decoding::UntilClose) {
            self.lent = None;
            self.sending = None;
            return Poll::Ready(None);
        }
        self.fail(Error::new(Kind::ResponseCutOff))
    }
}

impl<H: Home> BodySource for ResponseBody<H> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        loop {
            if let Err(error) = self.send(cx) {
                return self.fail(error);
            }
            match self.decode() {
                Some(Ok(frame)) => {
                    self.waiting = false;
                    self.finish();
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => return self.fail(error),
                None => {}
            }
            if matches!(self.decoding, Decoding::Done) {
                // What is left of the request has no reader that would matter to the client.
                self.finish();
                self.lent = None;
                self.sending = None;
                return Poll::Ready(None);
            }
            let Some((client, _)) = &mut self.lent else { return Poll::Ready(None) };
            match client.poll_fill(cx) {
                Poll::Ready(Ok(count)) if count > 0 => self.waiting = false,
                Poll::Ready(Ok(_)) => return self.ended(),
                Poll::Ready(Err(_)) => return self.fail(Error::new(Kind::ResponseCutOff)),
                Poll::Pending => {
                    if !std::mem::replace(&mut self.waiting, true) {
                        arm(&client.timer, Some(self.idle), self.deadline);
                    }
                    if client.timer.poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    let late = self.deadline.is_some_and(|deadline| Moment::now() >= deadline);
                    return self.fail(Error::new(if late { Kind::Deadline } else { Kind::IdleTimeout }));
                }
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        match self.decoding {
            Decoding::Length(left) => Some(left),
            Decoding::Done => Some(0),
            Decoding::Chunked(_) | Decoding::UntilClose => None,
        }
    }
}
