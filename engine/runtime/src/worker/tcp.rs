//! A connection at layer 4: one upstream, bytes in both directions, one line in the log at the end.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Peer, RequestId, Secured};
use glorieta_net::proxy_protocol::{Announcement, Tls, announce};
use glorieta_net::{End, Stream, TunnelOptions, TunnelReport, tunnel};
use glorieta_policy::Word;
use glorieta_upstream::{CallContext, Host, Progress, Timeouts, connect};

use super::View;
use super::connection::Open;
use crate::log::Entry;
use crate::metrics::Direction;
use crate::snapshot::TcpRoute;

/// Endpoints that are tried after the first has refused.
const RETRIES: u32 = 2;

/// What TLS has shown of a connection at layer 4, here or to the proxy in front.
#[derive(Default)]
pub struct Greeting {
    /// Of what is passed through only the name asked for is known.
    pub secured: Secured,
    /// What was read of the client before it was known where it goes.
    pub bytes: Bytes,
}

/// Serves a connection at layer 4 to its end.
pub async fn serve_tcp(
    open: Open,
    view: Rc<View>,
    route: Arc<TcpRoute>,
    stream: Stream,
    address: Option<SocketAddr>,
    greeting: Option<Box<Greeting>>,
) {
    let worker = open.worker.clone();
    worker.begin_request();
    let started = Moment::now();
    let id = RequestId::random(fastrand::u128(..));
    let progress = Progress::default();
    let mut story = Story { open, view, route, address, greeting, id, started, progress, end: None };
    let read = story.greeting.as_mut().map(|greeting| std::mem::take(&mut greeting.bytes)).unwrap_or_default();
    story.end = Some(carry(&story, stream, read).await);
}

/// What is written down of a connection, also when it is cut.
struct Story {
    open: Open,
    view: Rc<View>,
    route: Arc<TcpRoute>,
    address: Option<SocketAddr>,
    greeting: Option<Box<Greeting>>,
    id: RequestId,
    started: Moment,
    progress: Progress,
    end: Option<Result<TunnelReport, Error>>,
}

async fn carry(story: &Story, client: Stream, read: Bytes) -> Result<TunnelReport, Error> {
    let route = &story.route;
    let key = route.admit(&Peer::at(story.address), &story.view.listener.id, story.secured())?;
    let none = std::time::Duration::MAX;
    let context = CallContext {
        timeouts: Timeouts { connect: route.connect, first_byte: none, idle: none, tunnel: route.idle },
        deadline: None,
        retries: RETRIES,
        key,
        upgrade: None,
        host: &Host::Preserve,
        wire: None,
        progress: &story.progress,
    };
    let preface = story.preface(&client);
    let connected = match connect(&route.upstream, &context, &preface).await {
        Ok(connected) => connected,
        Err(error) => {
            // A client that is let go without a word takes it for an answer of nothing.
            client.reset_on_close();
            return Err(error);
        }
    };
    let options = TunnelOptions { idle: route.idle };
    Ok(tunnel(client, connected.stream, read, Bytes::new(), options).await)
}

impl Story {
    /// The PROXY header that the upstream wants; empty: none.
    fn preface(&self, client: &Stream) -> Vec<u8> {
        let Some(version) = self.route.upstream.settings.proxy_protocol else { return Vec::new() };
        let server = self.open.server.as_deref().copied().or_else(|| client.local_address());
        let tls = self.secured().filter(|secured| !secured.version.is_empty()).map(|secured| {
            let certificate = secured.certificate.is_some();
            Tls { version: secured.version, certificate, verified: certificate }
        });
        let announcement = Announcement {
            ends: self.address.zip(server),
            authority: self.secured().and_then(|secured| secured.server_name.as_deref()),
            tls,
            unique_id: Some(self.id.as_str()),
        };
        announce(version, &announcement)
    }

    fn secured(&self) -> Option<&Secured> {
        self.greeting.as_ref().map(|greeting| &greeting.secured)
    }

    fn error(&self) -> Option<Error> {
        match &self.end {
            None => Some(Error::because(Kind::Draining, "cut when time was up")),
            Some(Err(error)) => Some(error.clone()),
            Some(Ok(report)) => match report.end {
                End::Closed => None,
                End::Idle => Some(Error::because(Kind::IdleTimeout, "nothing moved")),
                End::ClientError => Some(Error::new(Kind::ClientGone)),
                End::UpstreamError => Some(Error::new(Kind::UpstreamReset)),
            },
        }
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let worker = &self.open.worker;
        let listener = &self.view.listener;
        let error = self.error();
        let (bytes_in, bytes_out) = match &self.end {
            Some(Ok(report)) => (report.bytes_in, report.bytes_out),
            _ => (0, 0),
        };
        listener.series.tunnel_bytes(worker.index, Direction::In, bytes_in);
        listener.series.tunnel_bytes(worker.index, Direction::Out, bytes_out);
        if let Some(Err(error)) = &self.end {
            listener.series.rejected(worker.index, error.kind);
        }
        let mut log = worker.log.borrow_mut();
        if log.enabled() {
            let endpoint = self.progress.endpoint.borrow();
            let (peer, needs) = (Peer::at(self.address), worker.log_needs());
            let read = |(text, word): &'_ (String, Word)| {
                Some((text.clone(), self.route.read_word(word, &peer, &listener.id, self.secured())?))
            };
            let values: Vec<_> = needs.words.iter().filter_map(read).collect();
            let extra: Vec<(&str, &[u8])> =
                values.iter().map(|(text, value)| (text.as_str(), value.as_slice())).collect();
            log.record(&Entry {
                time_unix_ns: worker.unix_nanoseconds(self.started),
                duration_ns: Moment::now().since(self.started).as_nanos() as u64,
                request_id: self.id.as_str(),
                listener: &listener.id,
                route: &self.route.route,
                client: peer.client,
                client_port: self.address.map_or(0, |address| address.port()),
                host: self.secured().and_then(|secured| secured.server_name.as_deref()).unwrap_or_default().as_bytes(),
                protocol: "tcp",
                reason: error.as_ref().map(|error| error.kind.reason()),
                detail: error.as_ref().map_or("", |error| error.detail()),
                upstream: &self.route.upstream.id,
                endpoint: endpoint.as_ref().map_or("", |endpoint| &endpoint.name),
                tries: self.progress.tries.get(),
                bytes_in,
                bytes_out,
                tls: self.secured().map_or("", |secured| secured.version),
                extra: &extra,
                ..Entry::default()
            });
            drop(log);
            worker.log_soon();
        }
        worker.end_request();
    }
}
