//! A process that runs handlers, as all threads know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use glorieta_carrier::{Event, Memory};
use glorieta_core::Moment;

use super::Handler;

/// An event loop that is so late, in microseconds, is blocked: as soon as the log says so as well.
const BLOCKED: u32 = 100_000;
/// So long what it said of its event loop holds; while that is blocked, it says so more often.
const HOLDS: Duration = Duration::from_millis(250);

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
    /// Whether it only ends what it has.
    pub(super) leaving: AtomicBool,
    /// A generation with the same routes by the same numbers, for which it stands in.
    pub(super) lent: ArcSwapOption<String>,
    /// Requests that it has, over all workers.
    calls: AtomicU32,
    /// Requests that go on after their answers.
    pub(super) lingering: AtomicU32,
    /// How late its event loop is, in microseconds, and how many requests it works on; as it said last.
    lag: AtomicU32,
    working: AtomicU32,
    /// Until when its event loop counts as blocked.
    blocked: AtomicU64,
    /// When it gave a sign last, or got something to do.
    heard: AtomicU64,
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
    /// Requests that go on after their answers.
    pub lingering: u32,
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
            leaving: AtomicBool::new(false),
            lent: ArcSwapOption::empty(),
            calls: AtomicU32::new(0),
            lingering: AtomicU32::new(0),
            lag: AtomicU32::new(0),
            working: AtomicU32::new(0),
            blocked: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        }
    }

    /// Whether it may be sent this handler's requests: it has the handler's code, or stands in for it.
    pub(super) fn runs(&self, handler: &Handler) -> bool {
        let fits = self.generation == handler.generation
            || self.lent.load().as_ref().is_some_and(|lent| **lent == *handler.generation);
        fits && !self.leaving.load(Ordering::Acquire) && self.handlers.contains(&handler.id)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn begin_call(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
            self.hear(Moment::now());
        }
    }

    pub(super) fn end_call(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// It has said how it is; that is a sign.
    pub(super) fn beat(&self, lag: u32, running: u32) {
        self.lag.store(lag, Ordering::Relaxed);
        self.working.store(running, Ordering::Relaxed);
        let now = Moment::now();
        let until = if lag >= BLOCKED { now.plus(HOLDS) } else { Moment(0) };
        self.blocked.store(until.0, Ordering::Relaxed);
        self.hear(now);
    }

    /// The less, the sooner it gets to a request: whether its event loop is blocked, then what it works on.
    pub(super) fn load(&self, now: Moment) -> (bool, u32) {
        let blocked = now.0 < self.blocked.load(Ordering::Relaxed);
        (blocked, self.calls() + self.lingering.load(Ordering::Relaxed))
    }

    fn hear(&self, now: Moment) {
        self.heard.fetch_max(now.0, Ordering::Relaxed);
    }

    /// When it gave a sign last; `None`: it has nothing to do, and none is awaited.
    pub(super) fn heard(&self) -> Option<Moment> {
        let busy = self.calls() > 0 || self.lingering.load(Ordering::Relaxed) > 0;
        busy.then(|| Moment(self.heard.load(Ordering::Relaxed)))
    }

    pub fn stats(&self) -> ProcessStats {
        let (calls, lingering) = (self.calls(), self.lingering.load(Ordering::Relaxed));
        ProcessStats {
            id: self.id,
            handlers: self.handlers.clone(),
            generation: self.generation.clone(),
            ready: self.ready.load(Ordering::Acquire),
            broken: self.is_broken(),
            calls,
            // What it said may be older than the end of a request, and counts those that go on after their answers.
            running: self.working.load(Ordering::Relaxed).saturating_sub(lingering).min(calls),
            lingering,
            lag: self.lag.load(Ordering::Relaxed),
        }
    }
}
