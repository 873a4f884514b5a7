//! What is counted: per route, per upstream, per listener and per handler.
//!
//! Handles are fetched when a snapshot is built and kept in its routes, so that counting a request
//! looks nothing up. Labels are names from the Plan only: no client can add one.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use glorieta_core::{Kind, Method};

use super::cells::{Cell, CodeCells, DurationCells, Durations, PerWorker};

const METHODS: [Method; 10] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Options,
    Method::Patch,
    Method::Connect,
    Method::Trace,
    Method::Other,
];

#[derive(Debug, Default)]
struct RouteCells {
    methods: [OnceLock<Box<CodeCells>>; METHODS.len()],
    durations: DurationCells,
}

/// The counts of one route of one listener.
#[derive(Debug)]
pub struct RouteSeries {
    listener: Box<str>,
    route: Box<str>,
    cells: PerWorker<RouteCells>,
}

impl RouteSeries {
    pub(super) fn new(listener: &str, route: &str, workers: usize) -> RouteSeries {
        RouteSeries { listener: listener.into(), route: route.into(), cells: PerWorker::new(workers) }
    }

    /// Counts a finished request; `worker` is the index of the thread that calls this.
    #[inline]
    pub fn record(&self, worker: usize, method: Method, status: u16, duration_ns: u64) {
        let Some(cells) = self.cells.of(worker) else { return };
        if let Some(method) = cells.methods.get(method as usize) {
            method.get_or_init(Box::default).count(status);
        }
        cells.durations.record(duration_ns);
    }

    pub fn listener(&self) -> &str {
        &self.listener
    }

    pub fn route(&self) -> &str {
        &self.route
    }

    /// Counts by method and code; code 0 is `other`. Methods never seen are left out.
    pub(super) fn requests(&self) -> Vec<(Method, BTreeMap<u16, u64>)> {
        let mut requests = Vec::new();
        for method in METHODS {
            let mut codes = BTreeMap::new();
            for cells in self.cells.iter().filter_map(|cells| cells.methods[method as usize].get()) {
                cells.read(&mut codes);
            }
            if !codes.is_empty() {
                requests.push((method, codes));
            }
        }
        requests
    }

    pub(super) fn durations(&self) -> Durations {
        let mut durations = Durations::default();
        for cells in self.cells.iter() {
            durations.add(&cells.durations);
        }
        durations
    }

    pub(super) fn is_unused(&self) -> bool {
        self.cells.is_unused()
    }
}

/// How one try at an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status.
    Status(u16),
    Error(Kind),
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const OUTCOMES: usize = CLASSES.len() + Kind::ALL.len() + 1;

impl Outcome {
    fn index(self) -> usize {
        match self {
            Outcome::Status(status @ 100..=599) => usize::from(status / 100 - 1),
            Outcome::Error(kind) => CLASSES.len() + kind as usize,
            Outcome::Status(_) => OUTCOMES - 1,
        }
    }

    fn label_at(index: usize) -> &'static str {
        match (CLASSES.get(index), index.checked_sub(CLASSES.len()).and_then(|kind| Kind::ALL.get(kind))) {
            (Some(class), _) => class,
            (None, Some(kind)) => kind.reason(),
            (None, None) => "other",
        }
    }

    /// The word in metrics: `2xx`, `refused`, …
    pub fn label(self) -> &'static str {
        Outcome::label_at(self.index())
    }
}

#[derive(Debug)]
struct OutcomeCells([Cell; OUTCOMES]);

impl Default for OutcomeCells {
    fn default() -> OutcomeCells {
        OutcomeCells(std::array::from_fn(|_| Cell::default()))
    }
}

impl OutcomeCells {
    fn count(&self, outcome: Outcome) {
        if let Some(cell) = self.0.get(outcome.index()) {
            cell.add(1);
        }
    }
}

fn outcomes<'a>(all: impl Iterator<Item = &'a OutcomeCells>) -> Vec<(&'static str, u64)> {
    let mut counts = [0; OUTCOMES];
    for cells in all {
        for (count, cell) in counts.iter_mut().zip(&cells.0) {
            *count += cell.get();
        }
    }
    let seen = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
    seen.map(|(index, count)| (Outcome::label_at(index), count)).collect()
}

#[derive(Debug, Default)]
struct UpstreamCells {
    outcomes: OutcomeCells,
    durations: DurationCells,
    retries: OnceLock<Box<OutcomeCells>>,
}

/// The counts of one upstream; every try counts, so a retried request counts twice.
#[derive(Debug)]
pub struct UpstreamSeries {
    upstream: Box<str>,
    cells: PerWorker<UpstreamCells>,
}

impl UpstreamSeries {
    pub(super) fn new(upstream: &str, workers: usize) -> UpstreamSeries {
        UpstreamSeries { upstream: upstream.into(), cells: PerWorker::new(workers) }
    }

    /// Counts a try that has ended; `worker` is the index of the thread that calls this.
    #[inline]
    pub fn record(&self, worker: usize, outcome: Outcome, duration_ns: u64) {
        let Some(cells) = self.cells.of(worker) else { return };
        cells.outcomes.count(outcome);
        cells.durations.record(duration_ns);
    }

    /// Counts that a request is tried again, and because of what.
    pub fn retried(&self, worker: usize, because: Outcome) {
        if let Some(cells) = self.cells.of(worker) {
            cells.retries.get_or_init(Box::default).count(because);
        }
    }

    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    pub(super) fn requests(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().map(|cells| &cells.outcomes))
    }

    pub(super) fn retries(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().filter_map(|cells| cells.retries.get().map(|retries| &**retries)))
    }

    pub(super) fn durations(&self) -> Durations {
        let mut durations = Durations::default();
        for cells in self.cells.iter() {
            durations.add(&cells.durations);
        }
        durations
    }

    pub(super) fn is_unused(&self) -> bool {
        self.cells.is_unused()
    }
}

/// The counts of one handler.
#[derive(Debug)]
pub struct HandlerSeries {
    handler: Box<str>,
    durations: PerWorker<DurationCells>,
    restarts: AtomicU64,
}

impl HandlerSeries {
    pub(super) fn new(handler: &str, workers: usize) -> HandlerSeries {
        HandlerSeries { handler: handler.into(), durations: PerWorker::new(workers), restarts: AtomicU64::new(0) }
    }

    /// Counts a request that the handler has answered, or that has failed; `worker` is the index of the thread that
    /// calls this.
    #[inline]
    pub fn record(&self, worker: usize, duration_ns: u64) {
        if let Some(durations) = self.durations.of(worker) {
            durations.record(duration_ns);
        }
    }

    /// Counts a process that has ended although it was wanted.
    pub fn restarted(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    pub fn handler(&self) -> &str {
        &self.handler
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    pub(super) fn durations(&self) -> Durations {
        let mut durations = Durations::default();
        for cells in self.durations.iter() {
            durations.add(cells);
        }
        durations
    }

    pub(super) fn is_unused(&self) -> bool {
        self.durations.is_unused()
    }
}

/// The two ways of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the upstream.
    In,
    /// From the upstream to the client.
    Out,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    Full,
    /// An earlier session was taken up again.
    Resumed,
    Failed,
}

impl Handshake {
    const ALL: [(Handshake, &'static str); 3] =
        [(Handshake::Full, "full"), (Handshake::Resumed, "resumed"), (Handshake::Failed, "failed")];
}

#[derive(Debug, Default)]
struct ListenerCells {
    accepted: Cell,
    closed: Cell,
    became_idle: Cell,
    ceased_idle: Cell,
    tunnel_in: Cell,
    tunnel_out: Cell,
    rejected: OnceLock<Box<OutcomeCells>>,
    /// By [`Handshake`]; only where TLS is spoken.
    handshakes: OnceLock<Box<[Cell; 3]>>,
}

/// The connections of one listener as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub accepted: u64,
    pub closed: u64,
    /// Open, and waiting for a request.
    pub idle: u64,
    /// Open, and not idle.
    pub active: u64,
}

/// The counts of one listener. A connection stays on the worker that accepted it.
#[derive(Debug)]
pub struct ListenerSeries {
    listener: Box<str>,
    cells: PerWorker<ListenerCells>,
}

impl ListenerSeries {
    pub(super) fn new(listener: &str, workers: usize) -> ListenerSeries {
        ListenerSeries { listener: listener.into(), cells: PerWorker::new(workers) }
    }

    /// A connection was accepted; it is active at first.
    pub fn accepted(&self, worker: usize) {
        self.add(worker, |cells| &cells.accepted, 1);
    }

    /// An active connection waits for its next request.
    #[inline]
    pub fn became_idle(&self, worker: usize) {
        self.add(worker, |cells| &cells.became_idle, 1);
    }

    /// An idle connection has a request again, or is about to be closed.
    #[inline]
    pub fn ceased_idle(&self, worker: usize) {
        self.add(worker, |cells| &cells.ceased_idle, 1);
    }

    /// An active connection was closed.
    pub fn closed(&self, worker: usize) {
        self.add(worker, |cells| &cells.closed, 1);
    }

    /// A connection or request was refused before any route was chosen.
    pub fn rejected(&self, worker: usize, kind: Kind) {
        if let Some(cells) = self.cells.of(worker) {
            cells.rejected.get_or_init(Box::default).count(Outcome::Error(kind));
        }
    }

    /// A TLS handshake has ended.
    pub fn shook_hands(&self, worker: usize, handshake: Handshake) {
        if let Some(cells) = self.cells.of(worker) {
            cells.handshakes.get_or_init(Box::default)[handshake as usize].add(1);
        }
    }

    /// Bytes went through a tunnel: layer 4, WebSocket or CONNECT.
    #[inline]
    pub fn tunnel_bytes(&self, worker: usize, direction: Direction, bytes: u64) {
        match direction {
            Direction::In => self.add(worker, |cells| &cells.tunnel_in, bytes),
            Direction::Out => self.add(worker, |cells| &cells.tunnel_out, bytes),
        }
    }

    #[inline]
    fn add(&self, worker: usize, pick: impl Fn(&ListenerCells) -> &Cell, amount: u64) {
        if let Some(cells) = self.cells.of(worker) {
            pick(cells).add(amount);
        }
    }

    pub fn listener(&self) -> &str {
        &self.listener
    }

    /// The connections as they stand; between two workers' changes by at most those under way.
    pub fn connections(&self) -> Connections {
        let accepted = self.cells.sum(|cells| cells.accepted.get());
        let closed = self.cells.sum(|cells| cells.closed.get());
        let ceased = self.cells.sum(|cells| cells.ceased_idle.get());
        let idle = self.cells.sum(|cells| cells.became_idle.get()).saturating_sub(ceased);
        Connections { accepted, closed, idle, active: accepted.saturating_sub(closed).saturating_sub(idle) }
    }

    pub(super) fn rejections(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().filter_map(|cells| cells.rejected.get().map(|rejected| &**rejected)))
    }

    /// None where there were none.
    pub(super) fn handshakes(&self) -> Vec<(&'static str, u64)> {
        let cells = || self.cells.iter().filter_map(|cells| cells.handshakes.get());
        let sum = |handshake| cells().map(|cells| cells[handshake as usize].get()).sum();
        let all = Handshake::ALL.map(|(handshake, word)| (word, sum(handshake)));
        if cells().next().is_some() { all.to_vec() } else { Vec::new() }
    }

    pub(super) fn tunnels(&self) -> [(&'static str, u64); 2] {
        let bytes_in = self.cells.sum(|cells| cells.tunnel_in.get());
        let bytes_out = self.cells.sum(|cells| cells.tunnel_out.get());
        [("in", bytes_in), ("out", bytes_out)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_all_workers_add_up() {
        let series = RouteSeries::new("web", "/a", 2);
        series.record(0, Method::Get, 200, 1_000);
        series.record(1, Method::Get, 200, 2_000);
        series.record(1, Method::Other, 404, 3_000);
        series.record(7, Method::Get, 200, 1);
        let requests = series.requests();
        assert_eq!(requests, [(Method::Get, BTreeMap::from([(200, 2)])), (Method::Other, BTreeMap::from([(404, 1)]))]);
        assert_eq!(series.durations().count(), 3);
    }

    #[test]
    fn every_method_has_its_place() {
        for (index, method) in METHODS.into_iter().enumerate() {
            assert_eq!(method as usize, index);
        }
    }

    #[test]
    fn every_outcome_has_its_word_and_its_place() {
        let mut seen = std::collections::HashSet::new();
        for &kind in Kind::ALL {
            assert_eq!(Outcome::Error(kind).label(), kind.reason());
            assert!(seen.insert(Outcome::Error(kind).index()), "{kind:?}");
        }
        for (status, label) in
            [(101, "1xx"), (200, "2xx"), (308, "3xx"), (499, "4xx"), (599, "5xx"), (600, "other"), (0, "other")]
        {
            assert_eq!(Outcome::Status(status).label(), label);
        }
    }

    #[test]
    fn tries_and_retries_are_told_apart() {
        let series = UpstreamSeries::new("service1", 1);
        series.record(0, Outcome::Error(Kind::Refused), 10);
        series.retried(0, Outcome::Error(Kind::Refused));
        series.record(0, Outcome::Status(200), 20);
        assert_eq!(series.requests(), [("2xx", 1), ("refused", 1)]);
        assert_eq!(series.retries(), [("refused", 1)]);
    }

    #[test]
    fn connections_are_active_or_idle_until_closed() {
        let series = ListenerSeries::new("web", 2);
        series.accepted(0);
        series.accepted(1);
        series.accepted(1);
        series.became_idle(1);
        series.closed(0);
        assert_eq!(series.connections(), Connections { accepted: 3, closed: 1, idle: 1, active: 1 });
        series.ceased_idle(1);
        series.closed(1);
        assert_eq!(series.connections(), Connections { accepted: 3, closed: 2, idle: 0, active: 1 });
        series.rejected(1, Kind::HeadMalformed);
        series.tunnel_bytes(0, Direction::Out, 7);
        assert_eq!(series.rejections(), [("head_malformed", 1)]);
        assert!(series.handshakes().is_empty());
        series.shook_hands(0, Handshake::Full);
        series.shook_hands(1, Handshake::Full);
        series.shook_hands(1, Handshake::Failed);
        assert_eq!(series.handshakes(), [("full", 2), ("resumed", 0), ("failed", 1)]);
        assert_eq!(series.tunnels(), [("in", 0), ("out", 7)]);
    }
}
