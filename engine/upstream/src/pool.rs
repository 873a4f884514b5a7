//! This worker's idle connections. Sockets never move between workers; what bounds them is shared.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_core::Moment;
use glorieta_http::h1::client::Client;
use glorieta_net::timer;
use rustc_hash::FxHashMap;

use crate::lease::Permit;
use crate::queue::Grant;
use crate::{Endpoint, State};

/// How often idle connections are looked at, in milliseconds.
const SWEEP: u64 = 1000;

struct Idle {
    client: Box<Client>,
    permit: Permit,
}

/// The idle connections of one endpoint, the one used last at the end.
struct Shelf {
    endpoint: u64,
    idle: Vec<Idle>,
}

type Shelves = Vec<Shelf>;

thread_local! {
    /// By the address of an upstream's state, which its keeper holds for as long as there is an entry.
    static POOL: RefCell<FxHashMap<usize, Shelves>> = RefCell::default();
}

fn key(state: &Arc<State>) -> usize {
    Arc::as_ptr(state) as usize
}

/// Takes a connection to an endpoint that is still open, the one used last.
pub(crate) fn take(state: &Arc<State>, endpoint: &Endpoint) -> Option<(Box<Client>, Permit)> {
    // Dead ones are dropped outside of the borrow: that frees permits, which may wake somebody.
    let mut dead = Vec::new();
    let found = POOL.with_borrow_mut(|pool| {
        let shelf = pool.get_mut(&key(state))?.iter_mut().find(|shelf| shelf.endpoint == endpoint.number)?;
        while let Some(mut idle) = shelf.idle.pop() {
            if idle.client.is_alive() {
                return Some((idle.client, idle.permit));
            }
            dead.push(idle);
        }
        None
    });
    drop(dead);
    found
}

/// Puts a connection by for the next request, or passes on the right to it.
pub(crate) fn give(permit: Permit, mut client: Box<Client>) {
    let state = permit.state.clone();
    let age = Moment::recent().since(client.opened).as_nanos() as u64;
    if permit.endpoint.is_retired() || age >= state.max_age.load(Ordering::Relaxed) {
        return;
    }
    let waited_for = state.queue.waiting() > 0;
    if waited_for && !state.queue.first_is_here() && state.queue.waiting() > 0 {
        // Dropping the permit wakes whoever waits on another worker.
        return;
    }
    let endpoint = permit.endpoint.clone();
    client.idle_since = Moment::recent();
    let is_first = POOL.with_borrow_mut(|pool| {
        let mut is_first = false;
        let shelves = pool.entry(key(&state)).or_insert_with(|| {
            is_first = true;
            Shelves::new()
        });
        let idle = Idle { client, permit };
        match shelves.iter_mut().find(|shelf| shelf.endpoint == endpoint.number) {
            Some(shelf) => shelf.idle.push(idle),
            None => shelves.push(Shelf { endpoint: endpoint.number, idle: vec![idle] }),
        }
        is_first
    });
    if is_first {
        tokio::task::spawn_local(keep(state.clone()));
    }
    if waited_for {
        state.queue.wake_first(Grant::Released(endpoint));
    }
}

/// Closes what has been idle too long or is wanted elsewhere; ends with the last idle connection.
async fn keep(state: Arc<State>) {
    loop {
        let notified = state.queue.wanted.notified();
        let tick = timer::sleep_until(Moment::now().plus_millis(SWEEP));
        // The count is the truth; the word is only a hint, and lost on a keeper that does not listen just now.
        let wanted = state.queue.waiting() > 0
            || tokio::select! {
                () = notified => true,
                () = tick => false,
            };
        let closed = POOL.with_borrow_mut(|pool| {
            let shelves = pool.get_mut(&key(&state))?;
            let closed = if wanted { Vec::from_iter(oldest(shelves)) } else { sweep(&state, shelves) };
            shelves.retain(|shelf| !shelf.idle.is_empty());
            if shelves.is_empty() {
                pool.remove(&key(&state));
            }
            Some(closed)
        });
        drop(closed);
        if POOL.with_borrow(|pool| !pool.contains_key(&key(&state))) {
            return;
        }
    }
}

fn oldest(shelves: &mut Shelves) -> Option<Idle> {
    let longest = shelves.iter_mut().filter(|shelf| !shelf.idle.is_empty()).max_by_key(|shelf| shelf.idle.len())?;
    Some(longest.idle.remove(0))
}

fn sweep(state: &State, shelves: &mut Shelves) -> Vec<Idle> {
    let now = Moment::now();
    let (most_idle, most_age) = (state.idle.load(Ordering::Relaxed), state.max_age.load(Ordering::Relaxed));
    let stale = |idle: &mut Idle| {
        now.0.saturating_sub(idle.client.idle_since.0) >= most_idle
            || now.0.saturating_sub(idle.client.opened.0) >= most_age
            || idle.permit.endpoint.is_retired()
            || !idle.client.is_alive()
    };
    shelves.iter_mut().flat_map(|shelf| shelf.idle.extract_if(.., stale)).collect()
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
