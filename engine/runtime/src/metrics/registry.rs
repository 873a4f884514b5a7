//! All series there are, by their labels.
//!
//! The same labels give the same series, so counts survive a reload. A series that no snapshot
//! holds any more is shown for ten minutes, so that a scrape sees its last counts, and then dropped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use glorieta_core::Moment;
use serde_json::{Value, json};

use super::part::PartSeries;
use super::series::{HandlerSeries, ListenerSeries, MirrorSeries, RouteSeries, UpstreamSeries, VariantSeries};

/// How long a series that nobody holds is still shown.
const KEPT: Duration = Duration::from_secs(600);

#[derive(Debug)]
struct Held<T> {
    series: Arc<T>,
    /// When it was first seen that nobody else holds it.
    released: Option<Moment>,
}

#[derive(Debug)]
struct Table<K, T>(Mutex<BTreeMap<K, Held<T>>>);

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Table(Mutex::default())
    }
}

impl<K: Ord, T> Table<K, T> {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<K, Held<T>>> {
        // A panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn get(&self, key: K, make: impl FnOnce() -> T) -> Arc<T> {
        let mut entries = self.entries();
        let held = entries.entry(key).or_insert_with(|| Held { series: Arc::new(make()), released: None });
        held.released = None;
        held.series.clone()
    }

    fn all(&self) -> Vec<Arc<T>> {
        self.entries().values().map(|held| held.series.clone()).collect()
    }

    fn sweep(&self, now: Moment) {
        self.entries().retain(|_, held| {
            if Arc::strong_count(&held.series) > 1 {
                held.released = None;
                return true;
            }
            now.since(*held.released.get_or_insert(now)) < KEPT
        });
    }
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    Applied,
    Refused,
}

/// Every series of the process; shared by all threads.
#[derive(Debug)]
pub struct Registry {
    workers: usize,
    routes: Table<(Box<str>, Box<str>), RouteSeries>,
    upstreams: Table<Box<str>, UpstreamSeries>,
    listeners: Table<Box<str>, ListenerSeries>,
    handlers: Table<Box<str>, HandlerSeries>,
    /// By listener, route and part.
    parts: Table<[Box<str>; 3], PartSeries>,
    /// By listener, route and upstream, and so are the next.
    variants: Table<[Box<str>; 3], VariantSeries>,
    mirrors: Table<[Box<str>; 3], MirrorSeries>,
    applied: AtomicU64,
    refused: AtomicU64,
    plan_version: Mutex<String>,
}

/// The series of one moment, in the order of their labels.
#[derive(Debug)]
pub(super) struct All {
    pub routes: Vec<Arc<RouteSeries>>,
    pub upstreams: Vec<Arc<UpstreamSeries>>,
    pub listeners: Vec<Arc<ListenerSeries>>,
    pub handlers: Vec<Arc<HandlerSeries>>,
    pub parts: Vec<Arc<PartSeries>>,
    pub variants: Vec<Arc<VariantSeries>>,
    pub mirrors: Vec<Arc<MirrorSeries>>,
    pub reloads: [(&'static str, u64); 2],
    pub plan_version: String,
}

impl Registry {
    /// `workers`: how many threads count; their indexes are 0 to `workers - 1`.
    pub fn new(workers: usize) -> Registry {
        Registry {
            workers,
            routes: Table::default(),
            upstreams: Table::default(),
            listeners: Table::default(),
            handlers: Table::default(),
            parts: Table::default(),
            variants: Table::default(),
            mirrors: Table::default(),
            applied: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            plan_version: Mutex::default(),
        }
    }

    pub fn route(&self, listener: &str, route: &str) -> Arc<RouteSeries> {
        self.routes.get((listener.into(), route.into()), || RouteSeries::new(listener, route, self.workers))
    }

    pub fn upstream(&self, upstream: &str) -> Arc<UpstreamSeries> {
        self.upstreams.get(upstream.into(), || UpstreamSeries::new(upstream, self.workers))
    }

    pub fn listener(&self, listener: &str) -> Arc<ListenerSeries> {
        self.listeners.get(listener.into(), || ListenerSeries::new(listener, self.workers))
    }

    pub fn handler(&self, handler: &str) -> Arc<HandlerSeries> {
        self.handlers.get(handler.into(), || HandlerSeries::new(handler, self.workers))
    }

    pub fn part(&self, listener: &str, route: &str, part: &str) -> Arc<PartSeries> {
        let key = [listener, route, part].map(Box::from);
        self.parts.get(key, || PartSeries::new(listener, route, part, self.workers))
    }

    pub fn variant(&self, listener: &str, route: &str, upstream: &str) -> Arc<VariantSeries> {
        let key = [listener, route, upstream].map(Box::from);
        self.variants.get(key.clone(), || VariantSeries::new(key, self.workers))
    }

    pub fn mirror(&self, listener: &str, route: &str, upstream: &str) -> Arc<MirrorSeries> {
        let key = [listener, route, upstream].map(Box::from);
        self.mirrors.get(key.clone(), || MirrorSeries::new(key, self.workers))
    }

    /// Counts a reload; one that was applied names the Plan that runs now.
    pub fn reloaded(&self, result: Reload) {
        match result {
            Reload::Applied => self.applied.fetch_add(1, Relaxed),
            Reload::Refused => self.refused.fetch_add(1, Relaxed),
        };
    }

    /// The version of the Plan that runs.
    pub fn set_plan_version(&self, version: &str) {
        *self.version() = version.to_owned();
    }

    fn version(&self) -> MutexGuard<'_, String> {
        self.plan_version.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Drops series that nobody has held for ten minutes. Every scrape does this; where nobody
    /// scrapes, whoever reloads calls it, so that reloads alone cannot make this grow.
    pub fn sweep(&self, now: Moment) {
        self.routes.sweep(now);
        self.upstreams.sweep(now);
        self.listeners.sweep(now);
        self.handlers.sweep(now);
        self.parts.sweep(now);
        self.variants.sweep(now);
        self.mirrors.sweep(now);
    }

    pub(super) fn all(&self) -> All {
        All {
            routes: self.routes.all(),
            upstreams: self.upstreams.all(),
            listeners: self.listeners.all(),
            handlers: self.handlers.all(),
            parts: self.parts.all(),
            variants: self.variants.all(),
            mirrors: self.mirrors.all(),
            reloads: [("applied", self.applied.load(Relaxed)), ("refused", self.refused.load(Relaxed))],
            plan_version: self.version().clone(),
        }
    }

    /// A summary for the read-only JSON view: totals per route, upstream and listener.
    pub fn snapshot_json(&self) -> Value {
        let all = self.all();
        json!({
            "routes": all.routes.iter().map(|series| route_json(series)).collect::<Vec<_>>(),
            "upstreams": all.upstreams.iter().map(|series| upstream_json(series)).collect::<Vec<_>>(),
            "listeners": all.listeners.iter().map(|series| listener_json(series)).collect::<Vec<_>>(),
        })
    }
}

fn route_json(series: &RouteSeries) -> Value {
    let (mut total, mut classes) = (0, BTreeMap::<String, u64>::new());
    for (code, count) in series.requests().iter().flat_map(|(_, codes)| codes) {
        total += count;
        let class = if *code == 0 { "other".to_owned() } else { format!("{}xx", code / 100) };
        *classes.entry(class).or_default() += count;
    }
    json!({
        "listener": series.listener(),
        "route": series.route(),
        "requests": total,
        "codes": classes,
        "seconds": series.durations().sum_seconds(),
    })
}

fn total(counts: &[(&'static str, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

fn upstream_json(series: &UpstreamSeries) -> Value {
    let requests = series.requests();
    json!({
        "upstream": series.upstream(),
        "requests": total(&requests),
        "outcomes": requests.into_iter().collect::<BTreeMap<_, _>>(),
        "retries": total(&series.retries()),
        "seconds": series.durations().sum_seconds(),
    })
}

fn listener_json(series: &ListenerSeries) -> Value {
    let connections = series.connections();
    json!({
        "listener": series.listener(),
        "accepted": connections.accepted,
        "closed": connections.closed,
        "active": connections.active,
        "idle": connections.idle,
        "rejected": total(&series.rejections()),
    })
}

#[cfg(test)]
mod tests {
    use glorieta_core::{Kind, Method};

    use super::super::series::Outcome;
    use super::*;

    #[test]
    fn the_same_labels_give_the_same_series() {
        let registry = Registry::new(1);
        let first = registry.route("web", "/a");
        first.record(0, Method::Get, 200, 1);
        drop(first);
        assert_eq!(registry.route("web", "/a").durations().count(), 1);
        assert_eq!(registry.route("web", "/b").durations().count(), 0);
        assert!(Arc::ptr_eq(&registry.upstream("a"), &registry.upstream("a")));
    }

    #[test]
    fn what_nobody_holds_for_ten_minutes_is_dropped() {
        let registry = Registry::new(1);
        let kept = registry.route("web", "/kept");
        drop(registry.route("web", "/gone"));
        registry.sweep(Moment::ZERO);
        registry.sweep(Moment::from_millis(599_999));
        assert_eq!(registry.all().routes.len(), 2);
        drop(registry.route("web", "/gone"));
        registry.sweep(Moment::from_millis(600_000));
        assert_eq!(registry.all().routes.len(), 2, "it was held in between");
        registry.sweep(Moment::from_millis(1_200_000));
        assert_eq!(registry.all().routes.len(), 1);
        assert_eq!(kept.route(), "/kept");
    }

    #[test]
    fn the_summary_has_totals() {
        let registry = Registry::new(1);
        let route = registry.route("web", "/a");
        route.record(0, Method::Get, 200, 1_000_000_000);
        route.record(0, Method::Post, 502, 0);
        route.record(0, Method::Post, 999, 0);
        registry.upstream("service1").record(0, Outcome::Error(Kind::Refused), 0);
        registry.listener("web").accepted(0);
        let summary = registry.snapshot_json();
        assert_eq!(summary["routes"][0]["requests"], 3);
        assert_eq!(summary["routes"][0]["codes"], json!({"2xx": 1, "5xx": 1, "other": 1}));
        assert_eq!(summary["routes"][0]["seconds"], 1.0);
        assert_eq!(summary["upstreams"][0]["outcomes"], json!({"refused": 1}));
        assert_eq!(summary["listeners"][0]["active"], 1);
    }
}
