//! A connection at layer 4: one upstream, bytes in both directions, one line in the log at the end.

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Peer, RequestId};
use glorieta_net::{End, Stream, TunnelOptions, TunnelReport, tunnel};
use glorieta_upstream::{CallContext, Host, Progress, Timeouts, connect};

use super::View;
use super::connection::Open;
use crate::log::Entry;
use crate::metrics::Direction;
use crate::snapshot::{Duty, TcpRoute};

/// Endpoints that are tried after the first has refused.
const RETRIES: u32 = 2;

/// Serves a connection at layer 4 to its end.
pub async fn serve_tcp(open: Open, view: Rc<View>, stream: Stream, address: Option<SocketAddr>) {
    let Duty::Tcp(route) = &view.listener.duty else { return };
    let worker = open.worker.clone();
    worker.begin_request();
    let mut story =
        Story { open, view: view.clone(), address, started: Moment::now(), progress: Progress::default(), end: None };
    story.end = Some(carry(&story, route, stream).await);
}

/// What is written down of a connection, also when it is cut.
struct Story {
    open: Open,
    view: Rc<View>,
    address: Option<SocketAddr>,
    started: Moment,
    progress: Progress,
    end: Option<Result<TunnelReport, Error>>,
}

async fn carry(story: &Story, route: &TcpRoute, client: Stream) -> Result<TunnelReport, Error> {
    let key = route.admit(Peer::at(story.address).client)?;
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
    let connected = match connect(&route.upstream, &context).await {
        Ok(connected) => connected,
        Err(error) => {
            // A client that is let go without a word takes it for an answer of nothing.
            client.reset_on_close();
            return Err(error);
        }
    };
    let options = TunnelOptions { idle: route.idle };
    Ok(tunnel(client, connected.stream, Bytes::new(), Bytes::new(), options).await)
}

impl Story {
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
        if let Duty::Tcp(route) = &listener.duty
            && log.enabled()
        {
            let endpoint = self.progress.endpoint.borrow();
            log.record(&Entry {
                time_unix_ns: worker.unix_nanoseconds(self.started),
                duration_ns: Moment::now().since(self.started).as_nanos() as u64,
                id: RequestId::random(fastrand::u128(..)).as_str(),
                listener: &listener.id,
                route: &route.route,
                client: Peer::at(self.address).client,
                client_port: self.address.map_or(0, |address| address.port()),
                protocol: "tcp",
                reason: error.as_ref().map(|error| error.kind.reason()),
                detail: error.as_ref().map_or("", |error| error.detail()),
                upstream: &route.upstream.id,
                endpoint: endpoint.as_ref().map_or("", |endpoint| &endpoint.name),
                tries: self.progress.tries.get(),
                bytes_in,
                bytes_out,
                ..Entry::default()
            });
            drop(log);
            worker.log_soon();
        }
        worker.end_request();
    }
}
