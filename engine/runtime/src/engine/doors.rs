//! The sockets by which clients come in: of TCP and Unix, and beside them those of UDP where HTTP/3 is spoken.

use std::io::ErrorKind;
use std::sync::{Arc, Weak};

use glorieta_net::datagram::Group;
use glorieta_net::listen::{self, Bind, ListenError, Opened, Socket, Transport};
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
    pub datagrams: Vec<(Bind, Arc<Datagrams>)>,
}

/// Sockets at which datagrams arrive, for as long as anything is under way there: a listener that is removed and comes
/// back takes them over, since nobody can open others beside them.
#[derive(Default)]
pub(super) struct Groups {
    udp: Vec<(Bind, BoundAddress, Weak<Group>)>,
    quic: Vec<(BoundAddress, Weak<Datagrams>)>,
}

impl Groups {
    /// Remembers what has been opened, if it is UDP.
    pub fn keep_udp(&mut self, bind: &Bind, opened: &Opened) {
        self.udp.retain(|(known, _, group)| known != bind && group.strong_count() > 0);
        if let Some(Socket::Udp(group)) = opened.sockets.first() {
            self.udp.push((bind.clone(), opened.address.clone(), Arc::downgrade(group)));
        }
    }

    pub fn keep_quic(&mut self, address: &BoundAddress, datagrams: &Arc<Datagrams>) {
        self.quic.retain(|(known, datagrams)| known != address && datagrams.strong_count() > 0);
        self.quic.push((address.clone(), Arc::downgrade(datagrams)));
    }

    fn udp(&self, bind: &Bind) -> Option<Opened> {
        let is_udp = bind.transport == Transport::Datagram;
        let same = |known: &Bind, address: &BoundAddress| known == bind || address.to_string() == bind.address;
        let (_, address, group) = self.udp.iter().find(|(known, address, _)| is_udp && same(known, address))?;
        Some(Opened::of_group(address.clone(), &group.upgrade()?))
    }

    fn quic(&self, address: &BoundAddress) -> Option<Arc<Datagrams>> {
        self.quic.iter().find(|(known, _)| known == address).and_then(|(_, datagrams)| datagrams.upgrade())
    }
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
        let again = state.groups.udp(&bind).map(Ok);
        match again.unwrap_or_else(|| listen::open(&bind.address, bind.transport, workers, activation)) {
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
        let Some(address) = doors.address(&bind).or_else(|| state.address(&bind)) else { continue };
        let again = state.groups.quic(address).map(Ok);
        match again.unwrap_or_else(|| quic::open(address, workers).map(Arc::new)) {
            Ok(datagrams) => doors.datagrams.push((bind, datagrams)),
            Err(error) => failures.push(Failure::new(listener, &bind, error)),
        }
    }
    failures
}

impl Doors {
    /// Where a `bind` has just been opened.
    fn address(&self, bind: &Bind) -> Option<&BoundAddress> {
        self.sockets.iter().find(|(own, _)| own == bind).map(|(_, opened)| &opened.address)
    }
}

impl State {
    /// Where a `bind` is open.
    pub(super) fn address(&self, bind: &Bind) -> Option<&BoundAddress> {
        self.addresses.iter().find(|(known, _)| known == bind).map(|(_, address)| address)
    }
}
