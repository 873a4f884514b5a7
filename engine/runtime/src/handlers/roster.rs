//! All handler processes there are, and what the control loop asks of them.
//!
//! The control loop starts processes and sees them end; workers use them. A process is announced before it is
//! started (`announce`), used once it says that it is ready (`ready`), and forgotten when it has ended (`remove`).

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use glorieta_carrier::{Broken, Event, Memory};
use tokio::sync::Notify;

use super::{Process, ProcessStats, Silence};

/// What a process is started with: descriptors of its own, which close when they are dropped.
#[derive(Debug)]
pub struct Doors {
    pub process: u64,
    pub memory: OwnedFd,
    /// What the process waits for.
    pub event: OwnedFd,
    /// What wakes each worker.
    pub workers: Vec<OwnedFd>,
}

pub struct Roster {
    workers: usize,
    /// Wakes each worker; made with the first process.
    events: OnceLock<Box<[Arc<Event>]>>,
    /// Tells the control loop that there is something in `troubles` or `silences`.
    alarm: OnceLock<Event>,
    /// A process has come.
    came: Notify,
    /// Whether all processes of one generation have ever been ready.
    begun: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    processes: BTreeMap<u64, Arc<Process>>,
    /// Processes whose links are broken, and why.
    troubles: Vec<(u64, Broken)>,
    /// What there is to say of processes that give no sign, or give one again.
    silences: Vec<(u64, Silence)>,
}

impl Roster {
    pub fn new(workers: usize) -> Roster {
        Roster {
            workers,
            events: OnceLock::new(),
            alarm: OnceLock::new(),
            came: Notify::new(),
            begun: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prepares for a process that will run these handlers; it gets no requests yet.
    ///
    /// # Errors
    /// The system has no memory or no descriptor left.
    pub fn announce(&self, handlers: &[String], generation: &str) -> io::Result<Doors> {
        let memory = Memory::new(self.workers)?;
        let event = Arc::new(Event::new()?);
        let workers = self.events()?.iter().map(own).collect::<io::Result<Vec<_>>>()?;
        let (door, own_event) = (memory.as_fd().try_clone_to_owned()?, own(&event)?);
        let mut state = self.state();
        state.last += 1;
        let id = state.last;
        let handlers = handlers.iter().map(|handler| handler.as_str().into()).collect();
        state.processes.insert(id, Arc::new(Process::new(id, handlers, generation.into(), memory, event)));
        self.came.notify_one();
        Ok(Doors { process: id, memory: door, event: own_event, workers })
    }

    fn events(&self) -> io::Result<&[Arc<Event>]> {
        if let Some(events) = self.events.get() {
            return Ok(events);
        }
        let made = (0..self.workers).map(|_| Event::new().map(Arc::new)).collect::<io::Result<Box<[_]>>>()?;
        Ok(self.events.get_or_init(|| made))
    }

    /// What wakes a worker.
    ///
    /// # Errors
    /// No descriptor is left, or there is no such worker.
    pub(super) fn event(&self, worker: usize) -> io::Result<Arc<Event>> {
        self.events()?.get(worker).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The process may have requests now; `None`: there is none of that number.
    pub fn ready(&self, process: u64) -> Option<Arc<Process>> {
        let state = self.state();
        let process = state.processes.get(&process)?.clone();
        process.ready.store(true, Ordering::Release);
        let mut others = state.processes.values().filter(|other| other.generation == process.generation);
        if others.all(|other| other.ready.load(Ordering::Acquire)) {
            self.begun.store(true, Ordering::Release);
        }
        Some(process)
    }

    /// Lets a process stand in for another generation as well, which has the same routes by the same numbers.
    pub fn lend(&self, process: u64, generation: &str) {
        if let Some(process) = self.state().processes.get(&process) {
            process.lent.store(Some(Arc::new(generation.to_owned())));
        }
    }

    /// A process gets no requests any more, and ends those that it has.
    pub fn leave(&self, process: u64) {
        if let Some(process) = self.state().processes.get(&process) {
            process.leaving.store(true, Ordering::Release);
        }
    }

    /// Waits until there is a process.
    pub(super) async fn some(&self) {
        while self.state().processes.is_empty() {
            self.came.notified().await;
        }
    }

    /// The processes that may have requests.
    pub(super) fn ready_processes(&self) -> Vec<Arc<Process>> {
        let state = self.state();
        state.processes.values().filter(|process| process.ready.load(Ordering::Acquire)).cloned().collect()
    }

    /// Requests that go on after their answers, in all processes.
    pub fn lingering(&self) -> u32 {
        self.state().processes.values().map(|process| process.lingering.load(Ordering::Relaxed)).sum()
    }

    /// Whether all processes of one generation have ever been ready. One that ends is replaced soon, and nobody need
    /// stay away meanwhile.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// The process has ended.
    pub fn remove(&self, process: u64) -> Option<Arc<Process>> {
        let mut state = self.state();
        state.troubles.retain(|(broken, _)| *broken != process);
        state.processes.remove(&process)
    }

    /// Every process, in the order in which they were announced.
    pub fn stats(&self) -> Vec<ProcessStats> {
        self.state().processes.values().map(|process| process.stats()).collect()
    }

    /// A process has said what cannot be.
    pub(super) fn report(&self, process: &Process, why: Broken) {
        if process.broken.swap(true, Ordering::AcqRel) {
            return;
        }
        self.state().troubles.push((process.id, why));
        self.ring();
    }

    /// Some processes are silent, or are not any more.
    pub(super) fn tell_silences(&self, told: Vec<(u64, Silence)>) {
        if !told.is_empty() {
            self.state().silences.extend(told);
            self.ring();
        }
    }

    fn ring(&self) {
        if let Some(alarm) = self.alarm.get() {
            alarm.signal();
        }
    }

    /// A descriptor that is readable while there are troubles or silences to be taken.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn alarm(&self) -> io::Result<BorrowedFd<'_>> {
        if self.alarm.get().is_none() {
            let made = Event::new()?;
            let alarm = self.alarm.get_or_init(|| made);
            let state = self.state();
            if !state.troubles.is_empty() || !state.silences.is_empty() {
                alarm.signal();
            }
        }
        self.alarm.get().map(AsFd::as_fd).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The processes whose links have broken since this was asked last, and why.
    pub fn take_troubles(&self) -> Vec<(u64, &'static str)> {
        if let Some(alarm) = self.alarm.get() {
            alarm.clear();
        }
        std::mem::take(&mut self.state().troubles).into_iter().map(|(process, why)| (process, why.0)).collect()
    }

    /// What there is to say of processes that give no sign, or give one again, since this was asked last.
    pub fn take_silences(&self) -> Vec<(u64, Silence)> {
        std::mem::take(&mut self.state().silences)
    }
}

fn own(event: &Arc<Event>) -> io::Result<OwnedFd> {
    event.as_fd().try_clone_to_owned()
}
