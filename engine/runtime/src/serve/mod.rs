//! One request's story, on one page.
//!
//! ```text
//! who        the client behind trusted proxies, the request's id
//! where      the path in its one form, the route
//! may it     the route's filters, in their order
//! what       its target: an upstream, files, a redirect, a fixed answer
//! and back   the filters in reverse, then what glorieta says about itself
//! ```
//!
//! Dropping the future cancels the request; its [`RequestRecord`] is written down in every case.

mod error;
mod forwarded;
mod proxy;
mod record;
mod respond;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use glorieta_core::{Body, Error, Exchange, Kind, Method, Moment, Response, ResponseHead};
use glorieta_filters::Step;
use glorieta_http::Reply;
use glorieta_net::Stream;
use glorieta_policy::{Found, Parameters, Table, client, path};
use glorieta_upstream::Lease;

use crate::snapshot::{Duty, Listener, Route, Target};
use crate::worker::{View, Worker};

pub use error::answer as error_answer;
pub use forwarded::PeerText;
pub use record::RequestRecord;

/// What a target comes to.
enum Outcome {
    Response(Response),
    Switched { head: ResponseHead, stream: Stream, leftover: Bytes, lease: Lease, idle: std::time::Duration },
}

/// Answers one request of a listener.
///
/// No `async fn`: what comes in as an argument of one is kept twice while it waits.
pub fn serve<'a>(
    worker: &Rc<Worker>,
    view: Rc<View>,
    peer_text: &'a PeerText,
    exchange: Exchange,
) -> impl Future<Output = Reply<Box<RequestRecord>>> + use<'a> {
    let Exchange { head, body, peer, started, upgrade, wire } = exchange;
    let record = RequestRecord::begin(worker.clone(), view, head, peer, started, wire);
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
            finish(&record, &mut response.head);
            Reply::Answer(response, record)
        }
        Ok(Outcome::Switched { mut head, stream, leftover, lease, idle }) => {
            record.answered(head.status);
            record.hold(lease);
            finish(&record, &mut head);
            Reply::Switch { head, upstream: Box::new(stream), leftover, idle, record }
        }
        Err(error) => {
            record.failed(&error);
            Reply::Answer(error_answer(&error, &record), record)
        }
    }
}

async fn story(record: &mut RequestRecord, body: Body, upgrade: bool, peer_text: &PeerText) -> Result<Outcome, Error> {
    let view = record.view.clone();
    let Duty::Http { table, routes } = &view.listener.duty else {
        return Err(Error::because(Kind::Draining, "the listener speaks another protocol now"));
    };
    who(record, &view.listener);
    let route = find(record, table, routes)?;
    let deadline = route.deadline.map(|deadline| record.started.plus(deadline));
    let mut body = body;
    if let Target::Proxy(_) = &route.target {
        proxy::prepare(record, peer_text, upgrade);
    }
    if route.filters.has_request()
        && let Step::Refuse(error) = record.filter_request(&route.filters, &mut body)
    {
        return Err(error);
    }
    let mut outcome = match &route.target {
        Target::Proxy(target) => proxy::run(record, target, body, deadline).await?,
        Target::Redirect(target) => Outcome::Response(respond::redirect(record, target)),
        Target::Respond(target) => Outcome::Response(respond::respond(record, target)),
        Target::Files(target) => {
            record.allow = Some("GET, HEAD".to_owned());
            let response = target.answer(&record.head, record.matched_path());
            Outcome::Response(within(deadline, response).await?)
        }
    };
    record.restore_head();
    if route.filters.has_response() {
        let head = match &mut outcome {
            Outcome::Response(response) => &mut response.head,
            Outcome::Switched { head, .. } => head,
        };
        record.filter_response(&route.filters, head);
    }
    Ok(outcome)
}

/// Who asks: the client behind trusted proxies, and the request's id.
fn who(record: &mut RequestRecord, listener: &Listener) {
    if !listener.trusted.is_empty() {
        let (client, scheme, trusted) =
            client::resolve(record.peer.address.map(|address| address.ip()), &record.head.fields, &listener.trusted);
        record.peer.client = client;
        record.peer.scheme = scheme.unwrap_or(record.peer.scheme);
        record.peer.trusted = trusted;
        record.accept_id(listener);
    }
}

/// Where it goes: brings the path into its one form and looks for its route.
fn find<'a>(record: &mut RequestRecord, table: &Table, routes: &'a [Arc<Route>]) -> Result<&'a Route, Error> {
    if record.head.method == Method::Connect {
        return Err(Error::new(Kind::ConnectRefused));
    }
    let mut normal = Vec::new();
    if path::normalise(record.head.path(), &mut normal)? {
        record.head.set_path(&normal);
    }
    record.note_head();
    let mut parameters = Parameters::default();
    let found = table.find(&record.head, &mut parameters);
    match found {
        Found::Route(index) => {
            let route = &routes[index as usize];
            if route.merge_slashes && path::has_double_slash(record.head.path()) {
                path::merge_slashes(record.head.path(), &mut normal);
                record.head.set_path(&normal);
                record.note_head();
            }
            record.routed(route.clone(), parameters);
            Ok(route)
        }
        Found::MethodNotAllowed(methods) => {
            record.allow = Some(methods.join(", "));
            Err(Error::new(Kind::MethodNotAllowed))
        }
        Found::None => Err(Error::new(Kind::NoRoute)),
    }
}

/// What glorieta says about itself in answers that it passes on.
fn finish(record: &RequestRecord, head: &mut ResponseHead) {
    let listener = &record.view.listener;
    if listener.request_id.response {
        head.fields.set(glorieta_core::Name::XRequestId, record.id.as_str().as_bytes());
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
