//! What one variant of a split has answered on one route.

use super::outcome::{Outcome, OutcomeCells, outcomes};
use crate::metrics::cells::PerWorker;

/// The counts of one variant: of requests, however often each was tried.
#[derive(Debug)]
pub struct VariantSeries {
    names: [Box<str>; 3],
    cells: PerWorker<OutcomeCells>,
}

impl VariantSeries {
    pub(in crate::metrics) fn new(names: [Box<str>; 3], workers: usize) -> VariantSeries {
        VariantSeries { names, cells: PerWorker::new(workers) }
    }

    /// Counts a request; `worker` is the index of the thread that calls this.
    pub fn count(&self, worker: usize, outcome: Outcome) {
        if let Some(cells) = self.cells.of(worker) {
            cells.count(outcome);
        }
    }

    /// Listener, route and upstream.
    pub fn names(&self) -> [&str; 3] {
        [&self.names[0], &self.names[1], &self.names[2]]
    }

    pub(in crate::metrics) fn outcomes(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter())
    }
}

#[cfg(test)]
mod tests {
    use glorieta_core::Kind;

    use super::*;

    #[test]
    fn answers_and_failures_are_told_apart() {
        let series = VariantSeries::new(["web", "/a", "canary"].map(Box::from), 1);
        series.count(0, Outcome::Status(200));
        series.count(0, Outcome::Error(Kind::Refused));
        assert_eq!(series.outcomes(), [("2xx", 1), ("refused", 1)]);
    }
}
