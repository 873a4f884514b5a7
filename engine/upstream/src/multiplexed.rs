//! This worker's connections that carry several requests at once (HTTP/2).
//!
//! A request takes a seat on an open connection; where there is none it joins one that is being opened, so that a
//! burst opens a few connections and not as many as it has requests. As with others, sockets never move between
//! workers, and the right to a connection is a permit, which lasts as long as its socket.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glorieta_core::{Error, Kind, Moment, Retry};
use glorieta_http::h1;
use glorieta_http::h2::client::{Client, Driver, Settings, Slot};
use glorieta_net::timer;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::attempt::open;
use crate::call::{named, unspoken};
use crate::lease::{Lease, Permit};
use crate::queue::Grant;
use crate::{Endpoint, State, Upstream, pool};

/// How often connections are looked at, in milliseconds.
const SWEEP: u64 = 1000;

/// The connections to one endpoint.
struct Shelf {
    endpoint: Arc<Endpoint>,
    open: Vec<Rc<Client>>,
    opening: Vec<Rc<Opening>>,
    /// One that was taken out because another worker wants its permit, and still carries requests.
    leaving: Weak<Client>,
}

thread_local! {
    /// By the address of an upstream's state, which its keeper holds for as long as there is an entry.
    static POOL: RefCell<FxHashMap<usize, Vec<Shelf>>> = RefCell::default();
}

/// A connection that is being opened.
struct Opening {
    joined: Cell<u32>,
    outcome: RefCell<Option<Result<Opened, Error>>>,
    opened: Notify,
}

#[derive(Clone)]
enum Opened {
    Shared(Rc<Client>),
    /// It speaks HTTP/1.1 and lies with those that carry one request at a time.
    Single,
}

/// A request's place on a connection. Its parts are dropped in this order.
pub struct Seat {
    slot: Slot,
    lease: Lease,
    _place: Place,
}

/// Tells those who wait that a seat has come free, by being dropped.
struct Place {
    state: Arc<State>,
    endpoint: Arc<Endpoint>,
}

impl Seat {
    fn new(client: &Rc<Client>, state: &Arc<State>, endpoint: &Arc<Endpoint>) -> Seat {
        let place = Place { state: state.clone(), endpoint: endpoint.clone() };
        Seat { slot: client.take(), lease: Lease::sharing(endpoint), _place: place }
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.lease.endpoint()
    }

    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Whether the connection had carried a request before.
    pub(crate) fn is_reused(&self) -> bool {
        self.slot.reused
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        pass_on(&self.state, &self.endpoint);
    }
}

/// A place among those who wait for a connection to be opened.
pub(crate) struct Joined {
    opening: Rc<Opening>,
    state: Arc<State>,
    endpoint: Arc<Endpoint>,
}

impl Joined {
    fn new(opening: &Rc<Opening>, state: &Arc<State>, endpoint: &Arc<Endpoint>) -> Joined {
        opening.joined.set(opening.joined.get() + 1);
        Joined { opening: opening.clone(), state: state.clone(), endpoint: endpoint.clone() }
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Waits for the connection; `None`: it speaks HTTP/1.1, or allows fewer requests than were waiting.
    ///
    /// # Errors
    /// As opening one.
    pub(crate) async fn seat(
        self,
        upstream: &Upstream,
        patience: Duration,
        deadline: Option<Moment>,
    ) -> Result<Option<Seat>, Error> {
        let own = Moment::now().plus(patience);
        let until = deadline.map_or(own, |deadline| deadline.min(own));
        let Some(outcome) = timer::within(until, pin!(self.outcome())).await else {
            return Err(late(&self.endpoint, patience, deadline.is_some_and(|deadline| deadline <= own)));
        };
        Ok(match outcome? {
            Opened::Shared(client) if client.is_open() && client.has_room(upstream.settings.max_streams) => {
                Some(Seat::new(&client, &self.state, &self.endpoint))
            }
            Opened::Shared(_) | Opened::Single => None,
        })
    }

    async fn outcome(&self) -> Result<Opened, Error> {
        loop {
            let opened = self.opening.opened.notified();
            if let Some(outcome) = &*self.opening.outcome.borrow() {
                return outcome.clone();
            }
            opened.await;
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.opening.joined.set(self.opening.joined.get() - 1);
        invite(&self.state, &self.endpoint);
    }
}

fn late(endpoint: &Endpoint, patience: Duration, by_deadline: bool) -> Error {
    let name = endpoint.label();
    if by_deadline {
        return Error::new(Kind::Deadline).with_detail(format!("{name}: not connected in time"));
    }
    let text = format!("{name}: not connected within {} ms", patience.as_millis());
    Error::new(Kind::ConnectTimeout).with_detail(text).retry(Retry::NotSent)
}

/// A way onto a shared connection.
pub(crate) enum Found {
    Seat(Seat),
    Joined(Joined),
}

/// A seat on an open connection, or a place with one that is being opened; opens one if there is a permit for it.
/// `None`: all are full.
pub(crate) fn find(upstream: &Upstream, endpoint: &Arc<Endpoint>, patience: Duration) -> Option<Found> {
    let (state, most) = (&upstream.state, upstream.settings.max_streams);
    // Dead ones are dropped outside of the borrow: that frees permits, which may wake somebody.
    let mut dead = Vec::new();
    let expected = most.min(endpoint.allowed_streams.load(Ordering::Relaxed)).max(1);
    let found = POOL.with_borrow_mut(|pool| {
        let shelf = shelf_of(pool.get_mut(&key(state))?, endpoint)?;
        dead.extend(shelf.open.extract_if(.., |client| !client.is_open()));
        if let Some(client) = shelf.open.iter().find(|client| client.has_room(most)) {
            return Some(Found::Seat(Seat::new(client, state, endpoint)));
        }
        let opening = shelf.opening.iter().find(|opening| opening.joined.get() < expected)?;
        Some(Found::Joined(Joined::new(opening, state, endpoint)))
    });
    drop(dead);
    found.or_else(|| {
        let permit = Permit::take(state, endpoint, upstream.settings.max_connections)?;
        Some(Found::Joined(begin(upstream, endpoint, permit, patience)))
    })
}

fn key(state: &Arc<State>) -> usize {
    Arc::as_ptr(state) as usize
}

fn shelf_of<'a>(shelves: &'a mut [Shelf], endpoint: &Endpoint) -> Option<&'a mut Shelf> {
    shelves.iter_mut().find(|shelf| shelf.endpoint.number == endpoint.number)
}

/// Changes the shelf of an endpoint, which is made if there is none; its keeper with it.
fn on_shelf(state: &Arc<State>, endpoint: &Arc<Endpoint>, change: impl FnOnce(&mut Shelf)) {
    let is_first = POOL.with_borrow_mut(|pool| {
        let mut is_first = false;
        let shelves = pool.entry(key(state)).or_insert_with(|| {
            is_first = true;
            Vec::new()
        });
        if shelf_of(shelves, endpoint).is_none() {
            let endpoint = endpoint.clone();
            shelves.push(Shelf { endpoint, open: Vec::new(), opening: Vec::new(), leaving: Weak::new() });
        }
        if let Some(shelf) = shelf_of(shelves, endpoint) {
            change(shelf);
        }
        is_first
    });
    if is_first {
        tokio::task::spawn_local(keep(state.clone()));
    }
}

/// Begins to open a connection, by a task of its own: whoever asked first may go before it is open.
fn begin(upstream: &Upstream, endpoint: &Arc<Endpoint>, permit: Permit, patience: Duration) -> Joined {
    let opening = Rc::new(Opening { joined: Cell::new(0), outcome: RefCell::new(None), opened: Notify::new() });
    let joined = Joined::new(&opening, &upstream.state, endpoint);
    on_shelf(&upstream.state, endpoint, |shelf| shelf.opening.push(opening.clone()));
    let settings = Settings {
        max_streams: upstream.settings.max_streams,
        limits: upstream.settings.limits,
        encrypted: endpoint.tls.is_some(),
    };
    tokio::task::spawn_local(run(opening, permit, settings, patience));
    joined
}

/// Opens a connection, and drives it to its end.
async fn run(opening: Rc<Opening>, permit: Permit, settings: Settings, patience: Duration) {
    let Permit { state, endpoint } = &permit;
    let (state, endpoint) = (state.clone(), endpoint.clone());
    let established = Box::pin(establish(&endpoint, &settings, patience)).await;
    on_shelf(&state, &endpoint, |shelf| shelf.opening.retain(|other| !Rc::ptr_eq(other, &opening)));
    let tell = |outcome| {
        *opening.outcome.borrow_mut() = Some(outcome);
        opening.opened.notify_waiters();
    };
    match established {
        Ok(Established::Shared(client, driver)) => {
            on_shelf(&state, &endpoint, |shelf| shelf.open.push(client.clone()));
            tell(Ok(Opened::Shared(client)));
            drop(opening);
            driver.await;
        }
        Ok(Established::Single(client)) => {
            pool::give(permit, client);
            tell(Ok(Opened::Single));
        }
        Err(error) => {
            drop(permit);
            tell(Err(error));
        }
    }
}

enum Established {
    Shared(Rc<Client>, Box<Driver>),
    Single(Box<h1::client::Client>),
}

async fn establish(endpoint: &Endpoint, settings: &Settings, patience: Duration) -> Result<Established, Error> {
    let until = Moment::now().plus(patience);
    let stream = open(endpoint, b"", patience, None).await?;
    let agreed = endpoint.agreed_on_h2(&stream).map_err(|why| unspoken(endpoint, &why))?;
    if !agreed {
        return Ok(Established::Single(h1::client::Client::new(stream, Moment::now())));
    }
    match timer::within(until, pin!(Client::open(stream, settings))).await {
        Some(Ok((client, _))) if client.allowed() == 0 => {
            let error =
                Error::because(Kind::UpstreamReset, "allows no requests (SETTINGS_MAX_CONCURRENT_STREAMS is 0)");
            Err(named(error.retry(Retry::NotSent), endpoint))
        }
        Some(Ok((client, driver))) => {
            endpoint.allowed_streams.store(client.allowed(), Ordering::Relaxed);
            Ok(Established::Shared(client, Box::new(driver)))
        }
        Some(Err(error)) => Err(named(error, endpoint)),
        None => Err(late(endpoint, patience, false)),
    }
}

/// There may be room for whoever has waited longest, if that is on this worker.
pub(crate) fn invite(state: &Arc<State>, endpoint: &Arc<Endpoint>) -> bool {
    let is_here = state.queue.waiting() > 0 && state.queue.first_is_here();
    if is_here {
        state.queue.wake_first(Grant::Released(endpoint.clone()));
    }
    is_here
}

/// A seat has come free. Whoever has waited longest gets it; where that is on another worker, to which sockets do not
/// move, a connection is given up for it, one at a time.
fn pass_on(state: &Arc<State>, endpoint: &Arc<Endpoint>) {
    if state.queue.waiting() == 0 || endpoint.is_retired() {
        return;
    }
    if !invite(state, endpoint) && state.queue.waiting() > 0 {
        drop(give_up(state, endpoint));
    }
}

/// Takes a connection out, an idle one if there is one; it ends with the requests that it carries.
fn give_up(state: &Arc<State>, endpoint: &Endpoint) -> Option<Rc<Client>> {
    POOL.with_borrow_mut(|pool| {
        let shelf = shelf_of(pool.get_mut(&key(state))?, endpoint)?;
        if shelf.leaving.strong_count() > 0 {
            return None;
        }
        let idle = shelf.open.iter().position(|client| client.idle_since().is_some());
        let client = shelf.open.swap_remove(idle.or_else(|| shelf.open.len().checked_sub(1))?);
        shelf.leaving = Rc::downgrade(&client);
        Some(client)
    })
}

/// Closes what has been idle too long, has become too old or is wanted elsewhere; ends with the last connection. One
/// that still carries requests ends with them.
async fn keep(state: Arc<State>) {
    loop {
        let tick = timer::sleep_until(Moment::now().plus_millis(SWEEP));
        tokio::select! {
            () = state.queue.wanted.notified() => {}
            () = tick => {}
        }
        let wanted = state.queue.waiting() > 0;
        let closed = POOL.with_borrow_mut(|pool| {
            let shelves = pool.get_mut(&key(&state))?;
            let mut closed = sweep(&state, shelves);
            if wanted && closed.is_empty() {
                closed.extend(oldest_idle(shelves));
            }
            shelves.retain(|shelf| !shelf.open.is_empty() || !shelf.opening.is_empty());
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

fn sweep(state: &State, shelves: &mut [Shelf]) -> Vec<Rc<Client>> {
    let now = Moment::now();
    let (most_idle, most_age) = (state.idle.load(Ordering::Relaxed), state.max_age.load(Ordering::Relaxed));
    let mut closed = Vec::new();
    for shelf in shelves {
        let retired = shelf.endpoint.is_retired();
        closed.extend(shelf.open.extract_if(.., |client| {
            let idle = client.idle_since().map_or(0, |since| now.0.saturating_sub(since.0));
            retired || idle >= most_idle || now.0.saturating_sub(client.opened.0) >= most_age || !client.is_open()
        }));
    }
    closed
}

fn oldest_idle(shelves: &mut [Shelf]) -> Option<Rc<Client>> {
    let since = |shelf: &Shelf| shelf.open.iter().filter_map(|client| client.idle_since()).min();
    let shelf = shelves.iter_mut().filter(|shelf| since(shelf).is_some()).min_by_key(|shelf| since(shelf))?;
    let oldest = since(shelf);
    let index = shelf.open.iter().position(|client| client.idle_since() == oldest)?;
    Some(shelf.open.swap_remove(index))
}

#[cfg(test)]
#[path = "multiplexed_tests.rs"]
mod tests;
