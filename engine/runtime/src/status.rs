//! What the admin address shows: the running Plan with the health and load of its upstreams, and the metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_core::Moment;
use glorieta_upstream::{EndpointState, Upstream};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::admin;
use crate::certificates::{Watched, watched};
use crate::handlers::Handler;
use crate::metrics::{Observed, ObservedHandler, ObservedUpstream};
use crate::snapshot::{Shown, ShownListener, Snapshot};
use crate::worker::Shared;

/// The engine as the admin address sees it.
pub struct EngineView {
    pub shared: Arc<Shared>,
}

impl admin::View for EngineView {
    fn is_ready(&self) -> bool {
        let draining = self.shared.draining.load(Ordering::Acquire);
        // At the start, the processes of handlers come after the first Plan.
        !draining && (self.shared.handlers.has_begun() || self.shared.snapshot.load().handlers.is_empty())
    }

    fn plan_version(&self) -> String {
        self.shared.snapshot.load_full().version.to_string()
    }

    fn hosts(&self) -> Vec<String> {
        self.shared.snapshot.load().admin_hosts.clone()
    }

    fn metrics(&self) -> String {
        metrics(&self.shared)
    }

    fn status(&self) -> String {
        view(&self.shared)
    }
}

/// The metrics as Prometheus text.
pub fn metrics(shared: &Shared) -> String {
    let snapshot = shared.snapshot.load_full();
    let now = Moment::now();
    let mut ids: Vec<_> = snapshot.upstreams.values().collect();
    ids.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let upstreams = ids.into_iter().map(|upstream| observe(upstream, now)).collect();
    let mut handlers: Vec<_> = snapshot.handlers.values().map(|handler| observe_handler(shared, handler)).collect();
    handlers.sort_unstable_by(|one, other| one.handler.cmp(&other.handler));
    let files = watched(&snapshot).iter().map(Watched::observe).collect();
    shared.registry.render(&Observed { upstreams, handlers, files, log: shared.log.counts() })
}

fn observe(upstream: &Upstream, now: Moment) -> ObservedUpstream {
    let set = upstream.state.set();
    let count = |state: EndpointState| {
        let count = set.endpoints.iter().filter(|endpoint| endpoint.state(now) == state).count();
        (state.word(), count as u64)
    };
    ObservedUpstream {
        upstream: upstream.id.to_string(),
        endpoints: EndpointState::ALL.map(count).to_vec(),
        waiting: u64::from(upstream.state.waiting()),
    }
}

/// A process may run several handlers: what it has is what each of them has to wait for.
fn observe_handler(shared: &Shared, handler: &Handler) -> ObservedHandler {
    let stats = shared.handlers.stats();
    let own: Vec<_> = stats.iter().filter(|process| process.handlers.contains(&handler.id)).collect();
    let waiting: u32 = own.iter().map(|process| process.calls - process.running).sum();
    let running: u32 = own.iter().map(|process| process.running).sum();
    let lingering: u32 = own.iter().map(|process| process.lingering).sum();
    let current = own.iter().filter(|process| process.generation == handler.generation);
    ObservedHandler {
        handler: handler.id.to_string(),
        queue: u64::from(waiting + handler.waiting.load(Ordering::Relaxed)),
        running: u64::from(running),
        lingering: u64::from(lingering),
        lag_seconds: current.map(|process| f64::from(process.lag) / 1e6).fold(0.0, f64::max),
    }
}

/// The read-only JSON view, as it is written.
#[derive(Serialize)]
struct Status<'a> {
    plan: &'a str,
    ready: bool,
    listeners: Vec<ListenerStatus<'a>>,
    groups: Option<&'a RawValue>,
    upstreams: Vec<Value>,
    requests: u32,
    counts: Value,
}

#[derive(Serialize)]
struct ListenerStatus<'a> {
    #[serde(flatten)]
    shown: ShownListener<'a>,
    connections: Option<u32>,
}

/// The read-only JSON view.
pub fn view(shared: &Shared) -> String {
    let snapshot = shared.snapshot.load_full();
    let now = Moment::now();
    let mut upstreams: Vec<_> = snapshot.upstreams.values().collect();
    upstreams.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let text = snapshot.shown.unpack();
    let shown = Shown::read(&text);
    let status = Status {
        plan: &snapshot.version,
        ready: !shared.draining.load(Ordering::Acquire),
        listeners: shown.listeners.into_iter().map(|shown| listener(&snapshot, shown)).collect(),
        groups: shown.groups,
        upstreams: upstreams.iter().map(|upstream| upstream_json(upstream, now)).collect(),
        requests: shared.requests(),
        counts: shared.registry.snapshot_json(),
    };
    // Texts and numbers only: writing them to memory cannot fail.
    serde_json::to_string(&status).unwrap_or_default()
}

fn listener<'a>(snapshot: &Snapshot, shown: ShownListener<'a>) -> ListenerStatus<'a> {
    let built = snapshot.listener(&shown.id);
    ListenerStatus { connections: built.map(|built| built.state.connections.load(Ordering::Relaxed)), shown }
}

fn upstream_json(upstream: &Upstream, now: Moment) -> Value {
    let set = upstream.state.set();
    let endpoint = |endpoint: &Arc<glorieta_upstream::Endpoint>| {
        json!({
            "name": &*endpoint.name,
            "address": endpoint.destination.to_string(),
            "state": endpoint.state(now).word(),
            "in_flight": endpoint.in_flight(),
            "connections": endpoint.connections(),
            "expected_ms": (endpoint.expected(now) / 1e4).round() / 100.0,
        })
    };
    json!({
        "id": &*upstream.id,
        "endpoints": set.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "waiting": upstream.state.waiting(),
    })
}
