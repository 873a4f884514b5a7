//! A connection that begins with a PROXY header: read within its time, then served as that of the client it names.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;

use glorieta_core::{Error, Kind, Moment, Secured};
use glorieta_net::Stream;
use glorieta_net::proxy_protocol::{Header, NoHeader, Origin, read_header};

use super::View;
use super::accept::turn_away;
use super::connection::{Open, serve_http};
use super::ended::{Ended, write_down};
use super::secure::{patiently, serve_passthrough, serve_secured};
use super::tcp::{Greeting, serve_tcp};
use crate::snapshot::Duty;

/// What the log calls what is spoken before anything else is.
const PROTOCOL: &str = "proxy";

/// Serves a connection of a proxy that is believed, to its end.
///
/// What is needed for the header alone is boxed and gone when the connection waits.
pub fn serve_announced(
    open: Open,
    view: Rc<View>,
    stream: Stream,
    proxy: Option<SocketAddr>,
) -> impl Future<Output = ()> {
    let greeting = Box::pin(greet(open, view, stream, proxy));
    async move {
        if let Some(guest) = greeting.await {
            serve(guest).await;
        }
    }
}

/// A connection once it is known whose it is.
struct Guest {
    open: Open,
    view: Rc<View>,
    stream: Stream,
    client: Option<SocketAddr>,
    secured: Option<Secured>,
}

async fn greet(mut open: Open, view: Rc<View>, mut stream: Stream, proxy: Option<SocketAddr>) -> Option<Guest> {
    let started = Moment::now();
    let header = match read(&open, &view, &mut stream, started).await {
        Ok(header) => header,
        Err(error) => {
            stream.reset_on_close();
            give_up(&open, &view, proxy, started, &error);
            return None;
        }
    };
    let secured = told(&header);
    let client = match header.origin {
        Origin::Peer => proxy,
        Origin::Unix => None,
        Origin::Internet { client, server } => {
            open.server = Some(Box::new(server));
            Some(client)
        }
    };
    if let Err(kind) = open.count_for(client) {
        turn_away(&view, open.worker.index, stream, kind);
        return None;
    }
    Some(Guest { open, view, stream, client, secured })
}

async fn read(open: &Open, view: &View, stream: &mut Stream, started: Moment) -> Result<Header, Error> {
    let until = started.plus(view.listener.handshake);
    match patiently(open, until, pin!(read_header(stream))).await {
        Some(Ok(header)) => Ok(header),
        Some(Err(NoHeader::Gone)) => Err(Error::because(Kind::ClientGone, "before its PROXY header")),
        Some(Err(NoHeader::Malformed(why))) => Err(Error::because(Kind::ProxyMalformed, why.0)),
        None => Err(Error::because(Kind::ProxyTimeout, "no whole PROXY header")),
    }
}

/// What the proxy says of the client's TLS, which ended there.
fn told(header: &Header) -> Option<Secured> {
    let tls = header.tls?;
    Some(Secured { server_name: header.authority.clone(), version: tls.version, ..Secured::default() })
}

/// Goes on as with any other connection of that client.
fn serve(guest: Guest) -> Pin<Box<dyn Future<Output = ()>>> {
    let Guest { open, view, stream, client, secured } = guest;
    match &view.listener.duty {
        Duty::Http { .. } | Duty::Tcp(_) if view.listener.tls.is_some() => {
            Box::pin(serve_secured(open, view, stream, client))
        }
        Duty::Http { .. } => Box::pin(serve_http(open, stream, client, secured.map(Rc::new))),
        Duty::Tcp(route) => {
            let greeting = secured.map(|secured| Box::new(Greeting { secured, ..Greeting::default() }));
            let route = route.clone();
            Box::pin(serve_tcp(open, view, route, stream, client, greeting))
        }
        Duty::Passthrough(_) => Box::pin(serve_passthrough(open, view, stream, client)),
        // No connection is accepted where datagrams arrive.
        Duty::Udp(_) => Box::pin(std::future::ready(())),
    }
}

/// Lets a connection go that comes from nobody who is believed, where others are not served.
pub fn turn_away_unannounced(open: &Open, view: &View, stream: &Stream, address: Option<SocketAddr>) {
    stream.reset_on_close();
    let error = Error::because(Kind::ProxyRefused, "not from an address in proxy_protocol.trusted");
    give_up(open, view, address, Moment::now(), &error);
}

/// Writes down a connection that came no further than its header.
fn give_up(open: &Open, view: &View, address: Option<SocketAddr>, since: Moment, error: &Error) {
    let connection = Ended { protocol: PROTOCOL, address, since, tls: "" };
    write_down(&open.worker, &view.listener, &connection, error);
}
