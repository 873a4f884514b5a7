//! The requests of a connection, which run within its task.
//!
//! A task for each would be allocated, scheduled, joined and woken by itself. Here those that were woken run one after
//! the other in the connection's next turn, and what they have to send leaves together. What is woken during a turn
//! waits for the next one, and the connection wakes nobody for it: it looks before it sleeps.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;
use tokio::task::coop;

/// The connection itself, beside its requests.
const CONNECTION: usize = usize::MAX;

type Running<T> = Pin<Box<dyn Future<Output = T>>>;

/// What runs within the task of one connection.
pub(crate) struct Requests<T> {
    running: Slab<Request<T>>,
    /// Those that run in this turn.
    turn: VecDeque<usize>,
    board: Arc<Board>,
    connection: Waker,
}

struct Request<T> {
    future: Running<T>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Who has been woken since the last turn began. Wakers may be used by any thread.
#[derive(Default)]
struct Board(Mutex<Rung>);

#[derive(Default)]
struct Rung {
    requests: Vec<usize>,
    connection: bool,
    /// The connection's task.
    task: Option<Waker>,
    /// Whether the task waits to be woken.
    asleep: bool,
}

struct Bell {
    key: usize,
    /// Whether it stands on the board, or in a turn.
    rung: AtomicBool,
    board: Arc<Board>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Bell>) {
        if self.key != CONNECTION && self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut rung = self.board.lock();
        if self.key == CONNECTION {
            rung.connection = true;
        } else {
            rung.requests.push(self.key);
        }
        if std::mem::take(&mut rung.asleep)
            && let Some(task) = &rung.task
        {
            task.wake_by_ref();
        }
    }
}

impl<T> Requests<T> {
    pub fn new() -> Requests<T> {
        let board = Arc::new(Board::default());
        let bell = Bell { key: CONNECTION, rung: AtomicBool::new(false), board: board.clone() };
        Requests { running: Slab::new(), turn: VecDeque::new(), board, connection: Waker::from(Arc::new(bell)) }
    }

    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// The waker of the connection itself: see [`Requests::take_connection`].
    pub fn connection_waker(&self) -> Waker {
        self.connection.clone()
    }

    /// Adds a request, which runs in the next turn.
    pub fn add(&mut self, future: impl Future<Output = T> + 'static) {
        let entry = self.running.vacant_entry();
        let bell = Arc::new(Bell { key: entry.key(), rung: AtomicBool::new(false), board: self.board.clone() });
        bell.wake_by_ref();
        entry.insert(Request { future: Box::pin(future), waker: Waker::from(bell.clone()), bell });
    }

    /// Begins a turn of those that have been woken by now.
    pub fn begin_turn(&mut self) {
        let mut rung = self.board.lock();
        rung.asleep = false;
        self.turn.extend(rung.requests.drain(..));
    }

    /// Whether the connection has been woken since this was asked last.
    pub fn take_connection(&self) -> bool {
        std::mem::take(&mut self.board.lock().connection)
    }

    /// Goes on with the turn until a request is done; what it came to. `None`: the turn is over, or the task has worked
    /// as much as it may before others get theirs.
    pub fn run(&mut self) -> Option<T> {
        while coop::has_budget_remaining()
            && let Some(key) = self.turn.pop_front()
        {
            let Some(request) = self.running.get_mut(key) else { continue };
            // What wakes it from here on is to run it once more.
            request.bell.rung.store(false, Ordering::Release);
            let polled = request.future.as_mut().poll(&mut Context::from_waker(&request.waker));
            if let Poll::Ready(output) = polled {
                self.running.remove(key);
                return Some(output);
            }
        }
        None
    }

    /// Ends the task's poll: from here on the first who is woken wakes it. `false`: somebody has been already.
    pub fn sleep(&self, cx: &Context<'_>) -> bool {
        let mut rung = self.board.lock();
        if rung.connection || !rung.requests.is_empty() || !self.turn.is_empty() {
            return false;
        }
        match &rung.task {
            Some(task) if task.will_wake(cx.waker()) => {}
            _ => rung.task = Some(cx.waker().clone()),
        }
        rung.asleep = true;
        true
    }

    /// Runs all of them to their end.
    pub fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.begin_turn();
        while self.run().is_some() {}
        if self.is_empty() {
            return Poll::Ready(());
        }
        // Nobody looks after the connection any more.
        self.take_connection();
        if !self.sleep(cx) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
