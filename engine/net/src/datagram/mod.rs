//! Datagrams (UDP): a socket at which clients' arrive, and sockets that lead to one endpoint each.
//!
//! Received in batches (`recvmmsg`), so that one system call serves many clients. Sent one by one and without waiting:
//! where the system has no room a datagram is lost, as it may be anywhere on its way.

mod batch;
mod control;
mod group;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

pub(crate) use control::ask_for_servers;

pub use group::Group;

use batch::{BATCH, FEW, MANY};

/// A datagram that has arrived from a client.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    pub bytes: &'a [u8],
    pub client: SocketAddr,
    /// The address that it was sent to, where the socket has several.
    pub server: Option<IpAddr>,
}

/// A socket at which clients' datagrams arrive.
#[derive(Debug)]
pub struct Entry {
    socket: AsyncFd<UdpSocket>,
}

impl Entry {
    /// Takes over a socket that [`crate::listen::open`] has made. Needs the runtime that will poll it.
    ///
    /// # Errors
    /// What the system says when it cannot be registered: mostly too many watches.
    pub fn new(socket: UdpSocket) -> io::Result<Entry> {
        watched(socket).map(|socket| Entry { socket })
    }

    /// Waits for datagrams and hands over those that are there, at most a batch.
    pub fn poll_receive(&self, cx: &mut Context<'_>, mut take: impl FnMut(Datagram<'_>)) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            let count = receive(&mut ready, MANY, |bytes, sender, server| {
                if let Some(client) = sender {
                    take(Datagram { bytes, client, server });
                }
            });
            if count? > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sends to a client, from the address that it had sent to.
    ///
    /// # Errors
    /// `WouldBlock` where there is no room, and what else the system says; the datagram is lost.
    pub fn send(&self, bytes: &[u8], client: SocketAddr, server: Option<IpAddr>) -> io::Result<()> {
        match server {
            None => SockRef::from(self.socket.get_ref()).send_to(bytes, &client.into()).map(drop),
            Some(server) => control::send_from(self.socket.as_raw_fd(), bytes, client, server),
        }
    }

    /// The address at which it listens.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.socket.get_ref().local_addr().ok()
    }
}

/// A socket that leads to one endpoint and takes datagrams of nobody else.
#[derive(Debug)]
pub struct Line {
    socket: AsyncFd<UdpSocket>,
}

impl Line {
    /// Needs the runtime that will poll it.
    ///
    /// # Errors
    /// What the system says: unreachable, too many open files …
    pub fn to(endpoint: SocketAddr) -> io::Result<Line> {
        let kind = Type::DGRAM.nonblocking();
        let socket = socket2::Socket::new(Domain::for_address(endpoint), kind, Some(Protocol::UDP))?;
        socket.connect(&SockAddr::from(endpoint))?;
        watched(socket.into()).map(|socket| Line { socket })
    }

    /// Sends without waiting.
    ///
    /// # Errors
    /// `ConnectionRefused` where the endpoint has said (by ICMP) that nobody is there, also to an earlier datagram;
    /// `WouldBlock` where there is no room.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // Not by the runtime: it would first have to learn that there is room.
        SockRef::from(self.socket.get_ref()).send(bytes).map(drop)
    }

    /// Waits for datagrams and hands over those that are there, at most a few.
    ///
    /// # Errors
    /// As [`Line::send`]; from then on each call ends with one.
    pub fn poll_receive(&self, cx: &mut Context<'_>, mut take: impl FnMut(&[u8])) -> Poll<io::Result<()>> {
        loop {
            match self.socket.poll_read_ready(cx)? {
                Poll::Ready(mut ready) => {
                    if receive(&mut ready, FEW, |bytes, _, _| take(bytes))? > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                // Nothing waits to be written, so this is only ever ready for an error: such a one makes nothing
                // readable.
                Poll::Pending => {
                    drop(ready!(self.socket.poll_write_ready(cx))?);
                    let error = self.socket.get_ref().take_error()?;
                    return Poll::Ready(Err(error.unwrap_or_else(|| io::ErrorKind::ConnectionRefused.into())));
                }
            }
        }
    }
}

/// Has the runtime watch for datagrams, and not for room to send: each that has left would wake it.
fn watched(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: the socket owns its descriptor, which stays open until the runtime has forgotten it: the socket is given
    // away to nobody, and dropped after its registration.
    unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }.map_err(io::Error::from)
}

/// Takes what has arrived, at most `most`; how many datagrams there were.
fn receive(
    ready: &mut AsyncFdReadyGuard<'_, UdpSocket>,
    most: usize,
    mut take: impl FnMut(&[u8], Option<SocketAddr>, Option<IpAddr>),
) -> io::Result<usize> {
    BATCH.with_borrow_mut(|batch| {
        let mut count = 0;
        let result = ready.try_io(|socket| {
            count = batch.receive(socket.as_raw_fd(), most)?;
            // Less than there is room for: nothing is left, which saves a call that only says so.
            if count < most { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        batch.each(count, &mut take);
        // An outer error means that nothing is left.
        result.unwrap_or(Ok(())).map(|()| count)
    })
}

/// The address of this machine in one family or the other.
pub const fn own_address(port: u16, version6: bool) -> SocketAddr {
    match version6 {
        false => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        true => SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
    }
}
