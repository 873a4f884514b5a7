//! The engine's door: start, apply, look, drain.

mod challenges;
mod doors;
mod draining;
mod handlers;
mod opening;
mod saying;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use glorieta_net::listen::Bind;
use glorieta_net::{Activation, BoundAddress};
use glorieta_plan::Plan;
use glorieta_policy::Reference;
use tokio::sync::mpsc::UnboundedSender;

pub use saying::{say, say_sometimes};

use doors::{Doors, Groups};
use opening::{build, raise_descriptor_limit, start_workers, worker_count};

use crate::housekeeper::Housekeeper;
use crate::log::{self, LogSink};
use crate::metrics::{Registry, Reload};
use crate::secrets::Secrets;
use crate::snapshot::{Problem, Snapshot};
use crate::status;
use crate::worker::{Message, Shared};

/// How long names are looked up before serving begins without them.
const FIRST_LOOK_UP: Duration = Duration::from_secs(3);

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
    addresses: Vec<(Bind, BoundAddress)>,
    /// Those whose UDP sockets are open, too. They stay for as long as the address does, so that switching HTTP/3 off
    /// and on cuts nobody.
    datagrams: Vec<Bind>,
    groups: Groups,
    ended: bool,
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
        let opened = doors::open(&snapshot, &State::default(), count, &activation)?;
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
        let opened = doors::open(&snapshot, state, self.workers.len(), &self.activation)?;
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

    fn begin_listening(&self, state: &mut State, doors: Doors) {
        for (bind, opened) in doors.sockets {
            state.groups.keep_udp(&bind, &opened);
            state.addresses.push((bind.clone(), opened.address));
            for (worker, socket) in self.workers.iter().zip(opened.sockets) {
                // A worker that has ended is said by its thread.
                let _ = worker.mailbox.send(Message::Listen { bind: bind.clone(), socket });
            }
        }
        for (bind, datagrams) in doors.datagrams {
            if let Some(address) = state.address(&bind).cloned() {
                state.groups.keep_quic(&address, &datagrams);
            }
            state.datagrams.push(bind.clone());
            self.tell(|| Message::ListenQuic { bind: bind.clone(), datagrams: datagrams.clone() });
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
        state.datagrams.retain(|bind| snapshot.listener_at(bind).is_some());
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
        let address = |bind: Bind| {
            state.addresses.iter().find(|(known, _)| *known == bind).map(|(_, address)| address.to_string())
        };
        let snapshot = self.shared.snapshot.load_full();
        snapshot
            .listeners
            .iter()
            .map(|listener| (listener.id.to_string(), listener.binds().filter_map(address).collect()))
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

    /// Whether no request, tunnel or layer-4 connection is under way.
    pub fn is_idle(&self) -> bool {
        self.shared.requests() == 0
    }

    /// Opens the access log anew, after somebody has moved its file away.
    pub fn reopen_logs(&self) {
        self.shared.log.reopen();
    }
}
