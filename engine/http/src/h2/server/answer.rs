//! Writing an answer into its stream, no faster than the client takes it.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use glorieta_core::{Error, Kind, Method, Moment, Response, Version};
use glorieta_net::Timer;
use h2::{Reason, SendStream};

use super::wire::StreamWire;
use crate::multiplexed::{Source, response_out, trailers_out};
use crate::service::{Record, Service, Settings};

/// So much of a body may wait in the connection for its turn, for each stream.
pub const SEND_BUFFER: usize = 32 << 10;
/// Pieces passed on in one turn before the worker's other streams get theirs.
const PIECES_PER_TURN: u32 = 64;

pub async fn write_answer<S: Service>(
    wire: &StreamWire,
    service: &S,
    settings: &Settings,
    asked: Method,
    response: Response,
    mut record: S::Record,
) {
    let (head, says, mut source) = Source::of(response, asked, Version::Http2).await;
    if let Some(error) = source.failed.take() {
        // Nobody has seen the answer begin: better a word of what went wrong than none.
        record.fail(&error);
        let response = record.instead(&error);
        return Box::pin(write_answer(wire, service, settings, asked, response, record)).await;
    }
    let end = source.is_over();
    let started = wire.respond(response_out(&head, asked, says, Some(&service.date())), end);
    drop(head);
    let Some(stream) = started else { return record.fail(&Error::new(Kind::ClientGone)) };
    if end {
        return;
    }
    let mut writing = Writing { stream, source, sent: 0, waiting: None };
    let written = poll_fn(|cx| writing.poll(cx, settings)).await;
    record.bytes_out(writing.sent);
    if let Err(error) = written {
        record.fail(&error);
    }
}

struct Writing {
    stream: SendStream<Bytes>,
    source: Source,
    /// Bytes of the body that the client has made room for.
    sent: u64,
    /// How long the client is waited for, while it is.
    waiting: Option<Timer>,
}

fn gone() -> Error {
    Error::new(Kind::ClientGone)
}

impl Writing {
    fn poll(&mut self, cx: &mut Context<'_>, settings: &Settings) -> Poll<Result<(), Error>> {
        for _ in 0..PIECES_PER_TURN {
            self.source.fill(cx);
            if self.source.piece.is_empty() {
                if let Some(error) = self.source.failed.take() {
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(Err(error));
                }
                if self.source.ended {
                    return Poll::Ready(self.finish());
                }
                return self.stream.poll_reset(cx).map(|_| Err(gone()));
            }
            let room = ready!(self.poll_room(cx, settings))?;
            let piece = self.source.piece.split_to(room.min(self.source.piece.len()));
            self.sent += piece.len() as u64;
            // The end may go along with the last piece.
            self.source.fill(cx);
            let end = self.source.is_over();
            if self.stream.send_data(piece, end).is_err() {
                return Poll::Ready(Err(gone()));
            }
            if end {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// How much may be sent now, once it is anything. No more is asked for than is there to be sent: windows of the
    /// connection are for all of its streams.
    fn poll_room(&mut self, cx: &mut Context<'_>, settings: &Settings) -> Poll<Result<usize, Error>> {
        self.stream.reserve_capacity(self.source.piece.len().min(SEND_BUFFER));
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                self.waiting = None;
                return Poll::Ready(Ok(room));
            }
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(Err(gone())),
                Poll::Pending => break,
            }
        }
        let timer = self.waiting.get_or_insert_with(|| {
            let timer = Timer::new();
            timer.arm(Moment::now().plus(settings.write_timeout));
            timer
        });
        ready!(timer.poll(cx));
        self.stream.send_reset(Reason::CANCEL);
        Poll::Ready(Err(Error::because(Kind::ClientGone, "the client does not read")))
    }

    fn finish(&mut self) -> Result<(), Error> {
        let sent = match self.source.trailers.take() {
            Some(fields) => self.stream.send_trailers(trailers_out(&fields)),
            None => self.stream.send_data(Bytes::new(), true),
        };
        sent.map_err(|_| gone())
    }
}
