//! What answers QUIC at one worker.

use std::io;
use std::sync::Arc;

use quinn::{Endpoint, EndpointConfig, Runtime, ServerConfig, TokioRuntime, TransportConfig};

use super::ids::Ids;
use super::keys::keys;
use super::open::Datagrams;
use super::socket::SharedSocket;
use crate::tls::QuicCredentials;

/// QUIC version 1 (RFC 9000); whoever asks for another is told so.
const VERSIONS: [u32; 1] = [1];

/// How one client is answered: with these certificates, within these bounds.
pub fn server_config(credentials: &QuicCredentials, transport: &Arc<TransportConfig>) -> ServerConfig {
    let mut config = ServerConfig::new(credentials.crypto(), keys().token.clone());
    config.transport_config(transport.clone());
    // What waits to be accepted is accepted or turned away within one turn of the worker.
    config.max_incoming(1024).incoming_buffer_size(64 << 10).incoming_buffer_size_total(4 << 20);
    config
}

/// Begins to read a worker's datagrams. Needs the runtime that will run it.
///
/// # Errors
/// The socket cannot be registered: mostly too many watches, or no descriptor is left.
pub fn endpoint(datagrams: &Datagrams, worker: usize, config: ServerConfig) -> io::Result<Endpoint> {
    let (socket, exchange) = (datagrams.group.socket(worker)?, datagrams.exchange.clone());
    let id = u16::try_from(worker).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut endpoint = EndpointConfig::new(keys().reset.clone());
    endpoint.supported_versions(VERSIONS.to_vec()).cid_generator(move || Box::new(Ids { worker: id }));
    let inner = TokioRuntime.wrap_udp_socket(socket)?;
    let socket = Arc::new(SharedSocket::new(inner, exchange, worker));
    Endpoint::new_with_abstract_socket(endpoint, Some(config), socket, Arc::new(TokioRuntime))
}
