//! The admin address: whether the engine lives, whether it is ready, its metrics and a view of what it runs.
//!
//! It only shows and never changes anything, so it asks nobody who they are. What it must not do is tell a web page
//! what a browser on this machine can reach: see `guard`.

mod guard;
mod pages;
mod service;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use glorieta_core::Peer;
use glorieta_http::serve_connection;
use glorieta_net::listen::Socket;
use glorieta_net::{Acceptor, Timer};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use service::AdminService;

/// Connections at a time; further ones wait in the kernel.
const MOST_CONNECTIONS: usize = 64;
/// How long to wait before accepting again when descriptors have run out.
const PAUSE: Duration = Duration::from_millis(50);

/// What is shown.
pub trait View: Send + Sync {
    /// Whether requests are served; not while draining, nor before the first handlers are there.
    fn is_ready(&self) -> bool;
    fn plan_version(&self) -> String;
    /// Values of `Host` that are allowed beside addresses and `localhost`.
    fn hosts(&self) -> Vec<String>;
    /// In the format of [`crate::metrics::CONTENT_TYPE`].
    fn metrics(&self) -> String;
    /// Listeners, groups, routes, upstreams and their health.
    fn status(&self) -> String;
}

/// Serves these sockets until it is dropped, on the `LocalRuntime` that runs it and drives its timers.
/// Connections under way outlive it.
pub async fn accept(sockets: Vec<Socket>, view: Arc<dyn View>) {
    let free = Rc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut doors = JoinSet::new();
    for socket in sockets {
        match Acceptor::new(socket) {
            Ok(acceptor) => drop(doors.spawn_local(accept_at(acceptor, view.clone(), free.clone()))),
            Err(error) => {
                crate::engine::say(&format!("admin: {error}; metrics and the JSON view are not served there"))
            }
        }
    }
    while doors.join_next().await.is_some() {}
}

async fn accept_at(acceptor: Acceptor, view: Arc<dyn View>, free: Rc<Semaphore>) {
    loop {
        // Nobody closes it.
        let Ok(place) = free.acquire().await else { return };
        match acceptor.accept().await {
            Ok((stream, address)) => {
                // The task gives it back.
                place.forget();
                let service = AdminService::new(view.clone(), Place(free.clone()));
                tokio::task::spawn_local(serve_connection(stream, Timer::new(), Peer::at(address), service, None));
            }
            // The client has gone again before it was accepted.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            // Out of descriptors or memory: whoever waits goes on waiting in the kernel.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One of the connections that there may be; given back when dropped.
struct Place(Rc<Semaphore>);

impl Place {
    /// Whether all places are taken, or about to be: then others may be waiting for this one.
    fn is_wanted(&self) -> bool {
        self.0.available_permits() == 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

#[cfg(test)]
mod tests;
