//! What is known of a request, from its head to its end; dropping it writes the log line and counts.

use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{
    At, Body, Error, Kind, Moment, Name, Peer, RequestHead, RequestId, Response, ResponseHead, Scheme, Span, Wire,
};
use glorieta_filters::{Filters, Scope, Step};
use glorieta_http::Record;
use glorieta_net::{self as net, TunnelReport};
use glorieta_policy::{Parameters, Word};
use glorieta_upstream::{Lease, Progress, Upstream};

use crate::log::Entry;
use crate::metrics::Direction;
use crate::snapshot::{Listener, Route};
use crate::worker::{View, Worker};

pub struct RequestRecord {
    pub worker: Rc<Worker>,
    pub view: Rc<View>,
    pub head: RequestHead,
    pub peer: Peer,
    /// How the peer itself spoke, whatever it says of those before it.
    pub spoken: Scheme,
    pub started: Moment,
    pub wire: Rc<dyn Wire>,
    pub id: RequestId,
    pub route: Option<Arc<Route>>,
    pub parameters: Parameters,
    pub upstream: Option<Arc<Upstream>>,
    pub progress: Progress,
    /// The value of `Upgrade`, while it may be passed on.
    pub upgrade: Option<Vec<u8>>,
    /// The methods that would have been right.
    pub allow: Option<String>,
    /// What was asked for, in the head's block: what is forwarded may be another.
    asked: Asked,
    status: u16,
    /// Why glorieta answered by itself, or why the answer did not arrive.
    error: Option<Error>,
    bytes_in: u64,
    bytes_out: u64,
    lease: Option<Lease>,
    end: End,
}

/// How far a request has come when its record is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Not answered yet.
    Open,
    Answered,
    /// Switched, and the tunnel has not ended by itself.
    Tunnel,
}

#[derive(Clone, Copy, Default)]
struct Asked {
    path: Span,
    query: Option<Span>,
    authority: Span,
}

impl RequestRecord {
    pub fn begin(
        worker: Rc<Worker>,
        view: Rc<View>,
        head: RequestHead,
        peer: Peer,
        started: Moment,
        wire: Rc<dyn Wire>,
    ) -> Box<RequestRecord> {
        worker.begin_request();
        let mut record = Box::new(RequestRecord {
            worker,
            view,
            head,
            spoken: peer.scheme,
            peer,
            started,
            wire,
            id: RequestId::random(fastrand::u128(..)),
            route: None,
            parameters: Parameters::default(),
            upstream: None,
            progress: Progress::default(),
            upgrade: None,
            allow: None,
            asked: Asked::default(),
            status: 0,
            error: None,
            bytes_in: 0,
            bytes_out: 0,
            lease: None,
            end: End::Open,
        });
        record.note_head();
        record
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
        }
    }

    pub fn filter_request(&mut self, filters: &Filters, body: &mut Body) -> Step {
        // The matched path is read from the head that is changed: it is put aside while filters run.
        let matched = if self.parameters.is_empty() { Vec::new() } else { self.matched_path().to_vec() };
        let scope = Scope {
            peer: &self.peer,
            id: &self.id,
            parameters: &self.parameters,
            matched_path: Some(&matched),
            listener: &self.view.listener.id,
            route: self.route.as_ref().map_or("", |route| &route.name),
        };
        filters.request(&mut self.head, body, &scope)
    }

    pub fn filter_response(&self, filters: &Filters, head: &mut ResponseHead) {
        filters.response(head, &self.head, &self.scope());
    }

    pub fn answered(&mut self, status: u16) {
        self.status = status;
        self.end = End::Answered;
    }

    pub fn failed(&mut self, error: &Error) {
        self.status = error.kind.status();
        self.error = Some(error.clone());
        self.end = End::Answered;
    }

    /// Keeps a lease for as long as the request lasts.
    pub fn hold(&mut self, lease: Lease) {
        self.lease = Some(lease);
        self.end = End::Tunnel;
    }

    /// What it is called if it is dropped before its end: the client went, or its time was up.
    fn close(&mut self) {
        if self.end == End::Answered || self.error.is_some() {
            return;
        }
        let cut = self.worker.is_stopping() || self.view.cut.get();
        let kind = if cut { Kind::Draining } else { Kind::ClientGone };
        if self.end == End::Open {
            self.status = kind.status();
        }
        self.error = Some(Error::new(kind));
    }

    fn log(&self, ended: Moment) {
        let mut log = self.worker.log.borrow_mut();
        if !log.enabled() {
            return;
        }
        let needs = self.worker.log_needs();
        let value = |wanted: bool, name| wanted.then(|| self.head.fields.get(name)).flatten().unwrap_or_default();
        let endpoint = self.progress.endpoint.borrow();
        let values: Vec<_> =
            needs.words.iter().filter_map(|(text, word)| Some((text, self.read_word(word)?))).collect();
        let extra: Vec<(&str, &[u8])> = values.iter().map(|(text, value)| (text.as_str(), value.as_slice())).collect();
        log.record(&Entry {
            time_unix_ns: self.worker.unix_nanoseconds(self.started),
            duration_ns: ended.since(self.started).as_nanos() as u64,
            id: self.id.as_str(),
            listener: &self.view.listener.id,
            route: self.route.as_ref().map_or("", |route| &route.name),
            client: self.peer.client,
            client_port: self.peer.address.map_or(0, |address| address.port()),
            method: self.head.method_text(),
            scheme: self.peer.scheme.text(),
            host: self.asked_authority(),
            path: self.matched_path(),
            query: self.asked.query.map(|query| self.head.fields.text(query)),
            protocol: self.head.version.text(),
            status: self.status,
            reason: self.error.as_ref().map(|error| error.kind.reason()),
            detail: self.error.as_ref().map_or("", |error| error.detail()),
            upstream: self.upstream.as_ref().map_or("", |upstream| &upstream.id),
            endpoint: endpoint.as_ref().map_or("", |endpoint| &endpoint.name),
            tries: self.progress.tries.get(),
            bytes_in: self.bytes_in.max(self.wire.bytes_in()),
            bytes_out: self.bytes_out,
            tls: "",
            trace_id: self.trace_id(),
            referer: value(needs.referer, Name::Referer),
            user_agent: value(needs.user_agent, Name::UserAgent),
            extra: &extra,
        });
        drop(log);
        self.worker.log_soon();
    }

    fn read_word(&self, word: &Word) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        word.read(&self.scope().view(&self.head), &mut value).then_some(value)
    }

    /// The trace id of `traceparent` (W3C Trace Context §3.2).
    fn trace_id(&self) -> &[u8] {
        match self.head.fields.get(Name::TraceParent) {
            Some([_, _, b'-', rest @ ..]) if rest.len() >= 33 && rest[32] == b'-' => &rest[..32],
            _ => b"",
        }
    }
}

impl Record for Box<RequestRecord> {
    fn bytes_out(&mut self, bytes: u64) {
        self.bytes_out += bytes;
    }

    fn fail(&mut self, error: &Error) {
        if error.kind.at() == At::Upstream
            && let (Some(upstream), Some(endpoint)) = (&self.upstream, &*self.progress.endpoint.borrow())
        {
            upstream.note_broken(endpoint, error.kind);
        }
        // Why glorieta answered as it did says more than why that did not arrive.
        if self.error.is_none() {
            self.error = Some(error.clone());
        }
    }

    fn instead(&mut self, error: &Error) -> Response {
        self.failed(error);
        super::error_answer(error, self)
    }

    fn tunnelled(&mut self, report: &TunnelReport) {
        self.end = End::Answered;
        self.bytes_in = report.bytes_in;
        self.bytes_out = report.bytes_out;
        let series = &self.view.listener.series;
        series.tunnel_bytes(self.worker.index, Direction::In, report.bytes_in);
        series.tunnel_bytes(self.worker.index, Direction::Out, report.bytes_out);
        let error = match report.end {
            net::End::Closed => return,
            net::End::Idle => Error::because(Kind::IdleTimeout, "nothing moved in the tunnel"),
            net::End::ClientError => Error::new(Kind::ClientGone),
            net::End::UpstreamError => Error::new(Kind::UpstreamReset),
        };
        self.fail(&error);
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let ended = Moment::now();
        self.close();
        match &self.route {
            Some(route) => {
                let duration = ended.since(self.started).as_nanos() as u64;
                route.series.record(self.worker.index, self.head.method, self.status, duration);
            }
            None => {
                let kind = self.error.as_ref().map_or(Kind::ClientGone, |error| error.kind);
                self.view.listener.series.rejected(self.worker.index, kind);
            }
        }
        self.log(ended);
        self.worker.end_request();
    }
}
