//! Handler processes, as whoever starts them sees the engine.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use super::Engine;
use crate::handlers::{Doors, ProcessStats};
use crate::worker::Message;

impl Engine {
    /// Prepares for a process that will run these handlers in this generation. It gets requests once it is ready and
    /// the running Plan names its generation.
    ///
    /// # Errors
    /// The system has no memory or no descriptor left.
    pub fn handler_process(&self, handlers: &[String], generation: &str) -> io::Result<Doors> {
        self.shared.handlers.announce(handlers, generation)
    }

    /// A process may have requests from now on; `false`: there is none of that number.
    pub fn handlers_ready(&self, process: u64) -> bool {
        let ready = self.shared.handlers.ready(process);
        if let Some(process) = &ready {
            self.tell(|| Message::Join(process.clone()));
        }
        ready.is_some()
    }

    /// A process has ended: the requests that it had fail, those that it had not read go to another. It counts as a
    /// restart where the running Plan wants it.
    pub fn handler_gone(&self, process: u64) {
        let Some(gone) = self.shared.handlers.remove(process) else { return };
        let snapshot = self.shared.snapshot.load_full();
        for handler in gone.handlers.iter().filter_map(|id| snapshot.handlers.get(id)) {
            if handler.generation == gone.generation && !self.shared.draining.load(Ordering::Acquire) {
                handler.series.restarted();
            }
        }
        self.tell(|| Message::Part(process));
    }

    /// Every process that was announced and has not ended.
    pub fn handler_stats(&self) -> Vec<ProcessStats> {
        self.shared.handlers.stats()
    }

    /// A descriptor that is readable while [`Engine::broken_handlers`] has something to say.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn handler_alarm(&self) -> io::Result<BorrowedFd<'_>> {
        self.shared.handlers.alarm()
    }

    /// The processes that have said what cannot be since this was asked last, and what that was. They get no
    /// requests any more and are to be ended.
    pub fn broken_handlers(&self) -> Vec<(u64, &'static str)> {
        self.shared.handlers.take_troubles()
    }
}
