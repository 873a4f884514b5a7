//! What tries at one upstream have come to.

use std::sync::OnceLock;

use super::outcome::{Outcome, OutcomeCells, outcomes};
use crate::metrics::cells::{DurationCells, Durations, PerWorker};

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
    pub(in crate::metrics) fn new(upstream: &str, workers: usize) -> UpstreamSeries {
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

    pub(in crate::metrics) fn requests(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().map(|cells| &cells.outcomes))
    }

    pub(in crate::metrics) fn retries(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().filter_map(|cells| cells.retries.get().map(|retries| &**retries)))
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
    use glorieta_core::Kind;

    use super::*;

    #[test]
    fn tries_and_retries_are_told_apart() {
        let series = UpstreamSeries::new("service1", 1);
        series.record(0, Outcome::Error(Kind::Refused), 10);
        series.retried(0, Outcome::Error(Kind::Refused));
        series.record(0, Outcome::Status(200), 20);
        assert_eq!(series.requests(), [("2xx", 1), ("refused", 1)]);
        assert_eq!(series.retries(), [("refused", 1)]);
    }
}
