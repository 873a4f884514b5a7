//! Accepting clients by QUIC, and turning them away where there are too many or nobody knows whether they are there.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{Error, Kind, Moment, Secured, Version};
use glorieta_net::listen::Bind;
use glorieta_net::quic::{self, Connecting, Connection, ConnectionError, Datagrams, Endpoint, Incoming};
use glorieta_net::timer;
use glorieta_net::tls::QuicCredentials;

use super::accept::may_enter;
use super::connection::{Open, serve_http3};
use super::ended::{Ended, write_down};
use super::secure::patiently;
use super::{Entrance, LOOK, View, Worker};
use crate::metrics::Handshake;

/// With so many handshakes under way on a worker, clients first have to prove that they are where they say
/// (RFC 9000 §8.1.2): a flood from forged addresses keeps nothing here.
const PROVEN_FROM: u32 = 64;
/// With so many, clients are not even answered.
const MOST_HANDSHAKES: u32 = 2048;

/// Begins to accept at one address by QUIC.
pub fn listen(worker: &Rc<Worker>, bind: Bind, datagrams: Arc<Datagrams>) {
    let snapshot = worker.shared.snapshot.load_full();
    let Some(listener) = snapshot.listener_at(&bind) else { return };
    let (Some(transport), Some(terminator)) = (&listener.quic, &listener.tls) else { return };
    if let Some(entrance) = worker.return_to(&datagrams.group, listener) {
        worker.quic_entrances.borrow_mut().insert(bind, entrance);
        return;
    }
    let opened = terminator.quic().and_then(|credentials| {
        let config = quic::server_config(&credentials, transport);
        quic::endpoint(&datagrams, worker.index, config).map_err(|error| error.to_string())
    });
    let endpoint = match opened {
        Ok(endpoint) => endpoint,
        Err(error) => return crate::engine::say(&format!("listener {}: {} (UDP): {error}", listener.id, bind.address)),
    };
    datagrams.group.works(worker.index);
    let entrance = Rc::new(Entrance::for_quic(listener, &datagrams.group));
    worker.quic_entrances.borrow_mut().insert(bind, entrance.clone());
    tokio::task::spawn_local(accept_until_left(worker.clone(), entrance, endpoint, datagrams));
}

/// Once the listener is gone the endpoint lives on until the last connection of all workers has ended, and new clients
/// are told not to wait. If it is back by then, it goes on as if it had never been away.
async fn accept_until_left(worker: Rc<Worker>, entrance: Rc<Entrance>, endpoint: Endpoint, datagrams: Arc<Datagrams>) {
    let handshakes = Rc::new(Cell::new(0));
    let mut idle = false;
    while !(idle && entrance.closing.get() && datagrams.group.rests(worker.index)) {
        tokio::select! {
            biased;
            () = entrance.stop.notified() => idle = false,
            // Other workers may still have connections.
            () = timer::sleep_until(Moment::now().plus(LOOK)), if idle => {}
            () = endpoint.wait_idle(), if !idle && entrance.closing.get() => idle = true,
            incoming = endpoint.accept() => match incoming {
                Some(incoming) if entrance.closing.get() => incoming.refuse(),
                Some(incoming) => admit(&worker, &entrance, incoming, &handshakes),
                None => {
                    let view = entrance.view();
                    crate::engine::say(&format!("listener {}: its UDP socket has failed", view.listener.id));
                    break;
                }
            },
        }
    }
    entrance.end();
}

/// Starts a client's handshake, unless there are too many.
fn admit(worker: &Rc<Worker>, entrance: &Rc<Entrance>, incoming: Incoming, handshakes: &Rc<Cell<u32>>) {
    worker.refresh();
    let view = entrance.view();
    let listener = &view.listener;
    // Where HTTP/3 has been switched off, the socket stays for as long as the address does.
    let (Some(transport), Some(terminator)) = (&listener.quic, &listener.tls) else { return incoming.refuse() };
    // Who is to say first for whom it speaks cannot do so here.
    let peer = Some(incoming.remote_address());
    if listener.announced.as_ref().is_some_and(|announced| announced.required || announced.includes(peer)) {
        return incoming.refuse();
    }
    // Anybody can write any sender: what a client may have is not to be used up by others in its name.
    let is_counted = listener.per_client.is_some() || listener.rate.is_some();
    if (is_counted || handshakes.get() >= PROVEN_FROM) && !incoming.remote_address_validated() {
        // It can always be asked of those who have not proved it.
        if let Err(error) = incoming.retry() {
            error.into_incoming().ignore();
        }
        return;
    }
    if handshakes.get() >= MOST_HANDSHAKES {
        listener.series.rejected(worker.index, Kind::TooManyConnections);
        return incoming.ignore();
    }
    listener.series.accepted(worker.index);
    let mut open = Open::new(worker, entrance, listener);
    let (key, address) = (open.key, incoming.remote_address());
    if let Err(kind) = may_enter(&mut open, listener, Some(address)) {
        listener.series.rejected(worker.index, kind);
        return incoming.refuse();
    }
    let accepted = terminator.quic().map_err(|error| Error::new(Kind::Internal).with_detail(error));
    let accepted = accepted.and_then(|credentials| {
        let config = Arc::new(quic::server_config(&credentials, transport));
        let connecting = incoming.accept_with(config).map_err(|error| failed(&error))?;
        Ok(Greeted { connecting, credentials, address, counted: Counted::new(handshakes) })
    });
    match accepted {
        Ok(greeted) => {
            let task = tokio::task::spawn_local(serve(open, view.clone(), greeted));
            if let Some(guest) = entrance.connections.borrow_mut().get_mut(key) {
                guest.task = Some(task.abort_handle());
            }
        }
        Err(error) => give_up(&open, &view, address, Moment::now(), &error),
    }
}

/// A client whose handshake has begun.
struct Greeted {
    connecting: Connecting,
    credentials: QuicCredentials,
    /// Where it has been since its handshake: what comes from elsewhere later is followed, but nobody is believed to be
    /// there, so that no address can be claimed by a packet alone.
    address: SocketAddr,
    counted: Counted,
}

/// Counts a handshake while it is under way.
struct Counted(Rc<Cell<u32>>);

impl Counted {
    fn new(handshakes: &Rc<Cell<u32>>) -> Counted {
        handshakes.set(handshakes.get() + 1);
        Counted(handshakes.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Serves a client to its end. What is needed for the handshake alone is boxed and gone when the connection waits.
fn serve(open: Open, view: Rc<View>, greeted: Greeted) -> impl Future<Output = ()> {
    let shaking = Box::pin(shake_hands(open, view, greeted));
    async move {
        let Some((open, connection, address, secured)) = shaking.await else { return };
        serve_http3(open, connection, address, Rc::new(secured)).await;
    }
}

async fn shake_hands(open: Open, view: Rc<View>, greeted: Greeted) -> Option<(Open, Connection, SocketAddr, Secured)> {
    let started = Moment::now();
    let Greeted { connecting, credentials, address, counted } = greeted;
    let until = started.plus(view.listener.handshake);
    let shaken = patiently(&open, until, pin!(connecting)).await;
    drop(counted);
    let error = match shaken {
        Some(Ok(connection)) => match credentials.shown(&connection) {
            Ok(shown) => {
                // Whether an earlier session was taken up again is not to be learned from QUIC.
                view.listener.series.shook_hands(open.worker.index, Handshake::Full);
                let secured = Secured {
                    server_name: shown.server_name,
                    version: "1.3",
                    agreed: Some(Version::Http3),
                    certificate: shown.certificate,
                    names: shown.names,
                };
                return Some((open, connection, address, secured));
            }
            Err(reason) => Error::new(Kind::HandshakeFailed).with_detail(reason),
        },
        Some(Err(error)) => failed(&error),
        None => Error::new(Kind::HandshakeTimeout),
    };
    view.listener.series.shook_hands(open.worker.index, Handshake::Failed);
    give_up(&open, &view, address, started, &error);
    None
}

/// What a handshake that failed is called.
fn failed(error: &ConnectionError) -> Error {
    match error {
        ConnectionError::Reset | ConnectionError::TimedOut | ConnectionError::LocallyClosed => {
            Error::because(Kind::ClientGone, "in the handshake")
        }
        other => Error::new(Kind::HandshakeFailed).with_detail(other.to_string()),
    }
}

fn give_up(open: &Open, view: &View, address: SocketAddr, since: Moment, error: &Error) {
    let connection = Ended { protocol: "quic", address: Some(address), since, tls: "" };
    write_down(&open.worker, &view.listener, &connection, error);
}
