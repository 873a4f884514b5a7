//! An open connection: counted while it lives, and what its requests are answered by.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_core::{Error, Exchange, Kind, Moment, Peer, RequestHead, Response, Scheme, Secured, Version};
use glorieta_http::{Reply, Service, Settings, h3, serve_connection};
use glorieta_net::quic::Connection;
use glorieta_net::{Stream, Timer};
use glorieta_policy::limit::{Client, Entered, Refusal};

use super::Worker;
use super::ended::{Ended, write_down};
use super::entrance::{Entrance, Guest};
use crate::serve::{self, PeerText, RequestRecord};
use crate::snapshot::Listener;

/// Counts a connection for as long as it is open.
pub struct Open {
    pub worker: Rc<Worker>,
    pub entrance: Rc<Entrance>,
    listener: Arc<Listener>,
    /// Its place among its entrance's connections.
    pub key: usize,
    /// For whom it is counted; `None`: for nobody.
    client: Option<Client>,
    /// Where the client connected to, as a PROXY header says; `None`: to the socket.
    pub server: Option<Box<SocketAddr>>,
}

impl Open {
    pub fn new(worker: &Rc<Worker>, entrance: &Rc<Entrance>, listener: &Arc<Listener>) -> Open {
        listener.state.connections.fetch_add(1, Ordering::Relaxed);
        worker.load().connections.fetch_add(1, Ordering::Relaxed);
        let key = entrance.connections.borrow_mut().insert(Guest::default());
        let listener = listener.without_routes.as_ref().unwrap_or(listener).clone();
        Open { worker: worker.clone(), entrance: entrance.clone(), listener, key, client: None, server: None }
    }
}

impl Open {
    /// Counts it for its client, where clients are counted.
    ///
    /// # Errors
    /// `too_many_connections_per_client`, `connection_rate_per_client`.
    pub fn count_for(&mut self, address: Option<SocketAddr>) -> Result<(), Kind> {
        let (Some(may), Some(address)) = (self.listener.per_client, address) else { return Ok(()) };
        let client = Client::of(address.ip());
        let clients = self.listener.state.clients.get_or_init(Box::default);
        match clients.enter(client, may, Moment::now()) {
            Ok(Entered::Counted) => self.client = Some(client),
            Ok(Entered::Uncounted) => {}
            Err(Refusal::Connections) => return Err(Kind::TooManyPerClient),
            Err(Refusal::Rate) => return Err(Kind::ConnectionRatePerClient),
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let (Some(client), Some(clients)) = (self.client, self.listener.state.clients.get()) {
            clients.leave(client, Moment::now());
        }
        // The task's handle is let go outside of the borrow.
        let guest = self.entrance.connections.borrow_mut().try_remove(self.key);
        drop(guest);
        self.listener.state.connections.fetch_sub(1, Ordering::Relaxed);
        self.listener.series.closed(self.worker.index);
        self.worker.load().connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves an HTTP connection to its end; `secured`: what TLS has shown of it, here or to the proxy in front.
pub fn serve_http(
    open: Open,
    stream: Stream,
    address: Option<SocketAddr>,
    secured: Option<Rc<Secured>>,
) -> impl Future<Output = ()> {
    let agreed = secured.as_ref().and_then(|secured| secured.agreed);
    let (timer, peer, service) = begin(open, address, secured);
    serve_connection(stream, timer, peer, service, agreed)
}

/// The same by QUIC.
pub fn serve_http3(
    open: Open,
    connection: Connection,
    address: SocketAddr,
    secured: Rc<Secured>,
) -> impl Future<Output = ()> {
    let (timer, peer, service) = begin(open, Some(address), Some(secured));
    h3::server::serve(connection, timer, peer, Rc::new(service))
}

fn begin(open: Open, address: Option<SocketAddr>, secured: Option<Rc<Secured>>) -> (Timer, Peer, HttpService) {
    let timer = Timer::new();
    if let Some(guest) = open.entrance.connections.borrow_mut().get_mut(open.key) {
        guest.alarm = Some(timer.alarm());
    }
    let mut peer = Peer::at(address);
    if secured.is_some() {
        peer.scheme = Scheme::Https;
    }
    let service = HttpService { open, peer_text: PeerText::new(&peer), secured };
    (timer, peer, service)
}

struct HttpService {
    open: Open,
    peer_text: PeerText,
    secured: Option<Rc<Secured>>,
}

impl HttpService {
    fn entrance(&self) -> &Entrance {
        &self.open.entrance
    }
}

impl Service for HttpService {
    type Record = Box<RequestRecord>;

    fn settings(&self) -> Rc<Settings> {
        self.open.worker.refresh();
        self.entrance().view.borrow().settings.clone()
    }

    fn serve(&self, exchange: Exchange) -> impl Future<Output = Reply<Box<RequestRecord>>> {
        serve::serve(&self.open.worker, self.entrance().view(), &self.peer_text, self.secured.clone(), exchange)
    }

    fn refuse(&self, peer: &Peer, head: RequestHead, started: Moment, error: Error) -> (Response, Box<RequestRecord>) {
        let wire = Rc::new(NoWire);
        let (worker, secured) = (self.open.worker.clone(), self.secured.clone());
        let mut record = RequestRecord::begin(worker, self.entrance().view(), head, *peer, secured, started, wire);
        record.failed(&error);
        let mut response = serve::error_answer(&error, &record.request);
        serve::go_back_from_error(&mut record.request, &mut response);
        (response, record)
    }

    fn broken(&self, peer: &Peer, since: Moment, error: &Error) {
        let tls = self.secured.as_ref().map_or("", |secured| secured.version);
        let agreed = self.secured.as_ref().and_then(|secured| secured.agreed);
        let protocol = agreed.unwrap_or(Version::Http2).text();
        let connection = Ended { protocol, address: peer.address, since, tls };
        write_down(&self.open.worker, &self.entrance().view.borrow().listener, &connection, error);
    }

    fn is_closing(&self) -> bool {
        self.entrance().is_closing()
    }

    fn date(&self) -> [u8; 29] {
        self.open.worker.date()
    }

    fn became_idle(&self) {
        self.entrance().view.borrow().listener.series.became_idle(self.open.worker.index);
    }

    fn ceased_idle(&self) {
        self.entrance().view.borrow().listener.series.ceased_idle(self.open.worker.index);
    }
}

/// Of a request that could not be read: nothing can be asked of its connection.
struct NoWire;

impl glorieta_core::Wire for NoWire {
    fn interim(&self, _: &glorieta_core::ResponseHead) {}

    fn bytes_in(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::View;
    use crate::worker::announced::serve_announced;
    use crate::worker::secure::serve_secured;

    type Secure = Option<Rc<Secured>>;

    fn size_of_future<F: Future>(_: fn(Open, Stream, Option<SocketAddr>, Secure) -> F) -> usize {
        size_of::<F>()
    }

    fn size_of_secured<F: Future>(_: fn(Open, Rc<View>, Stream, Option<SocketAddr>) -> F) -> usize {
        size_of::<F>()
    }

    /// What a connection costs while it waits; a request's state is boxed and gone by then.
    #[test]
    fn an_idle_connection_is_small() {
        let size = size_of_future(serve_http);
        assert!(size <= 400, "an idle connection's future takes {size} bytes");
        let size = size_of_secured(serve_secured);
        assert!(size <= 400, "an idle encrypted connection's future takes {size} bytes");
        let size = size_of_secured(serve_announced);
        assert!(size <= 400, "an idle announced connection's future takes {size} bytes");
    }
}
