//! A call that a handler makes to an upstream: through the same pools, balancing and retries as all others.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glorieta_carrier::{Broken, Outcome, ToHandler};
use glorieta_core::{At, Body, Error, Kind, Moment, Name, Response, ResponseHead};
use glorieta_http::h1::codec::strip_hop_by_hop_response;
use glorieta_upstream::{Answer, CallContext, Progress, call};
use tokio::task::AbortHandle;

use super::Handler;
use super::flow::{INLINE, Inflow, InflowBody, Line, Outflow, failure};
use super::handler::Callee;
use super::head;
use super::talk::Talk;
use super::tunnel::{Ends, pump};

/// Calls to upstreams that one request may have under way.
const MOST: usize = 256;
/// The largest head of an answer that a message carries.
const LARGEST_HEAD: usize = 60 << 10;

/// Ends when it is dropped: its connection to the upstream is closed.
pub(super) struct Part {
    task: AbortHandle,
    /// The body that the handler sends, where it comes in pieces.
    inflow: Option<Rc<Inflow>>,
    pub outflow: Rc<Outflow>,
}

impl Part {
    /// A piece of the body that goes to the upstream.
    ///
    /// # Errors
    /// There is no body that has pieces, or more has come than was asked for.
    pub fn piece(&self, data: Bytes, last: bool) -> Result<(), Broken> {
        match &self.inflow {
            Some(inflow) => inflow.push(data, last),
            None => Err(Broken("a piece of a body that has none")),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins a call; `talk` is the request that it is made for, as long as that is under way.
///
/// # Errors
/// The handler may call no such upstream, or uses a number twice.
pub(super) fn begin(
    talk: Option<&Rc<Talk>>,
    line: Line,
    part: u32,
    request: glorieta_carrier::Call,
) -> Result<(), Broken> {
    let Some(talk) = talk else {
        let error = Error::because(Kind::ClientGone, "the request that this was called for is over");
        refuse(&line, part, &error);
        return Ok(());
    };
    if request.upstream as usize >= talk.handler.calls.len() {
        return Err(Broken("a call to an upstream that is not in the handler's list"));
    }
    if talk.parts.borrow().contains_key(&part) {
        return Err(Broken("two calls of one number"));
    }
    if talk.parts.borrow().len() >= MOST {
        let error = Error::because(Kind::QueueFull, "too many calls to upstreams are under way for one request");
        refuse(&line, part, &error);
        return Ok(());
    }
    let (head, upgrade) = match head::request(&request, &talk.authority) {
        Ok(made) => made,
        Err(error) => {
            refuse(&line, part, &error);
            return Ok(());
        }
    };
    let streams = request.body == glorieta_carrier::Body::Stream || upgrade.is_some();
    let inflow = streams.then(|| Inflow::open(&line));
    let outflow: Rc<Outflow> = Rc::default();
    let own =
        (request.timeout_ms > 0).then(|| Moment::now().plus(Duration::from_millis(u64::from(request.timeout_ms))));
    let errand = Errand {
        part,
        place: request.upstream as usize,
        key: talk.keys.get(request.upstream as usize).copied().flatten(),
        handler: talk.handler.clone(),
        deadline: own.into_iter().chain(talk.last_call()).min(),
        tries: talk.tries.clone(),
        upgrade,
        inflow: inflow.clone(),
        outflow: outflow.clone(),
        line,
    };
    let body = match request.body {
        glorieta_carrier::Body::Empty => Body::Empty,
        glorieta_carrier::Body::Full(bytes) => Body::Full(bytes),
        glorieta_carrier::Body::Stream => match &inflow {
            Some(inflow) if errand.upgrade.is_none() => {
                Body::Stream(Box::new(InflowBody { inflow: inflow.clone(), line: errand.line.clone() }))
            }
            // What follows an upgrade is the tunnel's.
            _ => Body::Empty,
        },
    };
    let task = tokio::task::spawn_local(errand.run(head, body)).abort_handle();
    talk.parts.borrow_mut().insert(part, Part { task, inflow, outflow });
    Ok(())
}

fn refuse(line: &Line, part: u32, error: &Error) {
    line.end.send(&ToHandler::Result { call: line.call, part, outcome: Box::new(Outcome::Failed(failure(error, 0))) });
}

/// A call to an upstream under way.
struct Errand {
    line: Line,
    part: u32,
    handler: Arc<Handler>,
    /// Of the upstream in the handler's list.
    place: usize,
    key: Option<u64>,
    deadline: Option<Moment>,
    /// Counts tries of all calls of the request.
    tries: Rc<Cell<u16>>,
    upgrade: Option<Vec<u8>>,
    inflow: Option<Rc<Inflow>>,
    outflow: Rc<Outflow>,
}

impl Errand {
    async fn run(self, mut head: glorieta_core::RequestHead, body: Body) {
        // The list was looked into when the call began.
        let Some(callee) = self.handler.calls.get(self.place) else { return };
        let progress = Progress::part_of(&self.tries);
        let context = CallContext {
            timeouts: callee.timeouts,
            deadline: self.deadline,
            retries: callee.retries,
            key: self.key,
            upgrade: self.upgrade.as_deref(),
            host: &callee.host,
            // What is interim between an upstream and a handler is no answer to the client.
            wire: None,
            progress: &progress,
        };
        let answer = call(&callee.upstream, &mut head, body, &context).await;
        let ended = match answer {
            Ok(Answer::Response(response)) => self.respond(response, progress.tries.get()).await,
            Ok(Answer::Switched { mut head, stream, leftover, hold }) => {
                strip_hop_by_hop_response(&mut head);
                let begun = self.send_head(&head, None, glorieta_carrier::Body::Stream, progress.tries.get());
                if begun.is_ok()
                    && let Some(inflow) = &self.inflow
                {
                    let ends = Ends { line: &self.line, inflow, outflow: &self.outflow };
                    pump(stream, leftover, ends, Some(callee.timeouts.tunnel), None).await;
                }
                drop(hold);
                begun.map_err(Ending::BeforeHead)
            }
            Err(error) => Err(Ending::BeforeHead(error)),
        };
        let tries = progress.tries.get();
        match ended {
            Ok(()) => {}
            Err(Ending::BeforeHead(error)) => self.line.end.send(&ToHandler::Result {
                call: self.line.call,
                part: self.part,
                outcome: Box::new(Outcome::Failed(failure(&error, tries))),
            }),
            Err(Ending::WithinBody(error)) => {
                note_broken(callee, &progress, &error);
                self.line.failed(&error, tries);
            }
        }
        self.line.end.part_ended(self.line.call, self.part);
    }

    fn send_head(
        &self,
        head: &ResponseHead,
        announced: Option<u64>,
        body: glorieta_carrier::Body,
        tries: u16,
    ) -> Result<(), Error> {
        let mut headers = head::to_message(&head.fields, |_| true);
        if let Some(length) = announced {
            headers.push((Bytes::from_static(b"content-length"), Bytes::from(length.to_string())));
        }
        if headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>() > LARGEST_HEAD {
            return Err(Error::because(Kind::ResponseHeadTooLarge, "larger than what a handler gets"));
        }
        self.line.end.send(&ToHandler::Result {
            call: self.line.call,
            part: self.part,
            outcome: Box::new(Outcome::Response { status: head.status, headers, body, tries }),
        });
        Ok(())
    }

    async fn respond(&self, response: Response, tries: u16) -> Result<(), Ending> {
        let Response { mut head, mut body, announced } = response;
        strip_hop_by_hop_response(&mut head);
        head.fields.remove(Name::ContentLength);
        let announced = announced.or(body.length().filter(|&length| length > 0));
        let whole = match &body {
            Body::Empty => Some(glorieta_carrier::Body::Empty),
            Body::Full(bytes) if bytes.len() <= INLINE => Some(glorieta_carrier::Body::Full(bytes.clone())),
            _ => None,
        };
        let streams = whole.is_none();
        let sent = self.send_head(&head, announced, whole.unwrap_or(glorieta_carrier::Body::Stream), tries);
        sent.map_err(Ending::BeforeHead)?;
        drop(head);
        if streams { self.stream(&mut body).await.map_err(Ending::WithinBody) } else { Ok(()) }
    }

    /// Sends a body as far as the handler wants it.
    async fn stream(&self, body: &mut Body) -> Result<(), Error> {
        let mut upload = super::flow::Upload::new(std::mem::take(body));
        let sending = std::future::poll_fn(|cx| upload.poll(cx, &self.outflow, &self.line));
        match self.deadline {
            // A handler that does not read holds up the upstream's connection for no longer than it may call it.
            Some(deadline) => glorieta_net::timer::within(deadline, pin!(sending))
                .await
                .unwrap_or_else(|| Err(Error::new(Kind::Deadline))),
            None => sending.await,
        }
    }
}

enum Ending {
    BeforeHead(Error),
    WithinBody(Error),
}

/// An answer that breaks off within its body counts against its endpoint.
fn note_broken(callee: &Callee, progress: &Progress, error: &Error) {
    if error.kind.at() == At::Upstream
        && let Some(endpoint) = &*progress.endpoint.borrow()
    {
        callee.upstream.note_broken(endpoint, error.kind);
    }
}
