//! What one handler has answered, and how often its processes were replaced.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::metrics::cells::{DurationCells, Durations, PerWorker};

/// The counts of one handler.
#[derive(Debug)]
pub struct HandlerSeries {
    handler: Box<str>,
    durations: PerWorker<DurationCells>,
    restarts: AtomicU64,
}

impl HandlerSeries {
    pub(in crate::metrics) fn new(handler: &str, workers: usize) -> HandlerSeries {
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

    pub(in crate::metrics) fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    pub(in crate::metrics) fn durations(&self) -> Durations {
        let mut durations = Durations::default();
        for cells in self.durations.iter() {
            durations.add(cells);
        }
        durations
    }

    pub(in crate::metrics) fn is_unused(&self) -> bool {
        self.durations.is_unused()
    }
}
