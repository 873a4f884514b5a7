//! What is written down of a connection that ended without a request to blame: a handshake that failed, a flood.

use std::net::SocketAddr;

use glorieta_core::{Error, Kind, Moment, Peer, RequestId};

use super::Worker;
use crate::log::Entry;
use crate::snapshot::Listener;

/// A connection, as much as is known of it.
pub struct Ended {
    /// What it spoke, as the log calls it.
    pub protocol: &'static str,
    pub address: Option<SocketAddr>,
    pub since: Moment,
    /// The version of TLS; empty: none that is known.
    pub tls: &'static str,
}

/// Counts a connection that came no further, and says why in the log. One whose client went by itself, as checks of
/// load balancers do, is only counted.
pub fn write_down(worker: &Worker, listener: &Listener, connection: &Ended, error: &Error) {
    listener.series.rejected(worker.index, error.kind);
    let mut log = worker.log.borrow_mut();
    if error.kind == Kind::ClientGone || !log.enabled() {
        return;
    }
    let address = connection.address;
    log.record(&Entry {
        time_unix_ns: worker.unix_nanoseconds(connection.since),
        duration_ns: Moment::now().since(connection.since).as_nanos() as u64,
        request_id: RequestId::random(fastrand::u128(..)).as_str(),
        listener: &listener.id,
        client: Peer::at(address).client,
        client_port: address.map_or(0, |address| address.port()),
        protocol: connection.protocol,
        reason: Some(error.kind.reason()),
        detail: error.detail(),
        tls: connection.tls,
        ..Entry::default()
    });
    drop(log);
    worker.log_soon();
}
