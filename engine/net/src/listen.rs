//! Listening sockets: one per worker for each address, opened once and kept through every reload.
//!
//! Each worker accepts from a socket of its own (SO_REUSEPORT), so that no lock and no hand-over lies between
//! the kernel and the task. That option would also let a second program share the port unnoticed; therefore the
//! address is first bound without it, and that probe is held until the real sockets are bound.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockAddr, Type};

use crate::activation::{Activation, ActivationError};
use crate::address::{BoundAddress, Wanted};
use crate::datagram::Group;

mod udp;

/// Connections that may wait to be accepted, per socket; the kernel caps it by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Owner and group may connect to a Unix socket, as with most servers' sockets.
const UNIX_MODE: u32 = 0o660;

/// A listening socket: non-blocking and close-on-exec.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
    /// Nothing is accepted at it: datagrams arrive one by one. Each worker has its socket of the group.
    Udp(Arc<Group>),
}

/// What is listened for at an address: each kind has ports of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Connections, by TCP or a Unix socket.
    Stream,
    /// UDP.
    Datagram,
}

/// An address as a listener's `bind` writes it, and what is listened for there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bind {
    pub address: String,
    pub transport: Transport,
}

impl Socket {
    /// The port of TCP at which it listens; `None` for other sockets.
    pub fn port(&self) -> Option<u16> {
        match self {
            Socket::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            Socket::Unix(_) | Socket::Udp(_) => None,
        }
    }
}

impl Opened {
    /// Each worker's part in a group of sockets.
    pub fn of_group(address: BoundAddress, group: &Arc<Group>) -> Opened {
        let sockets = (0..group.workers()).map(|_| Socket::Udp(group.clone())).collect();
        Opened { address, sockets }
    }
}

/// A connection that had been accepted by the kernel: non-blocking and close-on-exec.
#[derive(Debug)]
pub enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// What `open` made.
#[derive(Debug)]
pub struct Opened {
    /// With the real port, where 0 was asked for.
    pub address: BoundAddress,
    /// One per worker. Unix sockets and systemd's are duplicates of one socket that the workers share.
    pub sockets: Vec<Socket>,
}

/// Why an address cannot be listened at: the address, the reason and the fix in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenError {
    pub bind: String,
    pub reason: String,
    pub kind: ErrorKind,
}

impl fmt::Display for ListenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.bind, self.reason)
    }
}

impl std::error::Error for ListenError {}

/// Opens the sockets of one `bind`, one for each of `workers` (at least one).
///
/// Blocks while a host name is resolved; call it at start and on reload, never on a worker.
pub fn open(bind: &str, transport: Transport, workers: usize, systemd: &Activation) -> Result<Opened, ListenError> {
    let fail = |kind, reason| ListenError { bind: bind.to_owned(), reason, kind };
    let workers = workers.max(1);
    let wanted = Wanted::parse(bind).map_err(|reason| fail(ErrorKind::InvalidInput, reason))?;
    if transport == Transport::Datagram {
        return udp::open(wanted, workers).map_err(|(kind, reason)| fail(kind, reason));
    }
    match wanted {
        Wanted::Every { port } => {
            open_every(port, workers).map_err(|error| fail(error.kind(), explain(&error, port, Transport::Stream)))
        }
        Wanted::Tcp(address) => open_tcp(address, workers)
            .map(|(address, sockets)| Opened { address: BoundAddress::Tcp(address), sockets })
            .map_err(|error| fail(error.kind(), explain(&error, address.port(), Transport::Stream))),
        Wanted::Unix(path) => {
            open_unix(&path, workers).map_err(|error| fail(error.kind(), explain_unix(&error, &path)))
        }
        Wanted::Systemd(name) => {
            open_systemd(&name, workers, systemd).map_err(|error| fail(ErrorKind::NotFound, error.to_string()))
        }
    }
}

fn open_every(port: u16, workers: usize) -> io::Result<Opened> {
    let both = open_tcp((Ipv6Addr::UNSPECIFIED, port).into(), workers);
    let (address, sockets) = match both {
        Err(error) if lacks_ipv6(&error) => open_tcp((Ipv4Addr::UNSPECIFIED, port).into(), workers)?,
        other => other?,
    };
    Ok(Opened { address: BoundAddress::Every { port: address.port() }, sockets })
}

/// IPv6 is not built in, or switched off by sysctl.
fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL | libc::EPROTONOSUPPORT))
}

fn open_tcp(wanted: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<Socket>)> {
    // Without SO_REUSEPORT this fails where anybody listens; with SO_REUSEADDR it does not where connections
    // of a predecessor are in TIME_WAIT. It never listens, so no connection can be lost in it.
    let probe = bound(wanted, false)?;
    let address = probe.local_addr()?.as_socket().ok_or(ErrorKind::InvalidData)?;
    let sockets = (0..workers)
        .map(|_| {
            let socket = bound(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(Socket::Tcp(socket.into()))
        })
        .collect::<io::Result<Vec<_>>>()?;
    drop(probe);
    Ok((address, sockets))
}

fn bound(address: SocketAddr, share: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `*` means both families; one IPv6 address alone never takes IPv4.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    if share {
        socket.set_reuse_port(true)?;
        // Accepted connections inherit it, which saves each of them a system call.
        socket.set_tcp_nodelay(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn open_unix(path: &Path, workers: usize) -> io::Result<Opened> {
    remove_stale(path)?;
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before listen, so the mode is never wider than meant.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(UNIX_MODE))?;
    let file = std::fs::symlink_metadata(path)?;
    socket.listen(BACKLOG)?;
    let address = BoundAddress::Unix { path: path.to_owned(), file: Some((file.dev(), file.ino())) };
    let sockets = duplicates(socket, workers, |descriptor| Socket::Unix(descriptor.into()))?;
    Ok(Opened { address, sockets })
}

/// Removes a socket file that a killed predecessor left, found by nobody answering there.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => return Err(ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
    }
    // Non-blocking: against a full backlog a blocking connect would wait for ever.
    let client = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    match client.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        // Connected, or EAGAIN: somebody listens.
        _ => Err(ErrorKind::AddrInUse.into()),
    }
}

fn open_systemd(name: &str, workers: usize, systemd: &Activation) -> Result<Opened, ActivationError> {
    let socket = systemd.socket(name)?;
    let refuse = |error: io::Error| ActivationError::Duplicate(error.to_string());
    socket.set_nonblocking(true).map_err(refuse)?;
    let local = socket.local_addr().map_err(refuse)?;
    let (address, wrap): (_, fn(OwnedFd) -> Socket) = match local.as_socket() {
        Some(address) => (BoundAddress::Tcp(address), |descriptor| Socket::Tcp(descriptor.into())),
        None => {
            let path = local.as_pathname().unwrap_or(Path::new("@")).to_owned();
            (BoundAddress::Unix { path, file: None }, |descriptor| Socket::Unix(descriptor.into()))
        }
    };
    let sockets = duplicates(socket, workers, wrap).map_err(refuse)?;
    Ok(Opened { address, sockets })
}

fn duplicates(socket: socket2::Socket, workers: usize, wrap: impl Fn(OwnedFd) -> Socket) -> io::Result<Vec<Socket>> {
    let mut sockets = (1..workers).map(|_| Ok(wrap(socket.try_clone()?.into()))).collect::<io::Result<Vec<_>>>()?;
    sockets.push(wrap(socket.into()));
    Ok(sockets)
}

fn explain(error: &io::Error, port: u16, transport: Transport) -> String {
    let option = if transport == Transport::Stream { "-ltnp" } else { "-lunp" };
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => {
            format!("address in use by another program; find it with: ss {option} 'sport = :{port}'")
        }
        Some(libc::EACCES | libc::EPERM) => {
            "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned()
        }
        Some(libc::EADDRNOTAVAIL) => {
            "no interface of this machine has that address; see: ip address; *:PORT takes every address".to_owned()
        }
        Some(libc::EMFILE | libc::ENFILE) => "too many open files; raise the limit (ulimit -n)".to_owned(),
        Some(libc::EAFNOSUPPORT) => "this machine has no IPv6; use an IPv4 address".to_owned(),
        _ => error.to_string(),
    }
}

fn explain_unix(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "address in use by another program; stop it, or use another path".to_owned(),
        ErrorKind::AlreadyExists => {
            "a file that is not a socket has that name; remove it, or use another path".to_owned()
        }
        ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path).display();
            format!("the folder does not exist; create it with: mkdir -p {folder}")
        }
        ErrorKind::PermissionDenied => "permission denied; the folder must be writable by this user".to_owned(),
        ErrorKind::InvalidInput => "the path is too long; at most 107 bytes".to_owned(),
        _ => error.to_string(),
    }
}

/// Takes everything that waits to be accepted, so that closing the socket resets nobody.
///
/// A connection that arrives between this and the close is lost: call it last, and close at once.
pub fn accept_all_pending(socket: &Socket) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    // The bound keeps a flood of clients from turning a drain into service without end.
    for _ in 0..2 * BACKLOG {
        match accept(socket) {
            Ok(connection) => accepted.push(connection),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
            Err(_) => break,
        }
    }
    accepted
}

fn accept(socket: &Socket) -> io::Result<Accepted> {
    match socket {
        Socket::Udp(_) => Err(ErrorKind::Unsupported.into()),
        Socket::Tcp(listener) => {
            let (stream, peer) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok(Accepted::Tcp(stream, peer))
        }
        Socket::Unix(listener) => {
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok(Accepted::Unix(stream))
        }
    }
}
