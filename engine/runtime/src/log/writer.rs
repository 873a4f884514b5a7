//! A worker's end of the log: it copies bytes into a batch of its own and never waits.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::entry::Entry;
use super::queue::{Batch, Lane, Shared};

/// A batch of this size is handed over at once, without waiting for a tick.
const FULL: usize = 32 * 1024;

/// Takes the entries of one worker. Dropping it hands over what it still holds.
#[derive(Debug)]
pub struct LogWriter {
    batch: Batch,
    lane: Arc<Lane>,
    shared: Arc<Shared>,
}

impl LogWriter {
    pub(super) fn new(shared: Arc<Shared>) -> LogWriter {
        LogWriter { batch: Batch::default(), lane: shared.open_lane(), shared }
    }

    /// Whether lines are wanted: where not, there is no need to make an [`Entry`].
    #[inline]
    pub fn enabled(&self) -> bool {
        self.shared.enabled.load(Relaxed)
    }

    /// Takes an entry, or drops and counts it if too many wait already.
    #[inline]
    pub fn record(&mut self, entry: &Entry<'_>) {
        if !self.enabled() || !self.lane.admits(&self.batch, self.shared.limit.load(Relaxed)) {
            return;
        }
        entry.pack(&mut self.batch.bytes);
        self.batch.entries += 1;
        if self.batch.bytes.len() >= FULL {
            self.flush();
        }
    }

    /// Whether entries wait for [`LogWriter::flush`], so that a tick within 50 ms is needed.
    #[inline]
    pub fn has_pending(&self) -> bool {
        self.batch.entries > 0
    }

    /// Hands over what there is and wakes the log's thread.
    pub fn flush(&mut self) {
        if self.has_pending() {
            self.lane.send(&mut self.batch);
            self.shared.wake();
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.flush();
        self.lane.abandon();
    }
}
