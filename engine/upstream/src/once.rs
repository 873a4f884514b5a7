//! One try of a request, on whatever connection was found for it.

use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Name, RequestHead, Response, ResponseHead};
use glorieta_http::h1::client::{Arrived, Client};
use glorieta_http::h2::client::Connected;
use glorieta_http::multiplexed::websocket;
use glorieta_http::outgoing::{Request, Upload};
use glorieta_plan::UpstreamVersion;
use glorieta_policy::grpc::Dialect;

use crate::attempt::{Way, open, open_single};
use crate::call::{named, unspoken};
use crate::lease::Lease;
use crate::multiplexed::{Joined, Seat};
use crate::{Answer, CallContext, Upstream};

/// Why nothing was sent, though nothing has failed.
pub(crate) enum Unsent {
    /// What was waited for is none that this request can use.
    Unsuited,
    /// No shared connection can carry what this request asks for.
    NotShared,
}

type Tried = Result<Result<Answer, Unsent>, Error>;

/// One try, by a way that was found; `shared`: whether it may be a connection that carries several requests.
pub(crate) async fn try_once(
    way: Way,
    head: &mut RequestHead,
    upload: &mut Upload,
    context: &CallContext<'_>,
    upstream: &Upstream,
    shared: bool,
) -> Tried {
    let (client, lease) = match way {
        Way::Idle(client, permit) => (client, Lease::new(permit)),
        Way::Open(permit) if !shared && permit.endpoint.is_shared() => {
            let lease = Lease::new(permit);
            let opening = Box::pin(open_single(lease.endpoint(), context.timeouts.connect, context.deadline));
            let stream = opening.await?;
            (Client::new(stream, Moment::now()), lease)
        }
        Way::Open(permit) => {
            let lease = Lease::new(permit);
            // Boxed, as below, for those that find a connection.
            let opening = Box::pin(open(lease.endpoint(), b"", context.timeouts.connect, context.deadline));
            let stream = opening.await?;
            // The endpoint had declined HTTP/2 when it was asked last, and has changed its mind.
            if lease.endpoint().agreed_on_h2(&stream).map_err(|why| unspoken(lease.endpoint(), &why))? {
                return Ok(Err(Unsent::Unsuited));
            }
            (Client::new(stream, Moment::now()), lease)
        }
        // Boxed, so that requests by HTTP/1.1 do not pay for what these keep while they wait.
        Way::Seat(seat) => return Box::pin(try_seated(seat, head, upload, context, upstream)).await,
        Way::Joined(joined) => return Box::pin(try_joined(joined, head, upload, context, upstream)).await,
    };
    context.host.name_after(&lease.endpoint().name, head);
    match client.send(&request(head, context, upstream), upload).await {
        Ok(arrived) => Ok(Ok(finish(arrived, lease, context))),
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
) -> Tried {
    match joined.seat(upstream, context.timeouts.connect, context.deadline).await? {
        Some(seat) => try_seated(seat, head, upload, context, upstream).await,
        None => Ok(Err(Unsent::Unsuited)),
    }
}

/// One try on a connection that carries several requests.
async fn try_seated(
    seat: Seat,
    head: &mut RequestHead,
    upload: &mut Upload,
    context: &CallContext<'_>,
    upstream: &Upstream,
) -> Tried {
    if let Some(why) = context.upgrade.and_then(|upgrade| obstacle(&seat, upgrade)) {
        return match seat.endpoint().version {
            UpstreamVersion::H2 => Err(named(Error::because(Kind::UpgradeImpossible, why), seat.endpoint())),
            UpstreamVersion::Auto | UpstreamVersion::H1 => Ok(Err(Unsent::NotShared)),
        };
    }
    context.host.name_after(&seat.endpoint().name, head);
    let request = request(head, context, upstream);
    let arrived = if context.upgrade.is_some() {
        match seat.slot().connect(&request).await.map_err(|error| named(error, seat.endpoint()))? {
            Connected::Open(head, stream) => {
                return Ok(Ok(Answer::Switched { head, stream, leftover: Bytes::new(), hold: seat.into() }));
            }
            Connected::Refused(arrived) => *arrived,
        }
    } else {
        let sent = seat.slot().send(&request, upload).await;
        sent.map_err(|error| named(error, seat.endpoint()))?
    };
    let announced = arrived.announced;
    let idle = idle_within(&arrived.head, context);
    let (head, body) = arrived.into_body(seat, idle, context.deadline);
    Ok(Ok(Answer::Response(Response { head, body, announced })))
}

/// Why a connection cannot carry what a request wants to switch to; `None`: it can.
fn obstacle(seat: &Seat, upgrade: &[u8]) -> Option<&'static str> {
    if !websocket::is_asked_for(upgrade) {
        return Some("is spoken to by HTTP/2, which carries no other protocol than WebSocket");
    }
    let offers = seat.slot().client().offers_websockets();
    (!offers).then_some("is spoken to by HTTP/2, and offers no WebSockets there (SETTINGS_ENABLE_CONNECT_PROTOCOL)")
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

fn finish(arrived: Arrived, lease: Lease, context: &CallContext<'_>) -> Answer {
    if arrived.meta.switching {
        let (head, stream, leftover) = arrived.into_tunnel();
        return Answer::Switched { head, stream, leftover, hold: lease.into() };
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
