//! What `serve` waits for: a process that takes the request, and its answer.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use glorieta_carrier::{LARGEST, Start};
use glorieta_core::{Body, Error, Kind, Moment, Response, ResponseHead};
use glorieta_net::{Stream, Timer};

use super::answer::AnswerBody;
use super::end::End;
use super::flow::{Line, Upload};
use super::talk::{Talk, Told};
use super::{Desk, Handler, Tunnel, head};

/// A request as a handler gets it.
pub struct Asked {
    /// Deadline and body are filled in when it is sent.
    pub start: Start,
    /// The host that was asked for.
    pub authority: Vec<u8>,
    /// For each upstream that may be called, the hash of the value by which an endpoint is chosen.
    pub keys: Vec<Option<u64>>,
    /// Whether the protocol may be switched.
    pub upgrade: bool,
    /// From the request, or the last byte of its body that the handler wanted, to the head of the answer.
    pub first_byte: Duration,
    /// Counts how often calls to upstreams are sent.
    pub tries: Rc<Cell<u16>>,
}

/// What a handler answered.
pub enum Answered {
    /// With the reason, where it is an error that the handler has not made itself.
    Response(Response, Option<Error>),
    /// 101: the stream leads to the handler, for as long as the tunnel is kept.
    Switched { head: ResponseHead, stream: Stream, tunnel: Tunnel },
}

/// Has a handler answer a request. It is sent again only where the process that had it has ended without having
/// read it.
///
/// Dropping the future cancels the request in the handler, and its calls to upstreams with it.
///
/// # Errors
/// `handler_overloaded`, `handler_timeout`, `handler_lost`, `handler_failed`, `head_too_large`.
pub async fn call(
    desk: &Desk,
    handler: &Arc<Handler>,
    asked: Asked,
    body: Body,
    deadline: Option<Moment>,
) -> Result<Answered, Error> {
    let began = Moment::now();
    let until = began.plus(handler.queue_timeout);
    let mut asked = asked;
    let mut upload = Upload::new(body);
    loop {
        let end = desk.find(handler, until, deadline).await?;
        let call = Call::begin(end, handler, &mut asked, &mut upload, deadline)?;
        let answer = call.wait(&mut upload, until, asked.first_byte).await;
        if answer.as_ref().is_err_and(|error| error.kind == Kind::HandlerLost) && !call.is_taken() {
            continue;
        }
        handler.series.record(desk.worker, Moment::now().since(began).as_nanos() as u64);
        return call.finish(answer?, upload, asked.upgrade);
    }
}

/// A request that a process has. Cancelled when it is dropped before it has been answered whole.
pub(super) struct Call {
    pub line: Line,
    pub talk: Rc<Talk>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.line.end.cancel(self.line.call);
    }
}

impl Call {
    fn begin(
        end: Rc<End>,
        handler: &Arc<Handler>,
        asked: &mut Asked,
        upload: &mut Upload,
        deadline: Option<Moment>,
    ) -> Result<Call, Error> {
        let (authority, keys) = (asked.authority.clone(), asked.keys.clone());
        let talk = Rc::new(Talk::new(handler.clone(), deadline, authority, keys, asked.tries.clone()));
        asked.start.deadline_ms = deadline.map_or(0, left);
        asked.start.body = upload.announce();
        let call = end.begin(talk.clone(), |call| {
            let message = asked.start.encode(call);
            if message.len() <= LARGEST {
                return Some(message);
            }
            // Head and body together are too large: so the body follows.
            asked.start.body = upload.hold_back()?;
            Some(asked.start.encode(call))
        })?;
        Ok(Call { line: Line { end, call, part: None }, talk })
    }

    /// Whether the process has read the request.
    fn is_taken(&self) -> bool {
        self.line.end.has_taken(self.talk.number())
    }

    /// Sends what the handler wants of the request's body.
    pub fn poll_upload(&self, cx: &mut Context<'_>, upload: &mut Upload) {
        if let Poll::Ready(Err(error)) = upload.poll(cx, &self.talk.outflow, &self.line) {
            self.line.failed(&error, 0);
        }
    }

    /// Waits for the answer; `until` is when a process must have read the request.
    async fn wait(&self, upload: &mut Upload, until: Moment, first_byte: Duration) -> Result<Told, Error> {
        let timer = Timer::new();
        let deadline = self.talk.deadline.get();
        let earlier = |moment: Moment| deadline.map_or(moment, |deadline| deadline.min(moment));
        let (mut sent, mut since) = (upload.sent, Moment::recent());
        timer.arm(earlier(until.min(since.plus(first_byte))));
        poll_fn(|cx| {
            self.poll_upload(cx, upload);
            if let Poll::Ready(answer) = self.talk.poll_answer(cx) {
                return Poll::Ready(answer);
            }
            if sent != upload.sent {
                (sent, since) = (upload.sent, Moment::now());
            }
            while timer.poll(cx).is_ready() {
                let (now, silent) = (Moment::now(), since.plus(first_byte));
                if deadline.is_some_and(|deadline| deadline <= now) {
                    return Poll::Ready(Err(self.late("not answered by the deadline")));
                }
                if !self.is_taken() && until <= now {
                    return Poll::Ready(Err(self.never_taken()));
                }
                if silent <= now {
                    return Poll::Ready(Err(self.late("its answer did not begin in time")));
                }
                timer.arm(earlier(if self.is_taken() { silent } else { silent.min(until) }));
            }
            Poll::Pending
        })
        .await
    }

    fn late(&self, how: &str) -> Error {
        Error::new(Kind::HandlerTimeout).with_detail(self.talk.named(how))
    }

    fn never_taken(&self) -> Error {
        let handler = &self.talk.handler;
        let detail = format!("{}: not begun within {} ms", handler.id, handler.queue_timeout.as_millis());
        Error::new(Kind::HandlerOverloaded).with_detail(detail)
    }

    fn finish(self, (answer, inflow): Told, upload: Upload, upgrade: bool) -> Result<Answered, Error> {
        let name = |error: Error| {
            let detail = self.talk.named(error.detail());
            error.with_detail(detail)
        };
        let (head, length) = head::answer(answer.status, &answer.headers, upgrade).map_err(name)?;
        if head.status == 101 {
            let none = || Error::because(Kind::HandlerFailed, "it answered 101 and no stream");
            let inflow = inflow.ok_or_else(none).map_err(name)?;
            let internal = |error: std::io::Error| Error::new(Kind::Internal).with_detail(error.to_string());
            let (tunnel, stream) = Tunnel::open(self, inflow).map_err(internal)?;
            return Ok(Answered::Switched { head, stream, tunnel });
        }
        let explained = self.talk.take_explained();
        let mut response = Response { head, body: Body::Empty, announced: length };
        match (answer.body, inflow) {
            (glorieta_carrier::Body::Full(bytes), _) => {
                response.announced = None;
                response.body = Body::Full(bytes);
            }
            (glorieta_carrier::Body::Stream, Some(inflow)) => {
                let deadline = self.talk.deadline.get().map(|deadline| (deadline, Timer::new()));
                response.body =
                    Body::Stream(Box::new(AnswerBody { call: self, inflow, upload, left: length, deadline }));
            }
            _ => {}
        }
        Ok(Answered::Response(response, explained))
    }
}

/// Milliseconds until then, at least one: none would mean that there is no deadline.
fn left(deadline: Moment) -> u32 {
    let left = deadline.since(Moment::now()).as_millis();
    u32::try_from(left).unwrap_or(u32::MAX).max(1)
}
