//! Accepting connections, and turning them away where there are too many.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use glorieta_core::{Kind, Moment};
use glorieta_net::listen::{self, Accepted, Bind, Socket};
use glorieta_net::{Acceptor, Stream, timer};

use super::announced::{serve_announced, turn_away_unannounced};
use super::connection::{Open, serve_http};
use super::secure::{serve_passthrough, serve_secured};
use super::tcp::serve_tcp;
use super::{Entrance, View, Worker, datagrams};
use crate::snapshot::{Duty, Listener};

/// How long to wait before accepting again when descriptors have run out, in milliseconds.
const PAUSE: u64 = 50;
/// To a client that is turned away: small, and sent without waiting.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
/// The same where the limit is the client's own.
const TOO_MANY_OF_ONE: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";

/// Begins to accept at one address.
pub fn listen(worker: &Rc<Worker>, bind: Bind, socket: Socket) {
    let snapshot = worker.shared.snapshot.load_full();
    let Some(listener) = snapshot.listener_at(&bind) else { return };
    let address = bind.address.clone();
    let entrance = match &socket {
        Socket::Udp(group) => match worker.return_to(group, listener) {
            Some(entrance) => return drop(worker.entrances.borrow_mut().insert(bind, entrance)),
            None => Rc::new(Entrance::of_group(listener, group)),
        },
        connections => Rc::new(Entrance::new(listener, connections.port())),
    };
    let begun = match socket {
        Socket::Udp(group) => datagrams::listen(worker, &entrance, group),
        connections => Acceptor::new(connections).map(|acceptor| {
            tokio::task::spawn_local(accept_until_stopped(worker.clone(), entrance.clone(), acceptor));
        }),
    };
    match begun {
        Ok(()) => drop(worker.entrances.borrow_mut().insert(bind, entrance)),
        Err(error) => crate::engine::say(&format!("listener {}: {address}: {error}", listener.id)),
    }
}

async fn accept_until_stopped(worker: Rc<Worker>, entrance: Rc<Entrance>, acceptor: Acceptor) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = entrance.stop.notified() => break,
            accepted = acceptor.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => admit(&worker, &entrance, stream, address),
            // The client has gone again before it was accepted.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            Err(error) => {
                let view = entrance.view();
                view.listener.series.rejected(worker.index, Kind::TooManyConnections);
                crate::engine::say_sometimes(&format!("listener {}: cannot accept: {error}", view.listener.id));
                timer::sleep_until(Moment::now().plus_millis(PAUSE)).await;
            }
        }
    }
    // Closing a socket resets what waits in its queue: so that is served first.
    let Ok(socket) = acceptor.into_socket() else { return };
    for accepted in listen::accept_all_pending(&socket) {
        let address = if let Accepted::Tcp(_, address) = &accepted { Some(*address) } else { None };
        if let Ok(stream) = Stream::from_accepted(accepted) {
            admit(&worker, &entrance, stream, address);
        }
    }
}

/// Starts a connection's task, unless there are too many.
fn admit(worker: &Rc<Worker>, entrance: &Rc<Entrance>, stream: Stream, address: Option<SocketAddr>) {
    worker.refresh();
    let view = entrance.view();
    let listener = &view.listener;
    listener.series.accepted(worker.index);
    let mut open = Open::new(worker, entrance, listener);
    let key = open.key;
    let announced = listener.announced.as_ref().is_some_and(|announced| announced.includes(address));
    if let Err(kind) = may_enter(&mut open, listener, address.filter(|_| !announced)) {
        return turn_away(&view, worker.index, stream, kind);
    }
    let task = match &listener.duty {
        _ if announced => tokio::task::spawn_local(serve_announced(open, view.clone(), stream, address)),
        _ if listener.announced.as_ref().is_some_and(|announced| announced.required) => {
            return turn_away_unannounced(&open, &view, &stream, address);
        }
        Duty::Http { .. } | Duty::Tcp(_) if listener.tls.is_some() => {
            tokio::task::spawn_local(serve_secured(open, view.clone(), stream, address))
        }
        Duty::Http { .. } => tokio::task::spawn_local(serve_http(open, stream, address, None)),
        Duty::Tcp(route) => {
            tokio::task::spawn_local(serve_tcp(open, view.clone(), route.clone(), stream, address, None))
        }
        Duty::Passthrough(_) => tokio::task::spawn_local(serve_passthrough(open, view.clone(), stream, address)),
        // No connection is accepted where datagrams arrive.
        Duty::Udp(_) => return,
    };
    if let Some(guest) = entrance.connections.borrow_mut().get_mut(key) {
        guest.task = Some(task.abort_handle());
    }
}

/// Whether there is room for one more connection. `client`: whose it is, where that is known yet. A client that is
/// refused for itself takes no part of what all may have.
pub fn may_enter(open: &mut Open, listener: &Listener, client: Option<SocketAddr>) -> Result<(), Kind> {
    if listener.state.connections.load(Ordering::Relaxed) > listener.connections {
        return Err(Kind::TooManyConnections);
    }
    open.count_for(client)?;
    match listener.rate {
        Some(rate) if !listener.state.arrivals.admit(rate, Moment::now()) => Err(Kind::ConnectionRate),
        _ => Ok(()),
    }
}

/// Lets a connection go that is one too many; a client that can understand it is told.
pub fn turn_away(view: &View, worker: usize, stream: Stream, kind: Kind) {
    let listener = &view.listener;
    listener.series.rejected(worker, kind);
    let words = if kind.status() == 429 { TOO_MANY_OF_ONE } else { TOO_MANY };
    // Whether it arrives is the kernel's affair: nobody waits for a client that is one too many.
    match &stream {
        Stream::Tcp(plain) if listener.speaks_plain_http() => drop(plain.try_write(words)),
        Stream::Unix(plain) if listener.speaks_plain_http() => drop(plain.try_write(words)),
        // Nothing has been agreed on that could be said.
        _ => stream.reset_on_close(),
    }
}
