//! Writing an answer into its stream, no faster than the client takes it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{Error, Kind, Method, Moment, Response, ResponseHead, Version};
use glorieta_net::Timer;
use h3::error::{Code, StreamError};
use h3::server::RequestStream;

use crate::h3::transport::{Sender, StreamState};
use crate::multiplexed::{Source, response_out, trailers_out};
use crate::service::{Record, Service, Settings};

/// The longest DATA frame that is sent: so much is noted as sent at a time.
const LONGEST_FRAME: usize = 64 << 10;

/// Where an answer is written.
pub struct Writer {
    stream: RequestStream<Sender, Bytes>,
    state: Rc<StreamState>,
    timer: Timer,
}

/// A client that has gone, or takes no more of this.
fn gone() -> Error {
    Error::new(Kind::ClientGone)
}

impl Writer {
    pub fn new(stream: RequestStream<Sender, Bytes>, state: Rc<StreamState>) -> Writer {
        state.has_begun.set(true);
        Writer { stream, state, timer: Timer::new() }
    }

    /// Ready once the client takes no more of it.
    pub fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.state.poll_over(cx)
    }

    pub async fn send_interim(&mut self, head: &ResponseHead, settings: &Settings) -> Result<(), Error> {
        self.send_head(response_out(head, Method::Get, None, None), settings).await
    }

    pub async fn send_head(&mut self, head: http::Response<()>, settings: &Settings) -> Result<(), Error> {
        let Writer { stream, state, timer } = self;
        patiently(state, timer, settings, pin!(stream.send_response(head))).await
    }

    /// Where bytes of another protocol are written.
    pub fn into_tunnel(self) -> (RequestStream<Sender, Bytes>, Rc<StreamState>) {
        // It is cut off where the other side's connection was, which is no error of ours.
        self.state.because.set(Code::H3_REQUEST_CANCELLED);
        (self.stream, self.state)
    }

    /// Writes an answer to its end; `false`: its client has given it up.
    pub async fn write_answer<S: Service>(
        &mut self,
        service: &S,
        settings: &Settings,
        asked: Method,
        response: Response,
        mut record: S::Record,
    ) -> bool {
        let (head, says, mut source) = Source::of(response, asked, Version::Http3).await;
        if let Some(error) = source.failed.take() {
            // Nobody has seen the answer begin: better a word of what went wrong than none.
            record.fail(&error);
            let response = record.instead(&error);
            return Box::pin(self.write_answer(service, settings, asked, response, record)).await;
        }
        let mut sent = 0;
        let head = response_out(&head, asked, says, Some(&service.date()));
        let written = self.write(head, source, settings, &mut sent).await;
        record.bytes_out(sent);
        if let Err(error) = &written {
            record.fail(error);
            let because =
                if error.kind == Kind::ClientGone { Code::H3_REQUEST_CANCELLED } else { Code::H3_INTERNAL_ERROR };
            self.stream.stop_stream(because);
        }
        !matches!(written, Err(error) if error.kind == Kind::ClientGone)
    }

    async fn write(
        &mut self,
        head: http::Response<()>,
        mut source: Source,
        settings: &Settings,
        sent: &mut u64,
    ) -> Result<(), Error> {
        self.send_head(head, settings).await?;
        let Writer { stream, state, timer } = self;
        loop {
            poll_fn(|cx| {
                if source.poll_next(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                state.poll_over(cx).map(|()| Err(gone()))
            })
            .await?;
            if let Some(error) = source.failed.take() {
                return Err(error);
            }
            while !source.piece.is_empty() {
                let piece = source.piece.split_to(source.piece.len().min(LONGEST_FRAME));
                let length = piece.len() as u64;
                patiently(state, timer, settings, pin!(stream.send_data(piece))).await?;
                *sent += length;
            }
            if source.ended {
                break;
            }
        }
        if let Some(trailers) = source.trailers.take() {
            let trailers = pin!(stream.send_trailers(trailers_out(&trailers)));
            patiently(state, timer, settings, trailers).await?;
        }
        patiently(state, timer, settings, pin!(stream.finish())).await
    }

    pub async fn delivered(&mut self, settings: &Settings) {
        delivered(&self.state, settings).await;
    }
}

/// Waits until the client has all of what was finished: a connection that is closed before takes it back.
pub async fn delivered(state: &StreamState, settings: &Settings) {
    let (timer, until) = (Timer::new(), Moment::now().plus(settings.write_timeout));
    poll_fn(|cx| match state.poll_over(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => timer.poll_until(cx, until),
    })
    .await;
}

/// Waits for the client to make room, for as long as it makes any.
async fn patiently<F>(
    state: &StreamState,
    timer: &Timer,
    settings: &Settings,
    mut write: Pin<&mut F>,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), StreamError>>,
{
    let mut moved = u64::MAX;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(written) = write.as_mut().poll(cx) {
                return Poll::Ready(written.map_err(|error| failed(&error)));
            }
            if moved != state.moved.get() {
                moved = state.moved.get();
                timer.arm(Moment::now().plus(settings.write_timeout));
            }
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if moved == state.moved.get() {
                return Poll::Ready(Err(Error::because(Kind::ClientGone, "the client does not read")));
            }
        }
    })
    .await
}

fn failed(error: &StreamError) -> Error {
    match error {
        StreamError::HeaderTooBig { .. } => {
            Error::because(Kind::ResponseHeadTooLarge, "larger than the client takes heads")
        }
        _ => gone(),
    }
}
