//! One request's story, on one page.
//!
//! ```text
//! who        the client behind trusted proxies, the request's id
//! convince   an issuer that asks whether a name leads here (ACME); before all routes
//! where      the path in its one form, the route
//! may it     the route's filters, in their order
//! what       its target: an upstream, a handler, files, a redirect, a fixed answer
//! and back   the filters in reverse, then what glorieta says about itself
//! ```
//!
//! Dropping the future cancels the request; its [`RequestRecord`] is written down in every case.

mod error;
mod forwarded;
mod grpc;
mod handler;
mod proxy;
mod record;
mod request;
mod respond;
mod slash;
mod split;
mod watch;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use glorieta_core::{Body, Error, Exchange, Kind, Method, Moment, Response, ResponseHead, Secured, Version};
use glorieta_filters::{Filters, Step};
use glorieta_http::Reply;
use glorieta_net::Stream;
use glorieta_policy::{Found, Parameters, Table, client, path};

use crate::challenges::Challenge;
use crate::gather;
use crate::snapshot::{Duty, Listener, Route, Target};
use crate::worker::{View, Worker};

pub use error::answer as error_answer;
pub use forwarded::PeerText;
pub use handler::ask;
pub use proxy::{aim, hash_of, present};
pub use record::{Hold, RequestRecord};
pub use request::Request;
pub use respond::{own, redirect, respond};
pub use split::{By, Key, Split, Variant};
pub use watch::Watch;

/// What may be asked of a file.
pub const FILE_METHODS: &str = "GET, HEAD";

/// What a target comes to.
enum Outcome {
    Response(Response),
    Switched { head: ResponseHead, stream: Stream, leftover: Bytes, hold: Hold, idle: std::time::Duration },
}

/// Answers one request of a listener.
///
/// No `async fn`: what comes in as an argument of one is kept twice while it waits.
pub fn serve<'a>(
    worker: &Rc<Worker>,
    view: Rc<View>,
    peer_text: &'a PeerText,
    secured: Option<Rc<Secured>>,
    exchange: Exchange,
) -> impl Future<Output = Reply<Box<RequestRecord>>> + use<'a> {
    let Exchange { head, body, peer, started, upgrade, wire } = exchange;
    let record = RequestRecord::begin(worker.clone(), view, head, peer, secured, started, wire);
    tell(record, body, upgrade, peer_text)
}

async fn tell(
    mut record: Box<RequestRecord>,
    body: Body,
    upgrade: bool,
    peer_text: &PeerText,
) -> Reply<Box<RequestRecord>> {
    match story(&mut record, body, upgrade, peer_text).await {
        Ok(Outcome::Response(mut response)) => {
            record.answered(response.head.status);
            finish(&record.request, &mut response.head);
            record.present_call(&mut response);
            if let Body::Stream(_) = response.body {
                record.outlast_reloads();
            }
            Reply::Answer(response, record)
        }
        Ok(Outcome::Switched { mut head, stream, leftover, hold, idle }) => {
            record.answered(head.status);
            record.hold(hold);
            finish(&record.request, &mut head);
            record.outlast_reloads();
            Reply::Switch { head, upstream: Box::new(stream), leftover, idle, record }
        }
        Err(error) => {
            record.failed(&error);
            let mut response = error_answer(&error, &record.request);
            go_back_from_error(&mut record.request, &mut response);
            record.present_call(&mut response);
            tell_of_http3(&record.request, &mut response.head);
            Reply::Answer(response, record)
        }
    }
}

async fn story(record: &mut RequestRecord, body: Body, upgrade: bool, peer_text: &PeerText) -> Result<Outcome, Error> {
    let view = record.request.view.clone();
    if view.listener.challenge == Some(Challenge::Http)
        && let Some(page) = record.worker.shared.challenges.page(&record.request.head)
    {
        who(&mut record.request, &view.listener);
        return Ok(Outcome::Response(page));
    }
    let mut body = body;
    let route = decide(&mut record.request, &view.listener, &mut body, upgrade, peer_text, &mut ())?;
    let mut deadline = route.deadline.map(|deadline| record.started.plus(deadline));
    if record.request.grpc.is_some() {
        deadline = grpc::deadline(&record.request.head, record.started, deadline);
    }
    let mut outcome = match &route.target {
        Target::Proxy(target) => proxy::run(record, target, body, deadline).await?,
        // Boxed, so that other requests do not pay for what it keeps while it waits.
        Target::Split(target) => Box::pin(split::run(record, target, body, deadline)).await?,
        Target::Handler(target) => handler::run(record, target, body, deadline).await?,
        Target::Gather(target) => Outcome::Response(gather::run(record, target, body, deadline).await?),
        Target::Redirect(target) => Outcome::Response(redirect(&record.request, target)),
        Target::Respond(target) => Outcome::Response(respond(&record.request, target)),
        Target::Files(target) => {
            let request = &mut record.request;
            request.allow = Some(FILE_METHODS.to_owned());
            let response = target.answer(&request.head, request.matched_path());
            Outcome::Response(within(deadline, response).await?)
        }
    };
    match &mut outcome {
        Outcome::Response(response) => go_back(&mut record.request, &route.filters, response),
        // What follows is no body.
        Outcome::Switched { head, .. } => go_back_with_head(&mut record.request, &route.filters, head),
    }
    Ok(outcome)
}

/// Everything up to the target: who, where, and whether it may. `watch` is told on the way.
///
/// # Errors
/// Why it goes no further; the request knows its route if it has one.
pub fn decide<'a>(
    request: &mut Request,
    listener: &'a Listener,
    body: &mut Body,
    upgrade: bool,
    peer_text: &PeerText,
    watch: &mut impl Watch,
) -> Result<&'a Route, Error> {
    let Duty::Http { table, routes, redirect_slashes, filters } = &listener.duty else {
        return Err(Error::because(Kind::Draining, "the listener speaks another protocol now"));
    };
    who(request, listener);
    let route = match find(request, table, routes, watch) {
        Ok(route) => route,
        Err(error) => {
            let is_there = error.kind == Kind::NoRoute && *redirect_slashes && slash::is_wrong(request, table, routes);
            let error = if is_there { Error::new(Kind::SlashRedirect) } else { error };
            return Err(without_route(request, filters, body, error, watch));
        }
    };
    // A handler sees what an upstream would, and parts are asked with some of it.
    if let Target::Proxy(_) | Target::Split(_) | Target::Handler(_) | Target::Gather(_) = &route.target {
        proxy::prepare(request, peer_text, upgrade);
        watch.prepared(&request.head);
    }
    if route.filters.has_request()
        && let Step::Refuse(error) = request.filter(&route.filters, body, watch)
    {
        return Err(error);
    }
    Ok(route)
}

/// Why a request goes no further that has found no route. The listener's own filters hold for it all the same, and
/// where they refuse it, that is why: who may not come in does not learn what is here.
fn without_route(
    request: &mut Request,
    filters: &Filters,
    body: &mut Body,
    error: Error,
    watch: &mut impl Watch,
) -> Error {
    if filters.has_request()
        && let Step::Refuse(refused) = request.filter(filters, body, watch)
    {
        return refused;
    }
    error
}

/// Who asks: the client behind trusted proxies, and the request's id.
fn who(request: &mut Request, listener: &Listener) {
    if !listener.trusted.is_empty() {
        let (client, scheme, trusted) =
            client::resolve(request.peer.address.map(|address| address.ip()), &request.head.fields, &listener.trusted);
        request.peer.client = client;
        request.peer.scheme = scheme.unwrap_or(request.peer.scheme);
        request.peer.trusted = trusted;
        request.accept_id(listener);
    }
}

/// Where it goes: brings the path into its one form and looks for its route.
fn find<'a>(
    request: &mut Request,
    table: &Table,
    routes: &'a [Arc<Route>],
    watch: &mut impl Watch,
) -> Result<&'a Route, Error> {
    if let Some(secured) = &request.secured
        && secured.misdirects(request.head.host())
    {
        return Err(Error::because(Kind::Misdirected, "the connection's certificate does not cover the host"));
    }
    if request.head.method == Method::Connect {
        return Err(Error::new(Kind::ConnectRefused));
    }
    let mut normal = Vec::new();
    if path::normalise(request.head.path(), &mut normal)? {
        request.head.set_path(&normal);
    }
    request.note_head();
    let mut parameters = Parameters::default();
    let view = request.scope().view(&request.head);
    let found = table.find(&view, &mut parameters);
    watch.found(table, &view, &found);
    match found {
        Found::Route(index) => {
            let route = &routes[index as usize];
            if route.merge_slashes && path::has_double_slash(request.head.path()) {
                path::merge_slashes(request.head.path(), &mut normal);
                request.head.set_path(&normal);
                request.note_head();
            }
            request.routed(route.clone(), parameters);
            Ok(route)
        }
        Found::MethodNotAllowed(methods) => {
            request.allow = Some(methods.join(", "));
            Err(Error::new(Kind::MethodNotAllowed))
        }
        Found::None => Err(Error::new(Kind::NoRoute)),
    }
}

/// The filters of the answer, which speak of what was asked for.
pub fn go_back(request: &mut Request, filters: &Filters, response: &mut Response) {
    go_back_with_head(request, filters, &mut response.head);
    request.filter_body(filters, response);
}

/// The same where nobody knows the body.
pub fn go_back_with_head(request: &mut Request, filters: &Filters, head: &mut ResponseHead) {
    request.restore_head();
    if filters.has_response() {
        request.filter_answer(filters, head);
    }
}

/// The same for an error: what filters add to answers, such as HSTS, holds for errors, too. Where there is no route,
/// they are the listener's.
pub fn go_back_from_error(request: &mut Request, response: &mut Response) {
    if let Some(route) = request.route.clone() {
        go_back(request, &route.filters, response);
        return;
    }
    let view = request.view.clone();
    if let Duty::Http { filters, .. } = &view.listener.duty {
        go_back(request, filters, response);
    }
}

/// What glorieta says about itself in answers that it passes on.
pub fn finish(request: &Request, head: &mut ResponseHead) {
    let listener = &request.view.listener;
    if listener.request_id.response {
        head.fields.set(glorieta_core::Name::XRequestId, request.id.as_str().as_bytes());
    }
    tell_of_http3(request, head);
}

/// Tells clients that came by TCP that HTTP/3 is spoken here, too, in the place of what an upstream may say of itself.
fn tell_of_http3(request: &Request, head: &mut ResponseHead) {
    if let Some(alt_svc) = &request.view.alt_svc
        && request.head.version < Version::Http3
    {
        head.fields.set_named(b"Alt-Svc", alt_svc);
    }
}

/// A target's answer, if it comes before the deadline.
async fn within<T>(deadline: Option<Moment>, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match deadline {
        None => answer.await,
        Some(deadline) => {
            glorieta_net::timer::within(deadline, pin!(answer)).await.unwrap_or_else(|| Err(Error::new(Kind::Deadline)))
        }
    }
}
