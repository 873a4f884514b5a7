//! The UDP sockets of an address: one per worker, beside the TCP ones and with the same port.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::exchange::Exchange;
use crate::BoundAddress;
use crate::datagram::Group;
use crate::listen::ListenError;

/// What the kernel may keep of datagrams that have not been read, in bytes; it caps it by `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 2 << 20;
/// What it may keep of those that have not been sent.
const SEND_BUFFER: usize = 1 << 20;

/// The sockets of an address, and what came in at one and is another's.
#[derive(Debug)]
pub struct Datagrams {
    pub group: Arc<Group>,
    pub(super) exchange: Arc<Exchange>,
}

/// Opens the sockets of an address whose TCP sockets are open, one for each of `workers` (at least one).
///
/// # Errors
/// The address, the reason and the fix: it is in use, or no address of UDP.
pub fn open(address: &BoundAddress, workers: usize) -> Result<Datagrams, ListenError> {
    let fail = |kind, reason| ListenError { bind: format!("{address} (UDP)"), reason, kind };
    let wanted: SocketAddr = match address {
        BoundAddress::Every { port } => (Ipv6Addr::UNSPECIFIED, *port).into(),
        BoundAddress::Tcp(address) => *address,
        BoundAddress::Unix { .. } => {
            return Err(fail(ErrorKind::InvalidInput, "a Unix socket has no QUIC; give it a port".to_owned()));
        }
    };
    let opened = open_all(wanted, workers.max(1)).or_else(|error| match (address, error.raw_os_error()) {
        // IPv6 is not built in, or switched off.
        (BoundAddress::Every { port }, Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EPROTONOSUPPORT)) => {
            open_all((Ipv4Addr::UNSPECIFIED, *port).into(), workers.max(1))
        }
        _ => Err(error),
    });
    let sockets = opened.map_err(|error| fail(error.kind(), explain(&error, wanted.port())))?;
    let exchange = Arc::new(Exchange::new(sockets.len()));
    Ok(Datagrams { group: Arc::new(Group::new(sockets)), exchange })
}

fn open_all(address: SocketAddr, workers: usize) -> io::Result<Vec<UdpSocket>> {
    // Without SO_REUSEPORT this fails where anybody has the port. It cannot be held while the others are bound, as
    // that of TCP is: all sockets of a port must have the option.
    drop(bound(address, false)?);
    (0..workers).map(|_| bound(address, true)).collect()
}

fn bound(address: SocketAddr, share: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // As with TCP: `*` means both families, one address alone never takes IPv4.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if share {
        socket.set_reuse_port(true)?;
        // Less than was asked for is no reason not to serve.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn explain(error: &io::Error, port: u16) -> String {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => {
            format!("address in use by another program; find it with: ss -lunp 'sport = :{port}'")
        }
        Some(libc::EACCES | libc::EPERM) => {
            "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned()
        }
        Some(libc::EMFILE | libc::ENFILE) => "too many open files; raise the limit (ulimit -n)".to_owned(),
        _ => error.to_string(),
    }
}
