//! The socket at which clients' datagrams arrive on this worker, and who has a session here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{Error, Kind, Moment, Peer};
use glorieta_net::datagram::{Datagram, Entry, Group};
use glorieta_net::timer;
use tokio::sync::Notify;

use super::session::Session;
use crate::snapshot::Duty;
use crate::worker::accept::may_enter;
use crate::worker::connection::Open;
use crate::worker::{Entrance, LOOK, Worker};

/// How long to wait before receiving again when that has failed, in milliseconds.
const PAUSE: u64 = 50;

/// A client's address, and the one that it sends to where the socket has several.
pub type Pair = (SocketAddr, Option<IpAddr>);

pub struct Hall {
    pub worker: Rc<Worker>,
    pub entrance: Rc<Entrance>,
    pub entry: Entry,
    group: Arc<Group>,
    /// With a seed that nobody outside knows: clients choose their addresses.
    sessions: RefCell<HashMap<Pair, Rc<Session>>>,
    /// The last session has ended.
    emptied: Notify,
}

/// Begins to take datagrams at this worker's socket of a group.
pub fn listen(worker: &Rc<Worker>, entrance: &Rc<Entrance>, group: Arc<Group>) -> io::Result<()> {
    let hall = Rc::new(Hall {
        worker: worker.clone(),
        entrance: entrance.clone(),
        entry: Entry::new(group.socket(worker.index)?)?,
        group,
        sessions: RefCell::default(),
        emptied: Notify::new(),
    });
    hall.group.works(worker.index);
    tokio::task::spawn_local(receive_until_left(hall));
    Ok(())
}

/// Once the listener is gone it goes on for the sessions that there are, and ends with the last of all workers'. If it
/// is back by then, it goes on as if it had never been away.
async fn receive_until_left(hall: Rc<Hall>) {
    while !(hall.is_empty() && hall.group.rests(hall.worker.index)) {
        let received = tokio::select! {
            biased;
            () = hall.entrance.stop.notified() => Ok(()),
            () = hall.emptied.notified() => Ok(()),
            // Other workers may still have sessions.
            () = timer::sleep_until(Moment::now().plus(LOOK)), if hall.is_empty() => Ok(()),
            received = poll_fn(|cx| hall.entry.poll_receive(cx, |datagram| hall.take(datagram))) => received,
        };
        if let Err(error) = received {
            let id = hall.entrance.view().listener.id.clone();
            crate::engine::say_sometimes(&format!("listener {id}: cannot receive: {error}"));
            timer::sleep_until(Moment::now().plus_millis(PAUSE)).await;
        }
    }
    hall.entrance.end();
}

impl Hall {
    /// Nobody is here any more, and nobody comes.
    fn is_empty(&self) -> bool {
        self.entrance.is_closing() && self.sessions.borrow().is_empty()
    }

    fn take(self: &Rc<Hall>, datagram: Datagram<'_>) {
        let pair = (datagram.client, datagram.server);
        let known = self.sessions.borrow().get(&pair).cloned();
        match known {
            Some(session) => session.pass(datagram.bytes),
            None => self.admit(pair, datagram.bytes),
        }
    }

    /// Begins a session with a client's first datagram, unless it may not have one. Then nothing is answered and nothing
    /// written down, only counted: addresses are easily forged.
    fn admit(self: &Rc<Hall>, pair: Pair, first: &[u8]) {
        self.worker.refresh();
        let view = self.entrance.view();
        let listener = &view.listener;
        let Duty::Udp(route) = &listener.duty else { return };
        let refused = |kind: Kind| listener.series.rejected(self.worker.index, kind);
        if self.entrance.is_closing() {
            return refused(Kind::Draining);
        }
        let key = match route.target.admit(&Peer::at(Some(pair.0)), &listener.id, None) {
            Ok(key) => key,
            Err(Error { kind, .. }) => return refused(kind),
        };
        listener.series.accepted(self.worker.index);
        let mut open = Open::new(&self.worker, &self.entrance, listener);
        if let Err(kind) = may_enter(&mut open, listener, Some(pair.0)) {
            return refused(kind);
        }
        Session::begin(self, open, view.clone(), route.clone(), pair, key, first);
    }

    pub fn enter(&self, pair: Pair, session: Rc<Session>) {
        self.sessions.borrow_mut().insert(pair, session);
    }

    pub fn leave(&self, pair: &Pair) {
        // The session is let go outside of the borrow.
        let gone = self.sessions.borrow_mut().remove(pair);
        drop(gone);
        if self.is_empty() {
            self.emptied.notify_one();
        }
    }
}
