//! A process that runs handlers, as all threads know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use glorieta_carrier::{Event, Memory};

use super::Handler;

pub struct Process {
    pub id: u64,
    /// The handlers that it runs.
    pub handlers: Vec<Arc<str>>,
    pub generation: Arc<str>,
    pub(super) memory: Arc<Memory>,
    /// Wakes it.
    pub(super) event: Arc<Event>,
    /// Whether workers may send it requests.
    pub(super) ready: AtomicBool,
    /// Whether it has said what cannot be: it gets nothing more.
    pub(super) broken: AtomicBool,
    /// Requests that it has, over all workers.
    pub(super) calls: AtomicU32,
    /// How late its event loop is, in microseconds, and how many requests it works on; as it said last.
    lag: AtomicU32,
    working: AtomicU32,
}

/// A process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStats {
    pub id: u64,
    pub handlers: Vec<Arc<str>>,
    pub generation: Arc<str>,
    pub ready: bool,
    pub broken: bool,
    /// Requests that it has, those included that it has not begun.
    pub calls: u32,
    /// Requests that it works on.
    pub running: u32,
    /// How late its event loop is, in microseconds.
    pub lag: u32,
}

impl Process {
    pub(super) fn new(
        id: u64,
        handlers: Vec<Arc<str>>,
        generation: Arc<str>,
        memory: Memory,
        event: Arc<Event>,
    ) -> Process {
        Process {
            id,
            handlers,
            generation,
            memory: Arc::new(memory),
            event,
            ready: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            calls: AtomicU32::new(0),
            lag: AtomicU32::new(0),
            working: AtomicU32::new(0),
        }
    }

    /// Whether it runs this handler, in the same generation.
    pub(super) fn runs(&self, handler: &Handler) -> bool {
        self.generation == handler.generation && self.handlers.contains(&handler.id)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn beat(&self, lag: u32, running: u32) {
        self.lag.store(lag, Ordering::Relaxed);
        self.working.store(running, Ordering::Relaxed);
    }

    pub fn stats(&self) -> ProcessStats {
        let calls = self.calls();
        ProcessStats {
            id: self.id,
            handlers: self.handlers.clone(),
            generation: self.generation.clone(),
            ready: self.ready.load(Ordering::Acquire),
            broken: self.is_broken(),
            calls,
            // What it said may be older than the end of a request.
            running: self.working.load(Ordering::Relaxed).min(calls),
            lag: self.lag.load(Ordering::Relaxed),
        }
    }
}
