//! One thread for all that is nobody's request: names, active checks, certificates, the admin address.
//!
//! It lives on when Python does not, and a slow answer of its own never makes a worker wait.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use glorieta_core::Moment;
use glorieta_net::dns::Resolver;
use glorieta_net::listen::{self, Socket};
use glorieta_net::{Activation, BoundAddress, timer};
use glorieta_plan::Plan;
use glorieta_upstream::{Upstream, keep_checking, keep_resolving, resolve_once};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle as Task;

use crate::admin;
use crate::certificates::{keep_reading, watched};
use crate::engine::say;
use crate::handlers::watch_silence;
use crate::memory::give_back;
use crate::snapshot::{Problem, Snapshot};
use crate::status::EngineView;
use crate::worker::Shared;

/// How often series that nobody holds are looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// How often is looked whether a replaced snapshot is still in use.
const BURIAL_LOOK: Duration = Duration::from_millis(100);

enum Order {
    /// Look after these upstreams, and no others.
    Apply(Arc<Snapshot>),
    /// Look these names up once and say when that is done.
    Resolve(Vec<Arc<Upstream>>, mpsc::Sender<()>),
    /// Drop this once nobody looks at it any more.
    Bury(Arc<Snapshot>),
    Listen(String, Socket),
    Leave(String),
    Stop,
}

pub struct Housekeeper {
    mailbox: UnboundedSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Where the admin view is served, by `bind` as it was written.
    admin: Mutex<Vec<(String, BoundAddress)>>,
}

/// Admin sockets opened for a Plan that is not yet published.
pub struct PreparedAdmin {
    opened: Vec<(String, listen::Opened)>,
    wanted: Vec<String>,
}

impl Housekeeper {
    pub fn start(plan: &Plan, shared: Arc<Shared>, activation: &Activation) -> Result<Housekeeper, Vec<Problem>> {
        let (mailbox, receiver) = unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("glorieta-keeper".into())
            .spawn(move || run(shared, receiver))
            .map_err(|error| vec![Problem::at("", format!("the housekeeper cannot start: {error}"))])?;
        let housekeeper = Housekeeper { mailbox, thread: Mutex::new(Some(thread)), admin: Mutex::default() };
        let prepared = housekeeper.prepare_admin(plan, activation)?;
        housekeeper.adopt_admin(prepared);
        Ok(housekeeper)
    }

    fn admin(&self) -> MutexGuard<'_, Vec<(String, BoundAddress)>> {
        self.admin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, order: Order) {
        // Once it has ended there is nothing left to look after.
        let _ = self.mailbox.send(order);
    }

    /// Looks up the names of all upstreams, for at most `patience`; those that take longer follow by themselves.
    pub fn resolve(&self, snapshot: &Snapshot, patience: Duration) {
        let (done, wait) = mpsc::channel();
        self.order(Order::Resolve(snapshot.upstreams.values().cloned().collect(), done));
        // In time or not: what has not been found yet is looked for again and again.
        let _ = wait.recv_timeout(patience);
    }

    pub fn apply(&self, snapshot: Arc<Snapshot>) {
        self.order(Order::Apply(snapshot));
    }

    /// Drops a snapshot that has been replaced: ten thousand routes are not to be freed by a worker between two
    /// requests.
    pub fn bury(&self, snapshot: Arc<Snapshot>) {
        self.order(Order::Bury(snapshot));
    }

    /// Opens the admin sockets of a Plan that are not open yet.
    ///
    /// # Errors
    /// An address that is required and cannot be had.
    pub fn prepare_admin(&self, plan: &Plan, activation: &Activation) -> Result<PreparedAdmin, Vec<Problem>> {
        let socket = plan.admin.socket.as_ref().map(|path| format!("unix:{path}"));
        let wanted: Vec<String> = plan.admin.address.iter().cloned().chain(socket).collect();
        let open = self.admin();
        let (mut opened, mut problems) = (Vec::new(), Vec::new());
        for bind in &wanted {
            if open.iter().any(|(known, _)| known == bind) {
                continue;
            }
            match listen::open(bind, listen::Transport::Stream, 1, activation) {
                Ok(socket) => opened.push((bind.clone(), socket)),
                Err(error) if plan.admin.required => problems.push(Problem::at("admin", error.to_string())),
                Err(error) => say(&format!("admin: {error}; metrics and the JSON view are not served there")),
            }
        }
        if problems.is_empty() { Ok(PreparedAdmin { opened, wanted }) } else { Err(problems) }
    }

    pub fn adopt_admin(&self, prepared: PreparedAdmin) {
        let mut open = self.admin();
        open.retain(|(bind, address)| {
            let stays = prepared.wanted.contains(bind);
            if !stays {
                self.order(Order::Leave(bind.clone()));
                address.remove_file();
            }
            stays
        });
        for (bind, opened) in prepared.opened {
            open.push((bind.clone(), opened.address));
            opened.sockets.into_iter().for_each(|socket| self.order(Order::Listen(bind.clone(), socket)));
        }
    }

    pub fn admin_addresses(&self) -> Vec<String> {
        self.admin().iter().map(|(_, address)| address.to_string()).collect()
    }

    pub fn stop(&self) {
        self.order(Order::Stop);
        for (_, address) in self.admin().drain(..) {
            address.remove_file();
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic has been said already.
            let _ = thread.join();
        }
    }
}

fn run(shared: Arc<Shared>, mut mailbox: UnboundedReceiver<Order>) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build_local(Default::default())
    {
        Ok(runtime) => runtime,
        Err(error) => return say(&format!("the housekeeper cannot start: {error}")),
    };
    runtime.block_on(async move {
        tokio::task::spawn_local(timer::drive());
        tokio::task::spawn_local(sweep(shared.clone()));
        tokio::task::spawn_local(watch_silence(shared.handlers.clone()));
        let resolver = Rc::new(Resolver::from_system());
        let view = Arc::new(EngineView { shared });
        let mut chores: Vec<Task<()>> = Vec::new();
        let mut doors: HashMap<String, Task<()>> = HashMap::new();
        while let Some(order) = mailbox.recv().await {
            match order {
                Order::Apply(snapshot) => {
                    chores.drain(..).for_each(|chore| chore.abort());
                    chores.push(tokio::task::spawn_local(keep_reading(watched(&snapshot), say)));
                    for upstream in snapshot.upstreams.values() {
                        chores.extend(look_after(upstream, &resolver));
                    }
                }
                Order::Resolve(upstreams, done) => {
                    tokio::task::spawn_local(resolve_all(upstreams, resolver.clone(), done));
                }
                Order::Bury(snapshot) => drop(tokio::task::spawn_local(bury(snapshot))),
                Order::Listen(bind, socket) => {
                    let door = tokio::task::spawn_local(admin::accept(vec![socket], view.clone()));
                    doors.insert(bind, door);
                }
                Order::Leave(bind) => {
                    if let Some(door) = doors.remove(&bind) {
                        door.abort();
                    }
                }
                Order::Stop => break,
            }
        }
    });
}

/// Names and checks of one upstream, from now on.
fn look_after(upstream: &Arc<Upstream>, resolver: &Rc<Resolver>) -> [Task<()>; 2] {
    let (resolver, for_names, for_checks) = (resolver.clone(), upstream.clone(), upstream.clone());
    [
        tokio::task::spawn_local(async move { keep_resolving(for_names, &resolver, say).await }),
        tokio::task::spawn_local(async move { keep_checking(for_checks, say).await }),
    ]
}

async fn resolve_all(upstreams: Vec<Arc<Upstream>>, resolver: Rc<Resolver>, done: mpsc::Sender<()>) {
    // All at once: a hundred names are not to wait for each other while a reload waits for them.
    let mut looking = tokio::task::JoinSet::new();
    for upstream in upstreams {
        let resolver = resolver.clone();
        looking.spawn_local(async move {
            for problem in resolve_once(&upstream, &resolver).await {
                say(&format!("upstream {}: {problem}", upstream.id));
            }
        });
    }
    while looking.join_next().await.is_some() {}
    // Whoever asked may have stopped waiting.
    let _ = done.send(());
}

/// Waits until no worker and no request holds a part of it.
async fn bury(snapshot: Arc<Snapshot>) {
    let held = |snapshot: &Snapshot| snapshot.listeners.iter().any(|listener| Arc::strong_count(listener) > 1);
    while held(&snapshot) || Arc::strong_count(&snapshot) > 1 {
        tokio::time::sleep(BURIAL_LOOK).await;
    }
    drop(snapshot);
    give_back();
}

async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        shared.registry.sweep(Moment::now());
    }
}
