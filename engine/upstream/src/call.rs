//! The one way in which something is asked of an upstream.

use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{At, Body, Error, Kind, Moment, Name, RequestHead, Response, ResponseHead, Retry, Wire};
use glorieta_http::h1::client::{Arrived, Client};
use glorieta_http::outgoing::{Request, Upload};
use glorieta_net::{Stream, timer};
use glorieta_policy::grpc::Dialect;
use glorieta_policy::retry::{backoff, may_retry};

use crate::attempt::{Search, Wanted, Way, open};
use crate::lease::Lease;
use crate::multiplexed::{Joined, Seat};
use crate::pick::Avoided;
use crate::{Endpoint, Progress, Upstream};

/// Used connections that may turn out dead, one after the other, before only a new one will do.
const DEAD_CONNECTIONS: u32 = 1;

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request's last byte to the answer's head.
    pub first_byte: Duration,
    /// Between two reads or writes of a body.
    pub idle: Duration,
    /// Between two bytes of a tunnel, an event stream or an answer of gRPC.
    pub tunnel: Duration,
}

/// What `Host` is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// As the head has it.
    Preserve,
    /// The endpoint's own name and port.
    Upstream,
    Name(Box<str>),
}

impl Host {
    /// Writes what is known before there is an endpoint.
    pub fn name(&self, head: &mut RequestHead) {
        if let Host::Name(name) = self {
            head.set_authority(name.as_bytes());
        }
    }

    /// Writes what depends on the endpoint: its name as written, or `localhost` for a Unix socket (RFC 9110 §7.2).
    pub fn name_after(&self, endpoint: &str, head: &mut RequestHead) {
        if *self == Host::Upstream {
            let name = if endpoint.starts_with("unix:") { "localhost" } else { endpoint };
            head.set_authority(name.as_bytes());
        }
    }
}

/// What a call is allowed, and where it reports.
pub struct CallContext<'a> {
    pub timeouts: Timeouts,
    pub deadline: Option<Moment>,
    /// Further tries after the first.
    pub retries: u32,
    /// The hash of the value by which an endpoint is chosen.
    pub key: Option<u64>,
    /// The value of `Upgrade`, where the protocol may be switched.
    pub upgrade: Option<&'a [u8]>,
    pub host: &'a Host,
    pub wire: Option<&'a dyn Wire>,
    pub progress: &'a Progress,
}

/// What an upstream answered.
pub enum Answer {
    Response(Response),
    /// 101: the connection speaks another protocol now. The lease lasts as long as the tunnel.
    Switched {
        head: ResponseHead,
        stream: Stream,
        leftover: Bytes,
        lease: Lease,
    },
}

impl Answer {
    fn status(&self) -> u16 {
        match self {
            Answer::Response(response) => response.head.status,
            Answer::Switched { head, .. } => head.status,
        }
    }
}

/// Sends a request to one of an upstream's endpoints, and again where that is safe and the budget allows.
///
/// Dropping the future cancels it: the connection is closed, never given back.
///
/// # Errors
/// Why the last try failed; `detail` names the endpoint, for the log.
pub async fn call(
    upstream: &Upstream,
    head: &mut RequestHead,
    body: Body,
    context: &CallContext<'_>,
) -> Result<Answer, Error> {
    let mut upload = Upload::new(body);
    let mut avoided = Avoided::new();
    let mut tries_left = context.retries;
    let mut dead = 0;
    // The request's beginning, or the end of a wait, has just been looked at.
    let mut now = Moment::recent();
    upstream.budget.deposit(now);
    context.host.name(head);
    loop {
        let search = Search {
            upstream,
            key: context.key,
            avoided: &avoided,
            wanted: if dead >= DEAD_CONNECTIONS { Wanted::New } else { Wanted::Any },
            patience: context.timeouts.connect,
            deadline: context.deadline,
        };
        let way = search.find(now).await?;
        let endpoint = way.endpoint().clone();
        context.progress.tried(&endpoint);
        let began = Moment::recent();
        let reused = way.is_reused();
        let error = match try_once(way, head, &mut upload, context, upstream).await {
            Ok(Some(answer)) => {
                upstream.note_answer(&endpoint, answer.status(), began, Moment::now());
                return Ok(answer);
            }
            Ok(None) => {
                context.progress.not_tried();
                now = Moment::now();
                continue;
            }
            Err(error) => error,
        };
        now = Moment::now();
        // An endpoint may close an idle connection at any time, also while a request is on its way: no fault of
        // anybody, so it costs no try, but only what may be sent twice is sent again (RFC 9112 §9.3.1).
        let may_be_sent_twice = match error.retry {
            Retry::NotSent => true,
            Retry::IfIdempotent => head.method.is_idempotent(),
            Retry::No => false,
        };
        let was_dead = reused && error.kind == Kind::UpstreamReset && may_be_sent_twice;
        if was_dead && dead < DEAD_CONNECTIONS && upload.is_replayable() {
            dead += 1;
            upstream.observer.retried(error.kind);
            continue;
        }
        upstream.note_failure(&endpoint, &error, began, now);
        if let Err(_refusal) =
            may_retry(error.retry, head.method, tries_left, upload.is_replayable(), &upstream.budget, now)
        {
            return Err(error);
        }
        upstream.observer.retried(error.kind);
        tries_left -= 1;
        let elsewhere = upstream.state.current().endpoints.len() > avoided.len() + 1;
        avoided.push(endpoint.number);
        if !(error.retry == Retry::NotSent && elsewhere) {
            pause(upstream, context.retries - tries_left, context.deadline, &error, now).await?;
            now = Moment::now();
        }
    }
}

/// Waits before the next try.
async fn pause(
    upstream: &Upstream,
    retry: u32,
    deadline: Option<Moment>,
    error: &Error,
    now: Moment,
) -> Result<(), Error> {
    let until = now.plus(backoff(upstream.settings.backoff, retry, fastrand::u64(..)));
    if deadline.is_some_and(|deadline| deadline <= until) {
        return Err(error.clone());
    }
    timer::sleep_until(until).await;
    Ok(())
}

/// One try. `None`: what was waited for is none that this request can use, and nothing was sent.
async fn try_once(
    way: Way,
    head: &mut RequestHead,
    upload: &mut Upload,
    context: &CallContext<'_>,
    upstream: &Upstream,
) -> Result<Option<Answer>, Error> {
    let (client, lease) = match way {
        Way::Idle(client, permit) => (client, Lease::new(permit)),
        Way::Open(permit) => {
            let lease = Lease::new(permit);
            // Boxed, as below, for those that find a connection.
            let opening = Box::pin(open(lease.endpoint(), b"", context.timeouts.connect, context.deadline));
            let stream = opening.await?;
            // The endpoint had declined HTTP/2 when it was asked last, and has changed its mind.
            if lease.endpoint().agreed_on_h2(&stream).map_err(|why| unspoken(lease.endpoint(), &why))? {
                return Ok(None);
            }
            (Client::new(stream, Moment::now()), lease)
        }
        // Boxed, so that requests by HTTP/1.1 do not pay for what these keep while they wait.
        Way::Seat(seat) => return Box::pin(try_seated(seat, head, upload, context, upstream)).await.map(Some),
        Way::Joined(joined) => return Box::pin(try_joined(joined, head, upload, context, upstream)).await,
    };
    context.host.name_after(&lease.endpoint().name, head);
    match client.send(&request(head, context, upstream), upload).await {
        Ok(arrived) => Ok(Some(finish(arrived, lease, context))),
        Err(error) => Err(named(error, lease.endpoint())),
    }
}

/// One try on a connection that is being opened.
async fn try_joined(
    joined: Joined,
    head: &mut RequestHead,
    upload: &mut Upload,
    context: &CallContext<'_>,
    upstream: &Upstream,
) -> Result<Option<Answer>, Error> {
    let Some(seat) = joined.seat(upstream, context.timeouts.connect, context.deadline).await? else { return Ok(None) };
    try_seated(seat, head, upload, context, upstream).await.map(Some)
}

/// One try on a connection that carries several requests.
async fn try_seated(
    seat: Seat,
    head: &mut RequestHead,
    upload: &mut Upload,
    context: &CallContext<'_>,
    upstream: &Upstream,
) -> Result<Answer, Error> {
    if context.upgrade.is_some() {
        return Err(named(Error::because(Kind::UpgradeImpossible, "is spoken to by HTTP/2"), seat.endpoint()));
    }
    context.host.name_after(&seat.endpoint().name, head);
    let sent = seat.slot().send(&request(head, context, upstream), upload).await;
    let arrived = sent.map_err(|error| named(error, seat.endpoint()))?;
    let announced = arrived.announced;
    let idle = idle_within(&arrived.head, context);
    let (head, body) = arrived.into_body(seat, idle, context.deadline);
    Ok(Answer::Response(Response { head, body, announced }))
}

fn request<'a>(head: &'a RequestHead, context: &CallContext<'a>, upstream: &Upstream) -> Request<'a> {
    Request {
        head,
        upgrade: context.upgrade,
        limits: upstream.settings.limits,
        first_byte: context.timeouts.first_byte,
        idle: context.timeouts.idle,
        deadline: context.deadline,
        wire: context.wire,
    }
}

/// An endpoint that does not speak the version that it must.
pub(crate) fn unspoken(endpoint: &Endpoint, why: &str) -> Error {
    Error::new(Kind::Tls).with_detail(format!("{}: {why}", endpoint.label())).retry(Retry::NotSent)
}

/// Puts the endpoint in front of what went wrong there.
pub(crate) fn named(error: Error, endpoint: &Endpoint) -> Error {
    if error.kind.at() == At::Client {
        return error;
    }
    let what = match error.detail() {
        "" => error.kind.reason(),
        detail => detail,
    };
    let detail = format!("{}: {what}", endpoint.label());
    error.with_detail(detail)
}

fn finish(arrived: Arrived, lease: Lease, context: &CallContext<'_>) -> Answer {
    if arrived.meta.switching {
        let (head, stream, leftover) = arrived.into_tunnel();
        return Answer::Switched { head, stream, leftover, lease };
    }
    let idle = idle_within(&arrived.head, context);
    let announced = arrived.meta.announced_length;
    let (head, body) = arrived.into_body(lease, idle, context.deadline);
    Answer::Response(Response { head, body, announced })
}

/// How long an answer's body may pause. Events, and messages of a call that streams, come when they come.
fn idle_within(head: &ResponseHead, context: &CallContext<'_>) -> Duration {
    let lasts = |kind: &[u8]| is_event_stream(kind) || Dialect::named(kind).is_some();
    let lasting = head.fields.get(Name::ContentType).is_some_and(lasts);
    if lasting { context.timeouts.tunnel } else { context.timeouts.idle }
}

fn is_event_stream(content_type: &[u8]) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    content_type.get(..EVENTS.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENTS))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
