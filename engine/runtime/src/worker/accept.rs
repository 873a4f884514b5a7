//! Accepting connections, and turning them away where there are too many.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use glorieta_core::{Kind, Moment};
use glorieta_net::listen::{self, Accepted, Socket};
use glorieta_net::{Acceptor, Stream, timer};

use super::connection::{Open, serve_http};
use super::secure::{serve_passthrough, serve_secured};
use super::tcp::serve_tcp;
use super::{Entrance, Worker};
use crate::snapshot::Duty;

/// How long to wait before accepting again when descriptors have run out, in milliseconds.
const PAUSE: u64 = 50;
/// To a client that is turned away: small, and sent without waiting.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";

/// Begins to accept at one address.
pub fn listen(worker: &Rc<Worker>, bind: String, socket: Socket) {
    let snapshot = worker.shared.snapshot.load_full();
    let Some(listener) = snapshot.listener_at(&bind) else { return };
    let port = socket.port();
    let acceptor = match Acceptor::new(socket) {
        Ok(acceptor) => acceptor,
        Err(error) => return crate::engine::say(&format!("listener {}: {bind}: {error}", listener.id)),
    };
    let entrance = Rc::new(Entrance::new(listener, port));
    worker.entrances.borrow_mut().insert(bind, entrance.clone());
    tokio::task::spawn_local(accept_until_stopped(worker.clone(), entrance, acceptor));
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
    let open = Open::new(worker, entrance, listener);
    let key = open.key;
    if listener.state.connections.load(Ordering::Relaxed) > listener.connections {
        listener.series.rejected(worker.index, Kind::TooManyConnections);
        if matches!(listener.duty, Duty::Http { .. }) && listener.tls.is_none() {
            turn_away(&stream);
        }
        return;
    }
    let task = match &listener.duty {
        Duty::Http { .. } | Duty::Tcp(_) if listener.tls.is_some() => {
            tokio::task::spawn_local(serve_secured(open, view.clone(), stream, address))
        }
        Duty::Http { .. } => tokio::task::spawn_local(serve_http(open, stream, address, None)),
        Duty::Tcp(route) => {
            tokio::task::spawn_local(serve_tcp(open, view.clone(), route.clone(), stream, address, None))
        }
        Duty::Passthrough(_) => tokio::task::spawn_local(serve_passthrough(open, view.clone(), stream, address)),
    };
    if let Some(guest) = entrance.connections.borrow_mut().get_mut(key) {
        guest.task = Some(task.abort_handle());
    }
}

fn turn_away(stream: &Stream) {
    // Whether it arrives is the kernel's affair: nobody waits for a client that is one too many.
    let _ = match stream {
        Stream::Tcp(stream) => stream.try_write(TOO_MANY),
        Stream::Unix(stream) => stream.try_write(TOO_MANY),
        // Nothing has been agreed on that could be said.
        Stream::Tls(_) => return,
    };
}
