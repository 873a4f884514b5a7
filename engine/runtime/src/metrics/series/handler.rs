//! What one handler has answered, and how often its processes were replaced.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use glorieta_core::{At, Kind};

use crate::metrics::cells::{DurationCells, Durations, PerWorker};

/// How work has ended that followed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// By itself.
    Ended,
    /// Its time was up.
    Deadline,
    /// Too much of it was under way: it went on, but could call no upstream.
    Refused,
    /// Its process has ended.
    Lost,
}

const BACKGROUND: [&str; 4] = ["ended", "deadline", "refused", "lost"];

/// The counts of one handler.
#[derive(Debug)]
pub struct HandlerSeries {
    handler: Box<str>,
    durations: PerWorker<DurationCells>,
    restarts: AtomicU64,
    background: [AtomicU64; BACKGROUND.len()],
    failures: [AtomicU64; Kind::ALL.len()],
}

impl HandlerSeries {
    pub(in crate::metrics) fn new(handler: &str, workers: usize) -> HandlerSeries {
        HandlerSeries {
            handler: handler.into(),
            durations: PerWorker::new(workers),
            restarts: AtomicU64::new(0),
            background: Default::default(),
            failures: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts work after an answer that has ended.
    pub fn background(&self, how: Background) {
        self.background[how as usize].fetch_add(1, Relaxed);
    }

    /// Counts of such work by how it has ended; what never happened is left out.
    pub(in crate::metrics) fn backgrounds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = BACKGROUND.into_iter().zip(self.background.iter().map(|count| count.load(Relaxed)));
        counts.filter(|(_, count)| *count > 0)
    }

    /// Counts a request that the handler has failed. What is its client's doing is no failure.
    pub fn failed(&self, kind: Kind) {
        if kind.at() != At::Client {
            self.failures[kind as usize].fetch_add(1, Relaxed);
        }
    }

    /// Counts of failures by their reasons; what never happened is left out.
    pub(in crate::metrics) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = Kind::ALL.iter().zip(&self.failures).map(|(kind, count)| (kind.reason(), count.load(Relaxed)));
        counts.filter(|(_, count)| *count > 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_after_answers_is_counted_by_how_it_has_ended() {
        let series = HandlerSeries::new("app", 1);
        assert_eq!(series.backgrounds().next(), None);
        for how in [Background::Ended, Background::Deadline, Background::Refused, Background::Lost, Background::Lost] {
            series.background(how);
        }
        let counts: Vec<_> = series.backgrounds().collect();
        assert_eq!(counts, [("ended", 1), ("deadline", 1), ("refused", 1), ("lost", 2)]);
    }

    #[test]
    fn failures_are_counted_by_their_reasons_and_what_a_client_does_is_none() {
        let series = HandlerSeries::new("app", 1);
        for kind in [Kind::HandlerFailed, Kind::PartFailed, Kind::RequestInvalid, Kind::ClientGone, Kind::PartFailed] {
            series.failed(kind);
        }
        assert_eq!(series.failures().collect::<Vec<_>>(), [("part_failed", 2), ("handler_failed", 1)]);
    }
}
