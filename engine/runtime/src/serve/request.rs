//! A request as far as it can be decided without a socket: who asks, what for, where it goes.
//!
//! What is here is pure, but for files: so the same code serves a request and tells how one would be served.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{Body, Name, Peer, RequestHead, RequestId, Response, ResponseHead, Scheme, Secured, Span};
use glorieta_filters::{Filters, Noted, Scope, Step, Volume};
use glorieta_policy::Parameters;
use glorieta_policy::grpc::Dialect;

use super::Watch;
use crate::snapshot::{Listener, Route};
use crate::worker::View;

pub struct Request {
    pub view: Rc<View>,
    pub head: RequestHead,
    pub peer: Peer,
    /// How the peer itself spoke, whatever it says of those before it.
    pub spoken: Scheme,
    /// What TLS has shown of its connection; `None`: it is in clear.
    pub secured: Option<Rc<Secured>>,
    pub id: RequestId,
    pub route: Option<Arc<Route>>,
    pub parameters: Parameters,
    /// The value of `Upgrade`, while it may be passed on.
    pub upgrade: Option<Vec<u8>>,
    /// Whether somebody else's mirror has sent it; known where its route mirrors.
    pub is_copy: bool,
    /// The methods that would have been right.
    pub allow: Option<String>,
    /// A call of gRPC, in the dialect in which it came.
    pub grpc: Option<Dialect>,
    /// What filters have noted for its answer.
    pub noted: Cell<Noted>,
    /// How long its answer's body was before it was compressed, and after.
    pub volume: Option<Rc<Volume>>,
    /// What was asked for, in the head's block: what is forwarded may be another.
    asked: Asked,
}

#[derive(Clone, Copy, Default)]
struct Asked {
    path: Span,
    query: Option<Span>,
    authority: Span,
}

impl Request {
    pub fn new(view: Rc<View>, head: RequestHead, peer: Peer, secured: Option<Rc<Secured>>, id: RequestId) -> Request {
        let asked = Asked { path: head.path, query: head.query, authority: head.authority };
        let grpc = Dialect::of(&head);
        Request {
            view,
            head,
            spoken: peer.scheme,
            peer,
            secured,
            id,
            route: None,
            parameters: Parameters::default(),
            upgrade: None,
            is_copy: false,
            allow: None,
            grpc,
            noted: Cell::default(),
            volume: None,
            asked,
        }
    }

    /// Takes over the id that a trusted proxy sent.
    pub fn accept_id(&mut self, listener: &Listener) {
        if !self.peer.trusted || !listener.request_id.accept {
            return;
        }
        if let Some(id) = self.head.fields.get(Name::XRequestId).and_then(RequestId::accept) {
            self.id = id;
        }
    }

    /// Remembers the head as it is now as what was asked for.
    pub fn note_head(&mut self) {
        self.asked = Asked { path: self.head.path, query: self.head.query, authority: self.head.authority };
    }

    /// Puts back what was asked for, after forwarding has changed it: filters of the answer speak of that.
    pub fn restore_head(&mut self) {
        (self.head.path, self.head.query, self.head.authority) =
            (self.asked.path, self.asked.query, self.asked.authority);
    }

    pub fn asked_authority(&self) -> &[u8] {
        self.head.fields.text(self.asked.authority)
    }

    pub fn asked_query(&self) -> Option<&[u8]> {
        self.asked.query.map(|query| self.head.fields.text(query))
    }

    pub fn routed(&mut self, route: Arc<Route>, parameters: Parameters) {
        self.route = Some(route);
        self.parameters = parameters;
    }

    /// The path that was matched.
    pub fn matched_path(&self) -> &[u8] {
        self.head.fields.text(self.asked.path)
    }

    /// What templates and words read beside the head.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            peer: &self.peer,
            id: &self.id,
            parameters: &self.parameters,
            matched_path: Some(self.matched_path()),
            listener: &self.view.listener.id,
            route: self.route.as_ref().map_or("", |route| &route.name),
            secured: self.secured.as_deref(),
            noted: &self.noted,
        }
    }

    pub fn filter(&mut self, filters: &Filters, body: &mut Body, watch: &mut impl Watch) -> Step {
        // The matched path is read from the head that is changed: it is put aside while filters run.
        let matched = if self.parameters.is_empty() { Vec::new() } else { self.matched_path().to_vec() };
        let scope = Scope {
            peer: &self.peer,
            id: &self.id,
            parameters: &self.parameters,
            matched_path: Some(&matched),
            listener: &self.view.listener.id,
            route: self.route.as_ref().map_or("", |route| &route.name),
            secured: self.secured.as_deref(),
            noted: &self.noted,
        };
        filters.request(&mut self.head, body, &scope, |filter, head, step| {
            watch.filtered(filter, head, step, self.noted.get());
        })
    }

    pub fn filter_answer(&self, filters: &Filters, head: &mut ResponseHead) {
        filters.response(head, &self.head, &self.scope());
    }

    /// What becomes of the answer's body, once its head is as it will be.
    pub fn filter_body(&mut self, filters: &Filters, response: &mut Response) {
        self.volume = filters.body(response, &self.head, self.noted.get());
    }
}
