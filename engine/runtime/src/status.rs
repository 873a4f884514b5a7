//! What the admin address shows: the running Plan with the health and load of its upstreams, and the metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_core::Moment;
use glorieta_upstream::{EndpointState, Upstream};
use serde_json::{Value, json};

use crate::admin;
use crate::metrics::{Observed, ObservedUpstream};
use crate::snapshot::Snapshot;
use crate::worker::Shared;

/// The engine as the admin address sees it.
pub struct EngineView {
    pub shared: Arc<Shared>,
}

impl admin::View for EngineView {
    fn is_ready(&self) -> bool {
        !self.shared.draining.load(Ordering::Acquire)
    }

    fn plan_version(&self) -> String {
        self.shared.snapshot.load_full().version.to_string()
    }

    fn hosts(&self) -> Vec<String> {
        self.shared.snapshot.load_full().plan.admin.hosts.clone()
    }

    fn metrics(&self) -> String {
        metrics(&self.shared)
    }

    fn status(&self) -> Value {
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
    shared.registry.render(&Observed { upstreams, log: shared.log.counts() })
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

/// The read-only JSON view.
pub fn view(shared: &Shared) -> Value {
    let snapshot = shared.snapshot.load_full();
    let now = Moment::now();
    let mut upstreams: Vec<_> = snapshot.upstreams.values().collect();
    upstreams.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    json!({
        "plan": &*snapshot.version,
        "ready": !shared.draining.load(Ordering::Acquire),
        "listeners": listeners(&snapshot),
        "groups": snapshot.plan.groups,
        "upstreams": upstreams.iter().map(|upstream| upstream_json(upstream, now)).collect::<Vec<_>>(),
        "requests": shared.requests(),
        "counts": shared.registry.snapshot_json(),
    })
}

fn listeners(snapshot: &Snapshot) -> Vec<Value> {
    let listener = |listener: &glorieta_plan::Listener| {
        let open = snapshot.listener(&listener.id).map(|built| built.state.connections.load(Ordering::Relaxed));
        json!({
            "id": listener.id,
            "bind": listener.bind,
            "protocol": listener.protocol,
            "roles": listener.roles,
            "connections": open,
            "routes": listener.routes,
            "tcp": listener.tcp,
        })
    };
    snapshot.plan.listeners.iter().map(listener).collect()
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
