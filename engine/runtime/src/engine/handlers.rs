//! Handler processes, as whoever starts them sees the engine.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use super::Engine;
use crate::handlers::{Doors, ProcessStats, Silence};
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

    /// Lets a process stand in for a generation that has the same routes by the same numbers, until it is told to
    /// leave.
    pub fn handlers_lend(&self, process: u64, generation: &str) {
        self.shared.handlers.lend(process, generation);
    }

    /// A process gets no requests any more; those that it has come to their end.
    pub fn handlers_leave(&self, process: u64) {
        self.shared.handlers.leave(process);
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

    /// A descriptor that is readable while [`Engine::broken_handlers`] or [`Engine::silent_handlers`] has something to
    /// say.
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
    /// What there is to say of processes that give no sign, or give one again, since this was asked last.
    pub fn silent_handlers(&self) -> Vec<(u64, Silence)> {
        self.shared.handlers.take_silences()
    }
}
