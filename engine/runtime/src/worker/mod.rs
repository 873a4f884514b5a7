//! A worker: one thread, one runtime, its own sockets; nothing of a request is shared with another.
//!
//! What workers share is in [`Shared`]: the snapshot, the registry of metrics, the log. A worker caches what it
//! uses of the snapshot and looks at one number per request to learn that it has changed.

mod accept;
mod announced;
mod connection;
mod datagrams;
mod ended;
mod entrance;
mod message;
mod quic;
mod secure;
mod shared;
mod tcp;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glorieta_core::{Error, Kind, Moment};
use glorieta_net::datagram::Group;
use glorieta_net::listen::Bind;
use glorieta_net::timer;
use glorieta_plan::LogFormat;
use glorieta_policy::Word;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::clock::Clock;
use crate::handlers::Desk;
use crate::log::{LogWriter, Needed, needed};
use crate::snapshot::{Listener, Snapshot};

pub use entrance::{Entrance, View};
pub use message::Message;
pub use shared::{Load, Shared};

/// How long a log line may wait for company, in milliseconds.
const LOG_WAIT: u64 = 50;

/// How often a worker looks whether the others, too, have come to their end at an address that it has left.
const LOOK: Duration = Duration::from_millis(200);

/// Threads of a worker that read files; requests for more wait.
const FILE_THREADS: usize = 16;

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The index of the worker that this thread is; `usize::MAX` on all others.
pub fn current_worker() -> usize {
    INDEX.get()
}

/// What the log's format needs of a request beside what every entry has, its words read once.
#[derive(Default)]
pub struct LogNeeds {
    pub referer: bool,
    pub user_agent: bool,
    pub words: Vec<(String, Word)>,
}

impl LogNeeds {
    fn of(format: &LogFormat) -> LogNeeds {
        let Needed { referer, user_agent, words } = needed(format);
        // The format was checked with the Plan; a word that is none has no value.
        let words = words.into_iter().filter_map(|text| Word::parse(&text).ok().map(|word| (text, word))).collect();
        LogNeeds { referer, user_agent, words }
    }
}

pub struct Worker {
    pub index: usize,
    pub shared: Arc<Shared>,
    pub log: RefCell<LogWriter>,
    clock: Clock,
    generation: Cell<u64>,
    log_needs: RefCell<Rc<LogNeeds>>,
    entrances: RefCell<FxHashMap<Bind, Rc<Entrance>>>,
    /// Those by QUIC, at the same addresses.
    quic_entrances: RefCell<FxHashMap<Bind, Rc<Entrance>>>,
    /// Those at which datagrams arrive, and that were left while something was under way.
    left: RefCell<Vec<Rc<Entrance>>>,
    log_pending: Notify,
    /// Opened for the first process or the first request of a handler.
    desk: RefCell<Option<Rc<Desk>>>,
    /// What is dropped from here on is cut by the end of the worker.
    stopping: Cell<bool>,
}

/// Runs a worker until it is told to stop; connections that are still open are then cut.
pub fn run(index: usize, shared: Arc<Shared>, mut mailbox: UnboundedReceiver<Message>) {
    INDEX.set(index);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = match builder.enable_all().max_blocking_threads(FILE_THREADS).build_local(Default::default()) {
        Ok(runtime) => runtime,
        Err(error) => return crate::engine::say(&format!("worker {index} cannot start: {error}")),
    };
    runtime.block_on(async move {
        let worker = Rc::new(Worker::new(index, shared));
        tokio::task::spawn_local(timer::drive());
        tokio::task::spawn_local(flush_log(worker.clone()));
        while let Some(message) = mailbox.recv().await {
            match message {
                Message::Listen { bind, socket } => accept::listen(&worker, bind, socket),
                Message::ListenQuic { bind, datagrams } => quic::listen(&worker, bind, datagrams),
                Message::Leave { bind } => worker.leave(&bind),
                Message::Refresh => worker.refresh(),
                Message::Join(process) => match worker.desk() {
                    Ok(desk) => desk.join(process),
                    Err(error) => crate::engine::say(&format!("worker {index}: handlers: {}", error.detail())),
                },
                Message::Part(process) => worker.part(process),
                Message::Drain => worker.leave_all(),
                Message::Stop => break,
            }
        }
        worker.stopping.set(true);
        crate::shadow::finish().await;
        worker.log.borrow_mut().flush();
    });
    // A read that hangs on a dead disk must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(100));
}

/// Hands log lines over soon after the first has been written, without a timer per line.
async fn flush_log(worker: Rc<Worker>) {
    loop {
        worker.log_pending.notified().await;
        timer::sleep_until(Moment::now().plus_millis(LOG_WAIT)).await;
        worker.log.borrow_mut().flush();
    }
}

impl Worker {
    fn new(index: usize, shared: Arc<Shared>) -> Worker {
        let log = RefCell::new(shared.log.writer());
        let worker = Worker {
            index,
            log,
            clock: Clock::default(),
            generation: Cell::new(0),
            log_needs: RefCell::default(),
            entrances: RefCell::default(),
            quic_entrances: RefCell::default(),
            left: RefCell::default(),
            log_pending: Notify::new(),
            desk: RefCell::default(),
            stopping: Cell::new(false),
            shared,
        };
        worker.refresh();
        worker
    }

    /// Takes over the snapshot of the moment, if it is another than the last.
    #[inline]
    pub fn refresh(&self) {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if generation != self.generation.replace(generation) {
            self.take_over(&self.shared.snapshot.load_full());
        }
    }

    #[cold]
    fn take_over(&self, snapshot: &Snapshot) {
        *self.log_needs.borrow_mut() = Rc::new(LogNeeds::of(&snapshot.access_log.format));
        let (entrances, quic) = (self.entrances.borrow(), self.quic_entrances.borrow());
        for (bind, entrance) in entrances.iter().chain(quic.iter()) {
            // One that is gone keeps what it was for the connections that are still open.
            if let Some(listener) = snapshot.listener_at(bind) {
                entrance.view.replace(View::of(listener, &entrance.cut, entrance.port));
                if entrance.is_closing() {
                    entrance.wake();
                }
            }
        }
    }

    fn leave(&self, bind: &Bind) {
        let entrance = self.entrances.borrow_mut().remove(bind);
        let quic = self.quic_entrances.borrow_mut().remove(bind);
        let mut left = self.left.borrow_mut();
        left.retain(|entrance| !entrance.ended.get());
        for entrance in entrance.into_iter().chain(quic) {
            let closed = entrance.close();
            if entrance.group.strong_count() > 0 {
                left.push(entrance.clone());
            }
            let patience = self.shared.snapshot.load().drain;
            tokio::task::spawn_local(async move {
                timer::sleep_until(Moment::now().plus(patience)).await;
                if entrance.is_closing() && entrance.closed.get() == closed {
                    entrance.cut();
                }
            });
        }
    }

    /// Goes on at sockets that were left, for the listener that has them now. `None`: nothing is under way there.
    fn return_to(&self, group: &Arc<Group>, listener: &Arc<Listener>) -> Option<Rc<Entrance>> {
        let mut left = self.left.borrow_mut();
        let same = |entrance: &Rc<Entrance>| entrance.group.ptr_eq(&Arc::downgrade(group)) && !entrance.ended.get();
        let entrance = left.iter().position(same).map(|index| left.swap_remove(index))?;
        group.works(self.index);
        entrance.reopen(listener);
        Some(entrance)
    }

    fn leave_all(&self) {
        for entrances in [&self.entrances, &self.quic_entrances] {
            let entrances = std::mem::take(&mut *entrances.borrow_mut());
            for entrance in entrances.values() {
                entrance.close();
            }
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// What this worker has to do with handlers.
    ///
    /// # Errors
    /// `internal`: no descriptor is left.
    pub fn desk(&self) -> Result<Rc<Desk>, Error> {
        let mut desk = self.desk.borrow_mut();
        if let Some(desk) = &*desk {
            return Ok(desk.clone());
        }
        let opened = Desk::open(&self.shared.handlers, self.index)
            .map_err(|error| Error::new(Kind::Internal).with_detail(error.to_string()))?;
        Ok(desk.insert(opened).clone())
    }

    fn part(&self, process: u64) {
        if let Some(desk) = &*self.desk.borrow() {
            desk.part(process);
        }
    }

    pub fn log_needs(&self) -> Rc<LogNeeds> {
        self.log_needs.borrow().clone()
    }

    /// The value of `Date` now.
    pub fn date(&self) -> [u8; 29] {
        self.clock.date(Moment::recent())
    }

    pub fn unix_nanoseconds(&self, moment: Moment) -> u64 {
        self.clock.unix_nanoseconds(moment)
    }

    /// Has the log handed over within its time.
    pub fn log_soon(&self) {
        self.log_pending.notify_one();
    }

    pub fn load(&self) -> &Load {
        self.shared.load(self.index)
    }

    pub fn begin_request(&self) {
        self.load().requests.fetch_add(1, Ordering::Relaxed);
    }

    pub fn end_request(&self) {
        self.load().requests.fetch_sub(1, Ordering::Relaxed);
    }
}
