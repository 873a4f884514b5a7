//! What has become of copies of one route's requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::outcome::{Outcome, OutcomeCells, outcomes};
use crate::metrics::cells::{Cell, PerWorker};

/// Why a copy was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Dropped {
    /// So many are under way already.
    InFlight,
    BodyTooLarge,
    /// The worker keeps as many bytes of bodies as it may.
    Memory,
    /// The request's body was not read to its end, or broke off.
    BodyUnread,
}

impl Dropped {
    /// In the order in which they are numbered.
    const ALL: [Dropped; 4] = [Dropped::InFlight, Dropped::BodyTooLarge, Dropped::Memory, Dropped::BodyUnread];

    /// The word in log and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Dropped::InFlight => "in_flight",
            Dropped::BodyTooLarge => "body_too_large",
            Dropped::Memory => "memory",
            Dropped::BodyUnread => "body_unread",
        }
    }
}

#[derive(Debug, Default)]
struct MirrorCells {
    outcomes: OutcomeCells,
    dropped: [Cell; Dropped::ALL.len()],
}

/// The counts of one route's copies for one upstream.
#[derive(Debug)]
pub struct MirrorSeries {
    names: [Box<str>; 3],
    cells: PerWorker<MirrorCells>,
    /// Copies under way, over all workers.
    under_way: AtomicU32,
}

/// A copy that is under way.
pub struct Turn(Arc<MirrorSeries>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl MirrorSeries {
    pub(in crate::metrics) fn new(names: [Box<str>; 3], workers: usize) -> MirrorSeries {
        MirrorSeries { names, cells: PerWorker::new(workers), under_way: AtomicU32::new(0) }
    }

    /// Counts a copy as under way; `None`: `most` are already.
    pub fn begin(series: &Arc<MirrorSeries>, most: u32) -> Option<Turn> {
        let turn = Turn(series.clone());
        // Taken back by dropping where it was too much.
        (series.under_way.fetch_add(1, Ordering::Relaxed) < most).then_some(turn)
    }

    /// Counts how a copy has ended; `worker` is the index of the thread that calls this.
    pub fn ended(&self, worker: usize, outcome: Outcome) {
        if let Some(cells) = self.cells.of(worker) {
            cells.outcomes.count(outcome);
        }
    }

    /// Counts a copy that was not sent.
    pub fn dropped(&self, worker: usize, why: Dropped) {
        if let Some(cells) = self.cells.of(worker) {
            cells.dropped[why as usize].add(1);
        }
    }

    /// Listener, route and upstream.
    pub fn names(&self) -> [&str; 3] {
        [&self.names[0], &self.names[1], &self.names[2]]
    }

    pub(in crate::metrics) fn outcomes(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().map(|cells| &cells.outcomes))
    }

    /// By reason; those never seen are left out.
    pub(in crate::metrics) fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let sum = |why: Dropped| self.cells.sum(|cells| cells.dropped[why as usize].get());
        Dropped::ALL.into_iter().map(move |why| (why.word(), sum(why))).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Arc<MirrorSeries> {
        Arc::new(MirrorSeries::new(["web", "/a", "shadow"].map(Box::from), 2))
    }

    #[test]
    fn every_reason_has_its_place() {
        for (index, why) in Dropped::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
        }
    }

    #[test]
    fn outcomes_and_drops_of_all_workers_add_up() {
        let series = series();
        series.ended(0, Outcome::Status(200));
        series.ended(1, Outcome::Status(201));
        series.dropped(1, Dropped::InFlight);
        assert_eq!(series.outcomes(), [("2xx", 2)]);
        assert_eq!(series.drops().collect::<Vec<_>>(), [("in_flight", 1)]);
    }

    #[test]
    fn no_more_are_under_way_than_may_be() {
        let series = series();
        let one = MirrorSeries::begin(&series, 2);
        let other = MirrorSeries::begin(&series, 2);
        assert!(one.is_some() && other.is_some() && MirrorSeries::begin(&series, 2).is_none());
        drop(one);
        assert!(MirrorSeries::begin(&series, 2).is_some());
        drop(other);
        assert_eq!(series.under_way.load(Ordering::Relaxed), 0);
    }
}
