//! What a worker has to do with handlers: its links, and one event by which all of them wake it.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_carrier::Event;
use glorieta_core::{Error, Kind, Moment};
use glorieta_net::timer;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use super::end::End;
use super::{Handler, Process, Roster};

/// How often what a link holds is read in one go.
const MOST_TURNS: usize = 64;

pub struct Desk {
    pub worker: usize,
    roster: Arc<Roster>,
    ends: RefCell<Vec<Rc<End>>>,
    /// A process has come.
    changed: Notify,
}

/// Which process gets a request.
enum Pick {
    Free(Rc<End>),
    /// Each has as many as it may.
    Full,
    /// There is none.
    Nobody,
}

impl Desk {
    /// Opens a worker's desk, on its runtime.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn open(roster: &Arc<Roster>, worker: usize) -> io::Result<Rc<Desk>> {
        let event = roster.event(worker)?;
        // SAFETY: the event owns its descriptor, gives always the same, and lives in what watches it.
        let watched = unsafe { AsyncFd::register_with_interest(event, Interest::READABLE) }?;
        let desk = Rc::new(Desk { worker, roster: roster.clone(), ends: RefCell::default(), changed: Notify::new() });
        tokio::task::spawn_local(watch(desk.clone(), watched));
        Ok(desk)
    }

    /// Begins to use a process.
    pub fn join(&self, process: Arc<Process>) {
        let known = self.ends.borrow().iter().any(|end| end.process.id == process.id);
        let Some(end) = End::new(process, self.worker, self.roster.clone()).filter(|_| !known) else { return };
        let end = Rc::new(end);
        self.ends.borrow_mut().push(end.clone());
        // Says that its messages have to be signalled from now on.
        read(&end);
        self.changed.notify_waiters();
    }

    /// A process has ended: what it had is lost.
    pub fn part(&self, process: u64) {
        let place = self.ends.borrow().iter().position(|end| end.process.id == process);
        let Some(place) = place else { return };
        let end = self.ends.borrow_mut().remove(place);
        // What it said before it ended counts.
        read(&end);
        end.lose("the process has ended");
    }

    #[cfg(test)]
    pub(super) fn is_free(&self, handler: &Handler) -> bool {
        matches!(self.pick(handler), Pick::Free(_))
    }

    fn pick(&self, handler: &Handler) -> Pick {
        let ends = self.ends.borrow();
        let now = Moment::now();
        let fitting = ends.iter().filter(|end| end.is_open() && end.process.runs(handler));
        match fitting.min_by_key(|end| end.process.load(now)) {
            None => Pick::Nobody,
            // A process that does not read gathers what was given up: its messages wait, too.
            Some(end) if end.process.calls() >= handler.queue || end.waiting() / 2 >= handler.queue as usize => {
                Pick::Full
            }
            Some(end) => Pick::Free(end.clone()),
        }
    }

    /// The process that has the fewest requests; waits a while where there is none at all.
    ///
    /// # Errors
    /// `handler_overloaded`, `handler_timeout`.
    pub(super) async fn find(
        &self,
        handler: &Handler,
        until: Moment,
        deadline: Option<Moment>,
    ) -> Result<Rc<End>, Error> {
        let mut waiting = None;
        loop {
            let changed = self.changed.notified();
            match self.pick(handler) {
                Pick::Free(end) => return Ok(end),
                Pick::Full => {
                    let detail = format!(
                        "{}: each process has {} requests already, or does not read",
                        handler.id, handler.queue
                    );
                    return Err(Error::new(Kind::HandlerOverloaded).with_detail(detail));
                }
                Pick::Nobody => {}
            }
            let nobody = || {
                let detail = format!("{}: no process is running", handler.id);
                Error::new(Kind::HandlerOverloaded).with_detail(detail)
            };
            let place = waiting.get_or_insert_with(|| Waiting::join(handler));
            if place.is_none() {
                return Err(nobody());
            }
            let until = deadline.map_or(until, |deadline| deadline.min(until));
            if timer::within(until, pin!(changed)).await.is_none() {
                return Err(match deadline {
                    Some(deadline) if deadline <= until => Error::new(Kind::HandlerTimeout),
                    _ => nobody(),
                });
            }
        }
    }
}

/// Reads what has come already; no process can say so much that this does not end.
fn read(end: &Rc<End>) {
    for _ in 0..MOST_TURNS {
        if !end.turn() {
            break;
        }
    }
}

/// A request that waits for a process.
struct Waiting<'a>(&'a Handler);

impl Waiting<'_> {
    /// `None`: too many wait already.
    fn join(handler: &Handler) -> Option<Waiting<'_>> {
        let place = Waiting(handler);
        (handler.waiting.fetch_add(1, Ordering::Relaxed) < handler.queue).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads what processes say, for as long as the worker lives.
async fn watch(desk: Rc<Desk>, watched: AsyncFd<Arc<Event>>) {
    loop {
        match watched.readable().await {
            // Cleared before the look: what comes after it signals anew.
            Ok(mut guard) => guard.clear_ready(),
            Err(error) => return crate::engine::say(&format!("worker {}: handlers: {error}", desk.worker)),
        }
        watched.get_ref().clear();
        loop {
            let ends = desk.ends.borrow().clone();
            let more = ends.iter().fold(false, |more, end| end.turn() | more);
            if !more {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}
