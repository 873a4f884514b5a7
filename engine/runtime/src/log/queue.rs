//! The way from one worker to the log's thread: bounded, and a lock only once per batch.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::Thread;

/// Spare batches that a lane keeps for reuse.
const SPARE: usize = 2;
/// A batch that grew beyond this is freed rather than kept.
const LARGEST_SPARE: usize = 128 * 1024;
/// What waits may average this many bytes an entry, so that long paths cannot make it large.
const BYTES_PER_ENTRY: u64 = 512;

/// A lock whose holder cannot leave it half-changed, so that poison means nothing.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Packed entries of one worker.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub entries: u32,
}

/// One worker's queue.
#[derive(Debug, Default)]
pub struct Lane {
    batches: Mutex<Batches>,
    /// Entries and bytes handed over and not yet written.
    entries: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    /// Whether its worker has gone.
    orphan: AtomicBool,
}

#[derive(Debug, Default)]
struct Batches {
    full: VecDeque<Batch>,
    spare: Vec<Vec<u8>>,
}

impl Lane {
    /// Hands a batch over and leaves an empty one in its place.
    pub fn send(&self, batch: &mut Batch) {
        self.entries.fetch_add(u64::from(batch.entries), Relaxed);
        self.bytes.fetch_add(batch.bytes.len() as u64, Relaxed);
        let mut batches = lock(&self.batches);
        let empty = Batch { bytes: batches.spare.pop().unwrap_or_default(), entries: 0 };
        batches.full.push_back(std::mem::replace(batch, empty));
    }

    pub fn receive(&self) -> Option<Batch> {
        lock(&self.batches).full.pop_front()
    }

    /// A batch is written (or given up): its room is free again.
    pub fn finish(&self, mut batch: Batch) {
        self.entries.fetch_sub(u64::from(batch.entries), Relaxed);
        self.bytes.fetch_sub(batch.bytes.len() as u64, Relaxed);
        batch.bytes.clear();
        let mut batches = lock(&self.batches);
        if batches.spare.len() < SPARE && batch.bytes.capacity() <= LARGEST_SPARE {
            batches.spare.push(batch.bytes);
        }
    }

    pub fn abandon(&self) {
        self.orphan.store(true, Relaxed);
    }

    /// Whether one more entry may wait beside those in `batch`; if not, it is counted as dropped.
    #[inline]
    pub fn admits(&self, batch: &Batch, limit: u32) -> bool {
        let limit = u64::from(limit);
        let entries = self.entries.load(Relaxed) + u64::from(batch.entries);
        let bytes = self.bytes.load(Relaxed) + batch.bytes.len() as u64;
        let admitted = entries < limit && bytes < limit * BYTES_PER_ENTRY;
        if !admitted {
            // Only the lane's own worker writes this count.
            self.dropped.store(self.dropped.load(Relaxed) + 1, Relaxed);
        }
        admitted
    }
}

/// What workers, the log's thread and the sink share.
#[derive(Debug, Default)]
pub struct Shared {
    /// Whether lines are wanted at all.
    pub enabled: AtomicBool,
    /// Entries that a worker may have waiting.
    pub limit: AtomicU32,
    /// Lines written, and lines that could not be.
    pub written: AtomicU64,
    pub failed: AtomicU64,
    pub thread: OnceLock<Thread>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// Dropped by workers that have gone since.
    dropped_before: AtomicU64,
}

impl Shared {
    pub fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// The lanes in use; those of workers that have gone are forgotten once they are empty.
    pub fn lanes(&self) -> Vec<Arc<Lane>> {
        let mut lanes = lock(&self.lanes);
        lanes.retain(|lane| {
            let gone = lane.orphan.load(Relaxed) && lock(&lane.batches).full.is_empty();
            if gone {
                self.dropped_before.fetch_add(lane.dropped.load(Relaxed), Relaxed);
            }
            !gone
        });
        lanes.clone()
    }

    pub fn dropped(&self) -> u64 {
        let lanes = lock(&self.lanes);
        lanes.iter().map(|lane| lane.dropped.load(Relaxed)).sum::<u64>() + self.dropped_before.load(Relaxed)
    }

    pub fn waiting(&self) -> u64 {
        lock(&self.lanes).iter().map(|lane| lane.entries.load(Relaxed)).sum()
    }

    pub fn open_lane(&self) -> Arc<Lane> {
        let lane = Arc::new(Lane::default());
        lock(&self.lanes).push(lane.clone());
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(entries: u32, bytes: usize) -> Batch {
        Batch { bytes: vec![0; bytes], entries }
    }

    #[test]
    fn a_lane_admits_up_to_its_bound_in_entries_and_in_bytes() {
        let lane = Lane::default();
        assert!(lane.admits(&batch(9, 9 * 200), 10));
        assert!(!lane.admits(&batch(10, 10 * 200), 10));
        assert!(!lane.admits(&batch(1, 10 * 512), 10), "long paths must not make the queue large");
        lane.send(&mut batch(10, 100));
        assert!(!lane.admits(&Batch::default(), 10), "what was handed over still waits");
        let sent = lane.receive().unwrap();
        assert!(!lane.admits(&Batch::default(), 10), "what is being written still waits");
        lane.finish(sent);
        assert!(lane.admits(&Batch::default(), 10));
        assert_eq!(lane.dropped.load(Relaxed), 4);
    }

    #[test]
    fn batches_come_in_order_and_their_memory_is_used_again() {
        let lane = Lane::default();
        let mut filling = batch(1, 1_000);
        lane.send(&mut filling);
        assert_eq!((filling.entries, filling.bytes.capacity()), (0, 0));
        lane.send(&mut batch(2, 1_000_000));
        let first = lane.receive().unwrap();
        let second = lane.receive().unwrap();
        assert_eq!((first.entries, second.entries), (1, 2));
        assert!(lane.receive().is_none());
        lane.finish(second);
        lane.finish(first);
        lane.send(&mut filling);
        assert_eq!(filling.bytes.capacity(), 1_000, "the large one is freed, the small one kept");
    }

    #[test]
    fn a_lane_whose_worker_has_gone_is_forgotten_but_not_its_drops() {
        let shared = Shared::default();
        let lane = shared.open_lane();
        assert!(!lane.admits(&Batch::default(), 0));
        lane.send(&mut batch(1, 10));
        lane.abandon();
        assert_eq!(shared.lanes().len(), 1, "its last batch is not yet taken");
        let last = lane.receive().unwrap();
        lane.finish(last);
        assert!(shared.lanes().is_empty());
        assert_eq!((shared.dropped(), shared.waiting()), (1, 0));
    }
}
