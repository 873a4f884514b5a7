//! What one route of one listener has answered.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use glorieta_core::Method;

use glorieta_policy::grpc::LAST_STATUS;

use crate::metrics::cells::{Cell, CodeCells, DurationCells, Durations, PerWorker};

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

/// Statuses of gRPC that have names, and one for all others.
const CALLS: usize = LAST_STATUS as usize + 2;

#[derive(Debug, Default)]
struct RouteCells {
    methods: [OnceLock<Box<CodeCells>>; METHODS.len()],
    durations: DurationCells,
    /// Calls of gRPC by their status; the last place is `other`.
    calls: OnceLock<Box<[Cell; CALLS]>>,
}

/// The counts of one route of one listener.
#[derive(Debug)]
pub struct RouteSeries {
    listener: Box<str>,
    route: Box<str>,
    cells: PerWorker<RouteCells>,
}

impl RouteSeries {
    pub(in crate::metrics) fn new(listener: &str, route: &str, workers: usize) -> RouteSeries {
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

    /// Counts a finished call of gRPC.
    pub fn record_call(&self, worker: usize, status: u16) {
        let Some(cells) = self.cells.of(worker) else { return };
        cells.calls.get_or_init(Box::default)[usize::from(status).min(CALLS - 1)].add(1);
    }

    pub fn listener(&self) -> &str {
        &self.listener
    }

    pub fn route(&self) -> &str {
        &self.route
    }

    /// Counts by method and code; code 0 is `other`. Methods never seen are left out.
    pub(in crate::metrics) fn requests(&self) -> Vec<(Method, BTreeMap<u16, u64>)> {
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

    /// Counts of calls by their status; `None`: one without a name.
    pub(in crate::metrics) fn calls(&self) -> Vec<(Option<u16>, u64)> {
        let sum =
            |place: usize| self.cells.iter().filter_map(|cells| cells.calls.get()).map(move |calls| calls[place].get());
        (0..CALLS)
            .map(|place| (u16::try_from(place).ok().filter(|&status| status <= LAST_STATUS), sum(place).sum()))
            .filter(|&(_, count)| count > 0)
            .collect()
    }

    pub(in crate::metrics) fn durations(&self) -> Durations {
        let mut durations = Durations::default();
        for cells in self.cells.iter() {
            durations.add(&cells.durations);
        }
        durations
    }

    pub(in crate::metrics) fn is_unused(&self) -> bool {
        self.cells.is_unused()
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
    fn calls_are_counted_by_their_status() {
        let series = RouteSeries::new("web", "/a", 2);
        assert!(series.calls().is_empty());
        for (worker, status) in [(0, 0), (1, 0), (1, 14), (0, 99)] {
            series.record_call(worker, status);
        }
        assert_eq!(series.calls(), [(Some(0), 2), (Some(14), 1), (None, 1)]);
    }

    #[test]
    fn every_method_has_its_place() {
        for (index, method) in METHODS.into_iter().enumerate() {
            assert_eq!(method as usize, index);
        }
    }
}
