//! The sockets by which clients come in: of TCP and Unix, and beside them those of UDP where HTTP/3 is spoken.

use std::io::ErrorKind;

use glorieta_net::listen::{self, Bind, ListenError};
use glorieta_net::quic::{self, Datagrams};
use glorieta_net::{Activation, BoundAddress};

use super::State;
use crate::snapshot::{Listener, Problem, Snapshot};

/// How often another port is tried where any will do, and the same one of UDP is taken.
const TRIES: usize = 8;

/// What was opened, and is not served yet; each by its `bind` as it was written.
#[derive(Default)]
pub struct Doors {
    pub sockets: Vec<(Bind, listen::Opened)>,
    pub datagrams: Vec<(Bind, Vec<Datagrams>)>,
}

/// Opens what the snapshot binds and is not open yet; nothing stays open if anything fails.
///
/// # Errors
/// Everything that cannot be listened at.
pub(super) fn open(
    snapshot: &Snapshot,
    state: &State,
    workers: usize,
    activation: &Activation,
) -> Result<Doors, Vec<Problem>> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut doors = Doors::default();
        let mut failures = open_sockets(&mut doors, snapshot, state, workers, activation);
        if failures.is_empty() {
            failures = open_datagrams(&mut doors, snapshot, state, workers);
        }
        if failures.is_empty() {
            return Ok(doors);
        }
        for (_, socket) in doors.sockets {
            socket.address.remove_file();
        }
        if tries == TRIES || !failures.iter().all(Failure::may_pass) {
            return Err(failures.into_iter().map(Failure::problem).collect());
        }
    }
}

struct Failure {
    listener: String,
    bind: String,
    error: ListenError,
}

impl Failure {
    fn new(listener: &Listener, bind: &Bind, error: ListenError) -> Failure {
        Failure { listener: listener.id.to_string(), bind: bind.address.clone(), error }
    }

    /// Whether another port may be had, which nobody has.
    fn may_pass(&self) -> bool {
        self.bind.ends_with(":0") && self.error.kind == ErrorKind::AddrInUse
    }

    fn problem(self) -> Problem {
        Problem::at(format!("listeners.{}.bind", self.listener), self.error.to_string())
    }
}

/// Every address of every listener.
fn binds(snapshot: &Snapshot) -> impl Iterator<Item = (&Listener, Bind)> {
    snapshot.listeners.iter().flat_map(|listener| listener.binds().map(move |bind| (&**listener, bind)))
}

fn open_sockets(
    doors: &mut Doors,
    snapshot: &Snapshot,
    state: &State,
    workers: usize,
    activation: &Activation,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (listener, bind) in binds(snapshot) {
        if state.address(&bind).is_some() {
            continue;
        }
        match listen::open(&bind.address, bind.transport, workers, activation) {
            Ok(opened) => doors.sockets.push((bind, opened)),
            Err(error) => failures.push(Failure::new(listener, &bind, error)),
        }
    }
    failures
}

fn open_datagrams(doors: &mut Doors, snapshot: &Snapshot, state: &State, workers: usize) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (listener, bind) in binds(snapshot).filter(|(listener, _)| listener.quic.is_some()) {
        if state.datagrams.contains(&bind) {
            continue;
        }
        let opened = doors.sockets.iter().find(|(own, _)| *own == bind).map(|(_, opened)| &opened.address);
        let Some(address) = opened.or_else(|| state.address(&bind)) else { continue };
        match quic::open(address, workers) {
            Ok(datagrams) => doors.datagrams.push((bind, datagrams)),
            Err(error) => failures.push(Failure::new(listener, &bind, error)),
        }
    }
    failures
}

impl State {
    /// Where a `bind` is open.
    pub(super) fn address(&self, bind: &Bind) -> Option<&BoundAddress> {
        self.addresses.iter().find(|(known, _)| known == bind).map(|(_, address)| address)
    }
}
