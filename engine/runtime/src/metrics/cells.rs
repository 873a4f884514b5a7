//! Cells that one worker writes and a scrape reads: a load and a store, never a locked instruction.
//!
//! Every worker has cells of its own, made on first use; a scrape adds them up. A worker must only
//! ever pass its own index: two writers of one cell would lose counts (and nothing worse).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number with one writer.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(amount), Relaxed);
    }

    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One `T` per worker, made when the worker first needs it.
#[derive(Debug)]
pub struct PerWorker<T> {
    slots: Box<[OnceLock<Box<T>>]>,
}

impl<T: Default> PerWorker<T> {
    pub fn new(workers: usize) -> PerWorker<T> {
        PerWorker { slots: (0..workers).map(|_| OnceLock::new()).collect() }
    }

    /// The cells of a worker; `None` for an index that no worker has.
    #[inline]
    pub fn of(&self, worker: usize) -> Option<&T> {
        self.slots.get(worker).map(|slot| &**slot.get_or_init(Box::default))
    }

    /// The cells of all workers that have counted something.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.get().map(|cells| &**cells))
    }

    pub fn sum(&self, read: impl Fn(&T) -> u64) -> u64 {
        self.iter().map(read).sum()
    }

    pub fn is_unused(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// Status codes that a cell tells apart; further ones fold to `other`.
const CODES: usize = 15;
/// A slot holds the code above this many bits of count.
const COUNT_BITS: u32 = 48;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// Counts by status code, in two cache lines: a route sees few codes, so each takes the next free
/// slot as it comes, and whatever a server invents cannot make this grow.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct CodeCells {
    slots: [Cell; CODES],
    other: Cell,
}

impl CodeCells {
    #[inline]
    pub fn count(&self, code: u16) {
        let Some(slot) = self.slot(code) else { return self.other.add(1) };
        slot.add(1);
    }

    #[inline]
    fn slot(&self, code: u16) -> Option<&Cell> {
        if !(100..=599).contains(&code) {
            return None;
        }
        for slot in &self.slots {
            let value = slot.get();
            if value >> COUNT_BITS == u64::from(code) {
                return Some(slot);
            }
            if value == 0 {
                slot.add(u64::from(code) << COUNT_BITS);
                return Some(slot);
            }
        }
        None
    }

    /// Adds the counts to a table by code, in which 0 stands for `other`.
    pub fn read(&self, table: &mut std::collections::BTreeMap<u16, u64>) {
        for slot in &self.slots {
            let value = slot.get();
            if value & COUNT_MASK > 0 {
                *table.entry((value >> COUNT_BITS) as u16).or_default() += value & COUNT_MASK;
            }
        }
        if self.other.get() > 0 {
            *table.entry(0).or_default() += self.other.get();
        }
    }
}

/// Upper bounds of the buckets in nanoseconds: 250 µs to 30 s.
pub const BOUNDS: [u64; 14] = [
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// A histogram of durations in two cache lines.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct DurationCells {
    buckets: [Cell; BOUNDS.len() + 1],
    sum_ns: Cell,
}

impl DurationCells {
    #[inline]
    pub fn record(&self, duration_ns: u64) {
        let bucket = BOUNDS.iter().take_while(|&&bound| duration_ns > bound).count();
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
        self.sum_ns.add(duration_ns);
    }
}

/// Durations of all workers added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    counts: [u64; BOUNDS.len() + 1],
    sum_ns: u64,
}

impl Durations {
    pub fn add(&mut self, cells: &DurationCells) {
        for (count, cell) in self.counts.iter_mut().zip(&cells.buckets) {
            *count += cell.get();
        }
        self.sum_ns = self.sum_ns.wrapping_add(cells.sum_ns.get());
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// Upper bound in seconds and count of each bucket by itself; the last bound is infinite.
    pub fn buckets(&self) -> [(f64, u64); BOUNDS.len() + 1] {
        let mut buckets = [(f64::MAX, 0); BOUNDS.len() + 1];
        for (index, bucket) in buckets.iter_mut().enumerate() {
            let bound = BOUNDS.get(index).map_or(f64::MAX, |&bound| bound as f64 / 1e9);
            *bucket = (bound, self.counts[index]);
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn codes_are_counted_apart_and_inventions_fold() {
        let cells = CodeCells::default();
        for code in [200, 200, 404, 502, 0, 99, 600, u16::MAX] {
            cells.count(code);
        }
        let mut table = BTreeMap::new();
        cells.read(&mut table);
        assert_eq!(table, BTreeMap::from([(200, 2), (404, 1), (502, 1), (0, 4)]));
    }

    #[test]
    fn a_server_that_invents_codes_cannot_make_cells_grow() {
        let cells = CodeCells::default();
        for code in 100..600 {
            cells.count(code);
            cells.count(code);
        }
        let mut table = BTreeMap::new();
        cells.read(&mut table);
        assert_eq!(table.len(), CODES + 1);
        assert_eq!(table.values().sum::<u64>(), 1_000);
        assert_eq!(size_of::<CodeCells>(), 128);
    }

    #[test]
    fn durations_fall_into_the_bucket_that_holds_them() {
        let cells = DurationCells::default();
        for duration in [0, 250_000, 250_001, 30_000_000_000, 30_000_000_001, 60_000_000_000] {
            cells.record(duration);
        }
        let mut durations = Durations::default();
        durations.add(&cells);
        assert_eq!(durations.count(), 6);
        let buckets = durations.buckets();
        assert_eq!((buckets[0], buckets[1].1, buckets[13]), ((0.000_25, 2), 1, (30.0, 1)));
        assert_eq!(buckets[14], (f64::MAX, 2));
        assert!((durations.sum_seconds() - 120.000_500_002).abs() < 1e-6);
    }

    #[test]
    fn each_worker_has_cells_of_its_own_made_on_first_use() {
        let cells: PerWorker<Cell> = PerWorker::new(3);
        assert!(cells.is_unused());
        cells.of(0).unwrap().add(1);
        cells.of(2).unwrap().add(10);
        assert!(cells.of(3).is_none());
        assert_eq!((cells.iter().count(), cells.sum(Cell::get)), (2, 11));
    }
}
