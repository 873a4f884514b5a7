//! The engine's door: start, apply, look, drain.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use glorieta_net::{Activation, BoundAddress, listen};
use glorieta_plan::Plan;
use glorieta_policy::Reference;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::handlers::{Doors, ProcessStats, Silence};
use crate::housekeeper::Housekeeper;
use crate::log::{self, LogSink};
use crate::metrics::{Registry, Reload};
use crate::secrets::Secrets;
use crate::snapshot::{Problem, Snapshot};
use crate::status;
use crate::worker::{self, Message, Shared};

/// How long names are looked up before serving begins without them.
const FIRST_LOOK_UP: Duration = Duration::from_secs(3);
/// How long the log may take to write what is left at the end.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
/// How often a drain looks whether it is done.
const DRAIN_LOOK: Duration = Duration::from_millis(5);

/// What only the program knows that the engine runs in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether human log lines are coloured.
    pub colour: bool,
    /// Seconds east of UTC, for the clock time of human log lines.
    pub utc_offset_seconds: i32,
}

/// A running engine. Dropping it cuts what is under way.
pub struct Engine {
    shared: Arc<Shared>,
    workers: Vec<Handle>,
    housekeeper: Housekeeper,
    activation: Activation,
    state: Mutex<State>,
    abort: AtomicBool,
}

struct Handle {
    mailbox: UnboundedSender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// What reloads change; its lock makes them one after the other.
#[derive(Default)]
struct State {
    /// By `bind` as it was written.
    addresses: Vec<(String, BoundAddress)>,
    ended: bool,
}

/// Says something to the operator.
pub fn say(text: &str) {
    eprintln!("glorieta: {text}");
}

/// Says what may happen a thousand times a second, at most once in ten.
pub fn say_sometimes(text: &str) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(10)) {
        *last = Some(Instant::now());
        say(text);
    }
}

/// Everything that is wrong with a Plan, without opening any socket. `secrets`: whether what it refers to must be at
/// hand.
pub fn check(plan: &Plan, secrets: bool) -> Vec<Problem> {
    let secrets = if secrets { Secrets::from_system() } else { Secrets::as_written() };
    let mut problems = Snapshot::build(plan, None, &Registry::new(0), &secrets).err().unwrap_or_default();
    let look_up = |reference: Reference<'_>| secrets.line(reference);
    if let Err(error) = log::Format::new(&plan.access_log.format, log::Options::default(), &look_up) {
        problems.push(Problem::at("access_log.format", error));
    }
    problems
}

impl Engine {
    /// Starts workers and serves when it returns.
    ///
    /// # Errors
    /// Everything that is wrong with the Plan, or what the system refuses: an address in use, a log file that
    /// cannot be opened. Then nothing runs.
    pub fn start(plan: &Plan, options: Options) -> Result<Engine, Vec<Problem>> {
        raise_descriptor_limit();
        let count = worker_count(plan);
        let registry = Arc::new(Registry::new(count));
        let snapshot = build(plan, None, &registry)?;
        let activation = Activation::from_environment();
        let opened = open_sockets(&snapshot, &[], count, &activation)?;
        let log_options = log::Options { colour: options.colour, utc_offset_seconds: options.utc_offset_seconds };
        let log = LogSink::start(&plan.access_log, log_options, Box::new(say))
            .map_err(|error| vec![Problem::at("access_log", error.to_string())])?;
        registry.set_plan_version(&plan.version);
        let shared = Arc::new(Shared::new(snapshot, registry, log, count));
        let housekeeper = Housekeeper::start(plan, shared.clone(), &activation)?;
        let snapshot = shared.snapshot.load_full();
        housekeeper.resolve(&snapshot, FIRST_LOOK_UP);
        snapshot.upstreams.values().for_each(|upstream| upstream.refresh());
        let workers = start_workers(&shared, count)?;
        let engine =
            Engine { shared, workers, housekeeper, activation, state: Mutex::default(), abort: AtomicBool::new(false) };
        engine.begin_listening(&mut engine.state(), opened);
        engine.housekeeper.apply(snapshot);
        Ok(engine)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the running Plan: all of it, or nothing where anything is wrong.
    ///
    /// Open connections live on; each uses the new Plan from its next request. Pools, health, balancing and counts
    /// are taken over by id.
    ///
    /// # Errors
    /// As [`Engine::start`]; then the old Plan runs on unchanged.
    pub fn apply(&self, plan: &Plan) -> Result<(), Vec<Problem>> {
        let mut state = self.state();
        let result = self.try_apply(plan, &mut state);
        self.shared.registry.reloaded(if result.is_ok() { Reload::Applied } else { Reload::Refused });
        result
    }

    /// Counts a reload that was refused before there was a Plan to apply.
    pub fn count_refused(&self) {
        self.shared.registry.reloaded(Reload::Refused);
    }

    fn try_apply(&self, plan: &Plan, state: &mut State) -> Result<(), Vec<Problem>> {
        if state.ended {
            return Err(vec![Problem::at("", "the engine is draining")]);
        }
        let before = self.shared.snapshot.load_full();
        let snapshot = build(plan, Some(&before), &self.shared.registry)?;
        let opened = open_sockets(&snapshot, &state.addresses, self.workers.len(), &self.activation)?;
        let prepared = self.housekeeper.prepare_admin(plan, &self.activation)?;
        self.shared
            .log
            .reconfigure(&plan.access_log)
            .map_err(|error| vec![Problem::at("access_log", error.to_string())])?;
        // From here on nothing can fail.
        self.housekeeper.resolve(&snapshot, FIRST_LOOK_UP);
        for upstream in snapshot.upstreams.values() {
            upstream.refresh();
        }
        let snapshot = Arc::new(snapshot);
        self.shared.publish(snapshot.clone());
        self.shared.registry.set_plan_version(&plan.version);
        for (id, upstream) in &before.upstreams {
            if !snapshot.upstreams.contains_key(id) {
                upstream.retire();
            }
        }
        self.stop_listening(state, &snapshot);
        self.begin_listening(state, opened);
        self.tell(|| Message::Refresh);
        self.housekeeper.adopt_admin(prepared);
        self.housekeeper.apply(snapshot);
        self.housekeeper.bury(before);
        Ok(())
    }

    fn begin_listening(&self, state: &mut State, opened: Vec<(String, listen::Opened)>) {
        for (bind, opened) in opened {
            state.addresses.push((bind.clone(), opened.address));
            for (worker, socket) in self.workers.iter().zip(opened.sockets) {
                // A worker that has ended is said by its thread.
                let _ = worker.mailbox.send(Message::Listen { bind: bind.clone(), socket });
            }
        }
    }

    fn stop_listening(&self, state: &mut State, snapshot: &Snapshot) {
        state.addresses.retain(|(bind, address)| {
            let stays = snapshot.listener_at(bind).is_some();
            if !stays {
                self.tell(|| Message::Leave { bind: bind.clone() });
                address.remove_file();
            }
            stays
        });
    }

    fn tell(&self, message: impl Fn() -> Message) {
        for worker in &self.workers {
            // A worker that has ended is said by its thread.
            let _ = worker.mailbox.send(message());
        }
    }

    /// Every listener's id and the addresses that it has, as `bind` writes them.
    pub fn addresses(&self) -> Vec<(String, Vec<String>)> {
        let state = self.state();
        let address = |bind: &String| {
            state.addresses.iter().find(|(known, _)| known == bind).map(|(_, address)| address.to_string())
        };
        let snapshot = self.shared.snapshot.load_full();
        snapshot
            .listeners
            .iter()
            .map(|listener| (listener.id.to_string(), listener.bind.iter().filter_map(address).collect()))
            .collect()
    }

    pub fn admin_addresses(&self) -> Vec<String> {
        self.housekeeper.admin_addresses()
    }

    /// The read-only JSON view.
    pub fn status_json(&self) -> String {
        status::view(&self.shared)
    }

    /// The metrics as Prometheus text.
    pub fn metrics_text(&self) -> String {
        status::metrics(&self.shared)
    }

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

    /// Whether no request, tunnel or layer-4 connection is under way.
    pub fn is_idle(&self) -> bool {
        self.shared.requests() == 0
    }

    /// Opens the access log anew, after somebody has moved its file away.
    pub fn reopen_logs(&self) {
        self.shared.log.reopen();
    }

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

/// Builds a snapshot on a thread of its own.
///
/// Each thread has its own heap: so a snapshot lies by itself, not between the pieces of the Plan that it was made of
/// and those of its predecessor, and when it is dropped whole pages come free. At 10,000 routes five reloads would
/// otherwise leave half as much again.
fn build(plan: &Plan, before: Option<&Snapshot>, registry: &Registry) -> Result<Snapshot, Vec<Problem>> {
    let work = || Snapshot::build(plan, before, registry, &Secrets::from_system());
    std::thread::scope(|scope| {
        match std::thread::Builder::new().name("glorieta-build".into()).spawn_scoped(scope, work) {
            Ok(builder) => builder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(vec![Problem::at("", format!("a thread cannot start: {error}"))]),
        }
    })
}

fn worker_count(plan: &Plan) -> usize {
    // The standard library heeds affinity and cgroup quotas.
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    plan.workers.map_or(available, |workers| workers as usize).clamp(1, 1024)
}

fn start_workers(shared: &Arc<Shared>, count: usize) -> Result<Vec<Handle>, Vec<Problem>> {
    let start = |index| {
        let (mailbox, receiver) = unbounded_channel();
        let shared = shared.clone();
        let name = format!("glorieta-{index}");
        let thread = std::thread::Builder::new().name(name).spawn(move || worker::run(index, shared, receiver));
        thread.map(|thread| Handle { mailbox, thread: Some(thread) })
    };
    let started: std::io::Result<Vec<Handle>> = (0..count).map(start).collect();
    started.map_err(|error| vec![Problem::at("workers", format!("a thread cannot start: {error}"))])
}

/// Opens what the snapshot binds and is not open yet; nothing stays open if anything fails.
fn open_sockets(
    snapshot: &Snapshot,
    open: &[(String, BoundAddress)],
    workers: usize,
    activation: &Activation,
) -> Result<Vec<(String, listen::Opened)>, Vec<Problem>> {
    let (mut opened, mut problems): (Vec<(String, listen::Opened)>, Vec<Problem>) = (Vec::new(), Vec::new());
    for listener in &snapshot.listeners {
        for bind in &listener.bind {
            if open.iter().any(|(known, _)| known == bind) {
                continue;
            }
            match listen::open(bind, workers, activation) {
                Ok(socket) => opened.push((bind.clone(), socket)),
                Err(error) => problems.push(Problem::at(format!("listeners.{}.bind", listener.id), error.to_string())),
            }
        }
    }
    if problems.is_empty() {
        return Ok(opened);
    }
    for (_, socket) in opened {
        socket.address.remove_file();
    }
    Err(problems)
}

/// Each connection needs a descriptor, each request to an upstream a second: the usual soft limit of 1,024 is for
/// programs that call `select`, which nothing here does.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes to the struct that it is given, setrlimit only reads it.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
