//! The Plan made ready to run: immutable, built beside the running one, published by one swap.
//!
//! Everything that can be wrong with a Plan is found here, before anything has changed. What must outlive a
//! reload is taken over from the previous snapshot by id: upstreams with their pools, health and balancing,
//! listeners with their counts.

mod handlers;
mod layer4;
mod listener;
mod problem;
mod route;
mod shown;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use glorieta_net::listen::Bind;
use glorieta_plan::{AccessLog, ActiveCheck, CheckKind, Plan, Protocol};
use glorieta_upstream::{Observer, Outcome, Upstream};
use rustc_hash::FxHashMap;

use crate::handlers::Handler;
use crate::metrics::{self, Registry, UpstreamSeries};
use crate::secrets::Secrets;
use crate::worker::current_worker;

pub use layer4::{DatagramRoute, Passthrough, TcpRoute};
pub use listener::{Duty, Listener};
pub use problem::Problem;
pub use route::{Proxy, Redirect, Respond, Route, Target};
pub use shown::{Packed, Shown, ShownListener};

/// One Plan, ready.
pub struct Snapshot {
    pub version: Arc<str>,
    pub listeners: Vec<Arc<Listener>>,
    pub upstreams: FxHashMap<Arc<str>, Arc<Upstream>>,
    pub handlers: FxHashMap<Arc<str>, Arc<Handler>>,
    pub access_log: AccessLog,
    /// How long what is under way may take at the end.
    pub drain: Duration,
    /// Hosts by which the admin address may be called.
    pub admin_hosts: Vec<String>,
    /// What the JSON view shows; nothing where nobody can look at it.
    pub shown: Packed,
}

impl Snapshot {
    /// Builds a snapshot; nothing outside of it changes.
    ///
    /// # Errors
    /// Everything that is wrong with the Plan.
    pub fn build(
        plan: &Plan,
        previous: Option<&Snapshot>,
        registry: &Registry,
        secrets: &Secrets,
    ) -> Result<Snapshot, Vec<Problem>> {
        let mut problems = Vec::new();
        if plan.format != glorieta_plan::FORMAT {
            let message = format!("this engine reads format {}, not {}", glorieta_plan::FORMAT, plan.format);
            return Err(vec![Problem::at("format", message)]);
        }
        let upstreams = build_upstreams(plan, previous, registry, secrets, &mut problems);
        let handlers = handlers::build(plan, &upstreams, registry, secrets, &mut problems);
        let context = listener::Context {
            upstreams: &upstreams,
            handlers: &handlers,
            registry,
            server_name: plan.server_name.as_deref(),
            acme: plan.acme.as_ref(),
            secrets,
        };
        let mut listeners = Vec::with_capacity(plan.listeners.len());
        for listener in &plan.listeners {
            let before = previous.and_then(|previous| previous.listener(&listener.id));
            listeners.extend(Listener::build(listener, before, &context, &mut problems).map(Arc::new));
        }
        check_unique(plan, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Snapshot {
            version: plan.version.as_str().into(),
            listeners,
            upstreams,
            handlers,
            access_log: plan.access_log.clone(),
            drain: Duration::from_millis(plan.drain_ms),
            admin_hosts: plan.admin.hosts.clone(),
            shown: Packed::default(),
        })
    }

    /// The same, for whoever is to serve the JSON view of it.
    #[must_use]
    pub fn with_view(self, plan: &Plan) -> Snapshot {
        Snapshot { shown: Packed::of(plan), ..self }
    }

    pub fn listener(&self, id: &str) -> Option<&Arc<Listener>> {
        self.listeners.iter().find(|listener| &*listener.id == id)
    }

    /// The listener at a `bind` address as it was written.
    pub fn listener_at(&self, bind: &Bind) -> Option<&Arc<Listener>> {
        let here =
            |listener: &&Arc<Listener>| listener.transport() == bind.transport && listener.bind.contains(&bind.address);
        self.listeners.iter().find(here)
    }
}

/// An upstream whose connections may serve one client after the other.
fn shared_upstream<'a>(
    upstreams: &'a FxHashMap<Arc<str>, Arc<Upstream>>,
    id: &str,
) -> Result<&'a Arc<Upstream>, String> {
    let upstream = upstreams.get(id).ok_or_else(|| format!("there is no upstream {id:?}"))?;
    match upstream.settings.proxy_protocol {
        None => Ok(upstream),
        Some(_) => Err(format!(
            "upstream {id:?} announces clients by PROXY headers, but HTTP connections are shared by clients; \
             use protocol tcp, or X-Forwarded-For"
        )),
    }
}

fn build_upstreams(
    plan: &Plan,
    previous: Option<&Snapshot>,
    registry: &Registry,
    secrets: &Secrets,
    problems: &mut Vec<Problem>,
) -> FxHashMap<Arc<str>, Arc<Upstream>> {
    let mut upstreams = FxHashMap::default();
    for upstream in &plan.upstreams {
        let path = format!("upstreams.{}", upstream.id);
        let before = previous.and_then(|previous| previous.upstreams.get(upstream.id.as_str()));
        let observer = Arc::new(Counting { series: registry.upstream(&upstream.id) });
        let filled = with_secrets(upstream, secrets).unwrap_or_else(|message| {
            problems.push(Problem::at(path.clone(), message));
            // Nobody is to be told besides that it is not there.
            Cow::Borrowed(upstream)
        });
        match Upstream::build(&filled, before.map(|before| &**before), observer, secrets.absent()) {
            Ok(built) => {
                if upstreams.insert(built.id.clone(), Arc::new(built)).is_some() {
                    problems.push(Problem::at(path, "two upstreams have this id"));
                }
            }
            Err(messages) => problems.extend(messages.into_iter().map(|message| Problem::at(path.clone(), message))),
        }
    }
    upstreams
}

/// An upstream whose check says what its references name.
fn with_secrets<'a>(
    upstream: &'a glorieta_plan::Upstream,
    secrets: &Secrets,
) -> Result<Cow<'a, glorieta_plan::Upstream>, String> {
    let Some(ActiveCheck { kind: CheckKind::Http { path, host, .. }, .. }) = &upstream.health else {
        return Ok(Cow::Borrowed(upstream));
    };
    let asked = secrets.path(path)?;
    let named = host.as_deref().map(|host| secrets.host(host)).transpose()?;
    let mut filled = upstream.clone();
    if let Some(ActiveCheck { kind: CheckKind::Http { path, host, .. }, .. }) = &mut filled.health {
        *path = asked.into_owned();
        *host = named.map(Cow::into_owned);
    }
    Ok(Cow::Owned(filled))
}

fn check_unique(plan: &Plan, problems: &mut Vec<Problem>) {
    let mut ids: Vec<&str> = plan.listeners.iter().map(|listener| listener.id.as_str()).collect();
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
        problems.push(Problem::at(format!("listeners.{}", pair[0]), "two listeners have this id"));
    }
    // TCP and UDP have ports of their own.
    let own = |listener: &'_ glorieta_plan::Listener| listener.protocol == Protocol::Udp;
    let mut binds: Vec<(bool, &str)> = plan
        .listeners
        .iter()
        .flat_map(|listener| listener.bind.iter().map(move |bind| (own(listener), bind.as_str())))
        .collect();
    binds.sort_unstable();
    for pair in binds.windows(2).filter(|pair| pair[0] == pair[1]) {
        problems.push(Problem::at("listeners", format!("two listeners bind {}", pair[0].1)));
    }
}

/// Counts tries in the metrics of the thread on which they happen.
struct Counting {
    series: Arc<UpstreamSeries>,
}

impl Observer for Counting {
    fn tried(&self, outcome: Outcome, nanoseconds: u64) {
        let outcome = match outcome {
            Outcome::Status(status) => metrics::Outcome::Status(status),
            // At layer 4 an opened connection is all that is known of success.
            Outcome::Connected => metrics::Outcome::Status(200),
            Outcome::Error(kind) => metrics::Outcome::Error(kind),
        };
        self.series.record(current_worker(), outcome, nanoseconds);
    }

    fn retried(&self, because: glorieta_core::Kind) {
        self.series.retried(current_worker(), metrics::Outcome::Error(because));
    }
}
