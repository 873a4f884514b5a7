//! The engine's end: what is under way comes to its own, for as long as that may take.

use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Engine;
use crate::worker::Message;

/// How long the log may take to write what is left at the end.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
/// How often a drain looks whether it is done.
const DRAIN_LOOK: Duration = Duration::from_millis(5);

impl Engine {
    /// Accepts no more, lets what is under way come to its end and ends. `patience`: how long that may take; `None`:
    /// as the Plan says. `true`: nothing was cut. Blocks.
    pub fn drain(&self, patience: Option<Duration>) -> bool {
        let until = Instant::now() + patience.unwrap_or_else(|| self.shared.snapshot.load().drain);
        self.shared.draining.store(true, Ordering::Release);
        {
            let mut state = self.state();
            state.ended = true;
            self.tell(|| Message::Drain);
            for (_, address) in state.addresses.drain(..) {
                address.remove_file();
            }
        }
        // A worker takes a moment to read its mail; its accept queue is served before it counts as empty.
        std::thread::sleep(2 * DRAIN_LOOK);
        let under_way = || self.shared.connections() > 0 || self.shared.handlers.lingering() > 0;
        while under_way() && Instant::now() < until && !self.abort.load(Ordering::Acquire) {
            std::thread::sleep(DRAIN_LOOK);
        }
        let clean = self.shared.requests() == 0 && self.shared.handlers.lingering() == 0;
        self.tell(|| Message::Stop);
        for worker in &self.workers {
            while !worker.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.housekeeper.stop();
        self.shared.log.close(LOG_PATIENCE);
        clean
    }

    /// Ends a drain under way on another thread.
    pub fn abort_drain(&self) {
        self.abort.store(true, Ordering::Release);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !self.state().ended {
            self.drain(Some(Duration::ZERO));
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A panic has been said already.
                let _ = thread.join();
            }
        }
    }
}
