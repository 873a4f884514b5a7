//! The handlers of a snapshot, with all that they may call.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use glorieta_plan::Plan;
use glorieta_upstream::Upstream;
use rustc_hash::FxHashMap;

use super::route::{host, timeouts};
use super::{Problem, shared_upstream};
use crate::handlers::{Callee, Handler};
use crate::metrics::Registry;
use crate::secrets::Secrets;

type Upstreams = FxHashMap<Arc<str>, Arc<Upstream>>;

pub(super) fn build(
    plan: &Plan,
    upstreams: &Upstreams,
    registry: &Registry,
    secrets: &Secrets,
    problems: &mut Vec<Problem>,
) -> FxHashMap<Arc<str>, Arc<Handler>> {
    let mut handlers = FxHashMap::default();
    for handler in &plan.handlers {
        let path = format!("handlers.{}", handler.id);
        let mut calls = Vec::with_capacity(handler.calls.len());
        for call in &handler.calls {
            match callee(call, upstreams, secrets) {
                Ok(callee) => calls.push(callee),
                Err(message) => problems.push(Problem::at(format!("{path}.calls"), message)),
            }
        }
        let built = Arc::new(Handler {
            id: handler.id.as_str().into(),
            generation: handler.generation.as_str().into(),
            hashes: calls.iter().any(Callee::hashes),
            calls,
            queue: handler.queue.max(1),
            queue_timeout: Duration::from_millis(handler.queue_timeout_ms),
            background: Duration::from_millis(handler.background_ms),
            tunnel: Duration::from_millis(handler.tunnel_ms),
            series: registry.handler(&handler.id),
            waiting: AtomicU32::new(0),
        });
        if handlers.insert(built.id.clone(), built).is_some() {
            problems.push(Problem::at(path, "two handlers have this id"));
        }
    }
    handlers
}

fn callee(call: &glorieta_plan::HandlerCall, upstreams: &Upstreams, secrets: &Secrets) -> Result<Callee, String> {
    Ok(Callee {
        upstream: shared_upstream(upstreams, &call.upstream)?.clone(),
        host: host(&call.host, secrets)?,
        timeouts: timeouts(&call.timeouts),
        retries: call.retries,
    })
}
