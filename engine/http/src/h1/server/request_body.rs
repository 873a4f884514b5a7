//! A request's body as it comes from the client: decoded, timed, and not read faster than it is used.

use std::rc::Rc;
use std::task::{Context, Poll};

use glorieta_core::{BodySource, Error, Frame, Kind};

use super::connection::Connection;
use crate::h1::codec::{ChunkedDecoder, Framing, RequestMeta, TrailerLimits};
use crate::h1::pieces::{take_chunk, take_known};
use crate::pace::Pace;
use crate::service::Settings;

/// How far a request's body has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyState {
    /// Nobody has asked for it yet, and it would be long or unasked for.
    Unread,
    /// How many bytes are left, where that is known.
    Reading(Option<u64>),
    Done,
    /// Nothing more on this connection can be understood.
    Failed,
}

enum Decoding {
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
}

pub struct RequestBody {
    connection: Rc<Connection>,
    decoding: Decoding,
    expect_continue: bool,
    pace: Pace,
    /// Whether somebody has begun to read it.
    begun: bool,
}

impl RequestBody {
    pub fn new(connection: Rc<Connection>, meta: &RequestMeta, settings: &Settings) -> RequestBody {
        let decoding = match meta.framing {
            Framing::Length(length) => Decoding::Length(length),
            _ => Decoding::Chunked(Box::new(ChunkedDecoder::new(Kind::FramingRefused, TrailerLimits::default()))),
        };
        RequestBody {
            connection,
            decoding,
            expect_continue: meta.expect_continue,
            pace: Pace::new(settings),
            begun: false,
        }
    }

    /// Takes the next piece out of what has been read; `None`: more must be read.
    fn decode(&mut self) -> Option<Result<Option<Frame>, Error>> {
        let connection = self.connection.clone();
        connection.with_input(|input| match &mut self.decoding {
            Decoding::Length(_) if input.is_empty() => None,
            Decoding::Length(left) => {
                let bytes = take_known(*left, input);
                *left -= bytes.len() as u64;
                Some(Ok(Some(Frame::Data(bytes))))
            }
            Decoding::Chunked(decoder) => take_chunk(decoder, input),
        })
    }

    fn is_done(&self) -> bool {
        match &self.decoding {
            Decoding::Length(left) => *left == 0,
            Decoding::Chunked(decoder) => decoder.is_done(),
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame, Error>>> {
        self.connection.body.set(BodyState::Failed);
        Poll::Ready(Some(Err(error)))
    }

    fn note_progress(&self) {
        let left = match &self.decoding {
            Decoding::Length(left) => Some(*left),
            Decoding::Chunked(_) => None,
        };
        let state = if self.is_done() { BodyState::Done } else { BodyState::Reading(left) };
        self.connection.body.set(state);
    }
}

impl BodySource for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if self.connection.body.get() == BodyState::Failed {
            return Poll::Ready(Some(Err(Error::new(Kind::BodyCutOff))));
        }
        self.begun = true;
        if std::mem::take(&mut self.expect_continue) && !self.connection.has_input() {
            self.connection.send_continue();
        }
        loop {
            if self.is_done() {
                return Poll::Ready(None);
            }
            match self.decode() {
                Some(Ok(frame)) => {
                    if let Some(Frame::Data(bytes)) = &frame {
                        self.connection.bytes_in.set(self.connection.bytes_in.get() + bytes.len() as u64);
                    }
                    self.note_progress();
                    return Poll::Ready(frame.map(Ok));
                }
                Some(Err(error)) => return self.fail(error),
                None => {}
            }
            if self.connection.poll_interim(cx).is_err() {
                return self.fail(Error::new(Kind::ClientGone));
            }
            match self.connection.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return self.fail(Error::new(Kind::BodyCutOff)),
                Poll::Ready(Ok(_)) => {
                    if let Err(error) = self.pace.arrived(self.connection.bytes_in.get()) {
                        return self.fail(error);
                    }
                }
                Poll::Ready(Err(_)) => return self.fail(Error::new(Kind::ClientGone)),
                Poll::Pending => {
                    if self.connection.poll_until(cx, self.pace.wait()).is_ready() {
                        return self.fail(Error::new(Kind::BodyTimeout));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        match &self.decoding {
            Decoding::Length(left) => Some(*left),
            Decoding::Chunked(_) => None,
        }
    }
}

impl Drop for RequestBody {
    /// Who began to read it and gave up did so for a reason; the rest may never come.
    fn drop(&mut self) {
        if self.begun && !self.is_done() {
            self.connection.body.set(BodyState::Failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use glorieta_core::{Moment, Peer, Scheme};
    use glorieta_net::Timer;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::pace::RATE_GRACE;
    use crate::testing::{on_worker, settings, tcp_pair};

    /// The next piece of a body of which one byte comes after it has been waited for so long in all.
    async fn next_after(waited: Duration, rate: u32, bytes_in: u64) -> Result<usize, Kind> {
        let (stream, mut client) = tcp_pair().await;
        let peer = Peer { address: None, client: None, scheme: Scheme::Http, trusted: false };
        let connection = Rc::new(Connection::new(stream, Timer::new(), peer));
        let settings = Settings { body_rate: rate, ..settings() };
        let meta = RequestMeta {
            framing: Framing::Length(1000),
            keep_alive: true,
            expect_continue: false,
            upgrade: false,
            absolute_form: false,
        };
        let mut body = RequestBody::new(connection.clone(), &meta, &settings);
        connection.bytes_in.set(bytes_in);
        body.pace.waited = waited;
        body.pace.waiting = Some(Moment::now());
        client.write_all(b"x").await.unwrap();
        match poll_fn(|cx| body.poll_frame(cx)).await {
            Some(Ok(Frame::Data(bytes))) => Ok(bytes.len()),
            Some(Err(error)) => Err(error.kind),
            _ => panic!("neither a piece nor an error"),
        }
    }

    #[test]
    fn a_body_that_comes_too_slowly_fails_once_it_has_had_its_grace() {
        on_worker(async {
            let seconds = Duration::from_secs;
            // Ten seconds beyond the grace at 100 bytes a second are 1000 bytes.
            assert_eq!(next_after(RATE_GRACE + seconds(10), 100, 900).await, Err(Kind::BodyTimeout));
            assert_eq!(next_after(RATE_GRACE + seconds(10), 100, 1100).await, Ok(1));
            // Rates that are not asked for, and waits within the grace, do not count.
            assert_eq!(next_after(RATE_GRACE + seconds(10), 0, 0).await, Ok(1));
            assert_eq!(next_after(RATE_GRACE - seconds(2), 100, 0).await, Ok(1));
        });
    }
}
