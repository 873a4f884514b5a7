//! What is known of a request, from its head to its end; dropping it writes the log line and counts.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{At, Error, Kind, Moment, Name, Peer, RequestHead, RequestId, Response, Secured, Wire};
use glorieta_http::Record;
use glorieta_net::{self as net, TunnelReport};
use glorieta_policy::word::OutcomeWord;
use glorieta_policy::{Word, grpc as policy};
use glorieta_upstream::{Lease, Progress, Upstream};

use super::{Request, grpc};
use crate::handlers::Tunnel;
use crate::log::Entry;
use crate::metrics::Direction;
use crate::mirror::Fate;
use crate::worker::{View, Worker};

pub struct RequestRecord {
    pub worker: Rc<Worker>,
    pub request: Request,
    pub started: Moment,
    pub wire: Rc<dyn Wire>,
    pub upstream: Option<Arc<Upstream>>,
    pub progress: Progress,
    /// How often calls that a handler made for it were sent.
    pub called: Option<Rc<Cell<u16>>>,
    /// What has become of its copy; `None`: it has none.
    pub mirrored: Option<Rc<Cell<Fate>>>,
    status: u16,
    /// What became of a call of gRPC.
    grpc_status: Option<grpc::Status>,
    /// Why glorieta answered by itself, or why the answer did not arrive.
    error: Option<Error>,
    bytes_in: u64,
    bytes_out: u64,
    hold: Option<Hold>,
    end: End,
}

/// What a tunnel leads to; it ends by being dropped.
pub enum Hold {
    Upstream(Lease),
    Handler(Tunnel),
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

impl RequestRecord {
    pub fn begin(
        worker: Rc<Worker>,
        view: Rc<View>,
        head: RequestHead,
        peer: Peer,
        secured: Option<Rc<Secured>>,
        started: Moment,
        wire: Rc<dyn Wire>,
    ) -> Box<RequestRecord> {
        worker.begin_request();
        Box::new(RequestRecord {
            worker,
            request: Request::new(view, head, peer, secured, RequestId::random(fastrand::u128(..))),
            started,
            wire,
            upstream: None,
            progress: Progress::default(),
            called: None,
            mirrored: None,
            status: 0,
            grpc_status: None,
            error: None,
            bytes_in: 0,
            bytes_out: 0,
            hold: None,
            end: End::Open,
        })
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

    /// Watches how a call of gRPC ends, and answers in the form in which it came.
    pub fn present_call(&mut self, response: &mut Response) {
        let Some(dialect) = self.request.grpc else { return };
        // What glorieta says by itself it says in the caller's dialect.
        let bridged =
            self.error.is_some() || self.request.route.as_ref().is_some_and(|route| route.filters.bridges_grpc_web());
        self.grpc_status = Some(grpc::present(dialect, bridged, response));
        self.status = response.head.status;
    }

    /// What became of a call of gRPC; `None`: it was none.
    fn grpc_status(&self) -> Option<u16> {
        self.request.grpc?;
        let said = self.grpc_status.as_ref().and_then(|status| status.get());
        let failed = || self.error.as_ref().map(|error| policy::status_of(error.kind));
        Some(said.or_else(failed).unwrap_or(policy::UNKNOWN))
    }

    /// Notes what is wrong with an answer that is given all the same.
    pub fn note(&mut self, error: Error) {
        self.error = Some(error);
    }

    /// Lets go of all routes but its own: what follows may take hours.
    pub fn outlast_reloads(&mut self) {
        self.request.view = self.request.view.lasting();
    }

    /// Keeps what the tunnel leads to for as long as the request lasts.
    pub fn hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
        self.end = End::Tunnel;
    }

    /// What it is called if it is dropped before its end: the client went, or its time was up.
    fn close(&mut self) {
        if self.end == End::Answered || self.error.is_some() {
            return;
        }
        let cut = self.worker.is_stopping() || self.request.view.cut.get();
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
        let value =
            |wanted: bool, name| wanted.then(|| self.request.head.fields.get(name)).flatten().unwrap_or_default();
        let endpoint = self.progress.endpoint.borrow();
        let values: Vec<_> =
            needs.words.iter().filter_map(|(text, word)| Some((text, self.read_word(word)?))).collect();
        let extra: Vec<(&str, &[u8])> = values.iter().map(|(text, value)| (text.as_str(), value.as_slice())).collect();
        log.record(&Entry {
            time_unix_ns: self.worker.unix_nanoseconds(self.started),
            duration_ns: ended.since(self.started).as_nanos() as u64,
            request_id: self.request.id.as_str(),
            listener: &self.request.view.listener.id,
            route: self.request.route.as_ref().map_or("", |route| &route.name),
            client: self.request.peer.client,
            client_port: self.request.peer.address.map_or(0, |address| address.port()),
            method: self.request.head.method_text(),
            scheme: self.request.peer.scheme.text(),
            host: self.request.asked_authority(),
            path: self.request.matched_path(),
            query: self.request.asked_query(),
            protocol: self.request.head.version.text(),
            status: self.status,
            grpc_status: self.grpc_status(),
            reason: self.error.as_ref().map(|error| error.kind.reason()),
            detail: self.error.as_ref().map_or("", |error| error.detail()),
            upstream: self.upstream.as_ref().map_or("", |upstream| &upstream.id),
            endpoint: endpoint.as_ref().map_or("", |endpoint| &endpoint.name),
            tries: self.called.as_ref().map_or(self.progress.tries.get(), |called| called.get()),
            mirror: self.mirrored.as_ref().map_or("", |fate| fate.get().word()),
            bytes_in: self.bytes_in.max(self.wire.bytes_in()),
            bytes_out: self.bytes_out,
            tls: self.request.secured.as_ref().map_or("", |secured| secured.version),
            trace_id: self.trace_id(),
            referer: value(needs.referer, Name::Referer),
            user_agent: value(needs.user_agent, Name::UserAgent),
            extra: &extra,
        });
        drop(log);
        self.worker.log_soon();
    }

    fn read_word(&self, word: &Word) -> Option<Vec<u8>> {
        if *word == Word::Outcome(OutcomeWord::CompressionRatio) {
            return self.request.volume.as_ref()?.ratio().map(String::into_bytes);
        }
        let mut value = Vec::new();
        word.read(&self.request.scope().view(&self.request.head), &mut value).then_some(value)
    }

    /// The trace id of `traceparent` (W3C Trace Context §3.2).
    fn trace_id(&self) -> &[u8] {
        match self.request.head.fields.get(Name::TraceParent) {
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
        let mut response = super::error_answer(error, &self.request);
        self.present_call(&mut response);
        response
    }

    fn tunnelled(&mut self, report: &TunnelReport) {
        self.end = End::Answered;
        self.bytes_in = report.bytes_in;
        self.bytes_out = report.bytes_out;
        let series = &self.request.view.listener.series;
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
        match &self.request.route {
            Some(route) => {
                let duration = ended.since(self.started).as_nanos() as u64;
                route.series.record(self.worker.index, self.request.head.method, self.status, duration);
                if let Some(status) = self.grpc_status() {
                    route.series.record_call(self.worker.index, status);
                }
            }
            None => {
                let kind = self.error.as_ref().map_or(Kind::ClientGone, |error| error.kind);
                self.request.view.listener.series.rejected(self.worker.index, kind);
            }
        }
        self.log(ended);
        self.worker.end_request();
    }
}
