//! Sockets at which datagrams arrive, one for each worker: the kernel leads those of one client to one of them, by a hash
//! of both addresses and ports, for as long as there are as many sockets.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Type};

use super::{BoundAddress, Opened, Transport, Wanted, explain, lacks_ipv6};
use crate::datagram::{Group, ask_for_servers};

/// Opens the sockets of one `bind`; else what kind of error it is, and a sentence.
pub(super) fn open(wanted: Wanted, workers: usize) -> Result<Opened, (ErrorKind, String)> {
    let told = |error: io::Error, port| (error.kind(), explain(&error, port, Transport::Datagram));
    match wanted {
        Wanted::Every { port } => open_every(port, workers).map_err(|error| told(error, port)),
        Wanted::Tcp(address) => open_at(address, workers)
            .map(|(address, group)| Opened::of_group(BoundAddress::Tcp(address), &group))
            .map_err(|error| told(error, address.port())),
        Wanted::Unix(_) => {
            Err((ErrorKind::InvalidInput, "datagrams are listened for at a port; write ADDRESS:PORT".to_owned()))
        }
        Wanted::Systemd(_) => Err((
            ErrorKind::InvalidInput,
            "a socket of systemd's is one for all workers, and datagrams need one for each; bind an address".to_owned(),
        )),
    }
}

fn open_every(port: u16, workers: usize) -> io::Result<Opened> {
    let both = open_at((Ipv6Addr::UNSPECIFIED, port).into(), workers);
    let (address, group) = match both {
        Err(error) if lacks_ipv6(&error) => open_at((Ipv4Addr::UNSPECIFIED, port).into(), workers)?,
        other => other?,
    };
    Ok(Opened::of_group(BoundAddress::Every { port: address.port() }, &group))
}

fn open_at(wanted: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Arc<Group>)> {
    // Bound without sharing, so that it fails where anybody is; the others share it from then on.
    let first = made(wanted)?;
    first.bind(&wanted.into())?;
    let address = first.local_addr()?.as_socket().ok_or(ErrorKind::InvalidData)?;
    first.set_reuse_port(true)?;
    let mut sockets = vec![first.into()];
    for _ in 1..workers {
        let socket = made(wanted)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        sockets.push(socket.into());
    }
    Ok((address, Arc::new(Group::new(sockets))))
}

fn made(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // `*` means both families; one IPv6 address alone never takes IPv4.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if address.ip().is_unspecified() {
        ask_for_servers(&socket, address.is_ipv6())?;
    }
    Ok(socket)
}
