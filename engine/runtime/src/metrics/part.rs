//! What is counted of a gathered answer's parts.

use glorieta_policy::gather::partial::Reason;

use super::cells::{Cell, PerWorker};

/// The word for a part that went into the answer, or whose shadow was answered.
const OK: &str = "ok";

#[derive(Debug, Default)]
struct PartCells([Cell; Reason::ALL.len() + 1]);

/// The counts of one part of one route.
#[derive(Debug)]
pub struct PartSeries {
    listener: Box<str>,
    route: Box<str>,
    part: Box<str>,
    cells: PerWorker<PartCells>,
}

impl PartSeries {
    pub(super) fn new(listener: &str, route: &str, part: &str, workers: usize) -> PartSeries {
        PartSeries { listener: listener.into(), route: route.into(), part: part.into(), cells: PerWorker::new(workers) }
    }

    /// Counts a part that is over; `worker` is the index of the thread that calls this.
    pub fn count(&self, worker: usize, missing: Option<Reason>) {
        let Some(cells) = self.cells.of(worker) else { return };
        cells.0[missing.map_or(0, |reason| reason as usize + 1)].add(1);
    }

    /// Listener, route and part.
    pub fn names(&self) -> [&str; 3] {
        [&self.listener, &self.route, &self.part]
    }

    /// Counts by outcome; those never seen are left out.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let words = std::iter::once(OK).chain(Reason::ALL.into_iter().map(Reason::word));
        let counts = words.enumerate().map(|(place, word)| (word, self.cells.sum(|cells| cells.0[place].get())));
        counts.filter(|(_, count)| *count > 0)
    }
}
