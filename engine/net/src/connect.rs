//! Connections outwards.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};

use crate::Stream;

/// Where to connect to: an address that needs no name service any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    Tcp(SocketAddr),
    /// This machine, whichever family the service listens with: most listen with one, and which is chance.
    Localhost(u16),
    Unix(Arc<Path>),
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Tcp(address) => address.fmt(out),
            Destination::Localhost(port) => write!(out, "localhost:{port}"),
            Destination::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// Connects. Time limits are the caller's: dropping the future gives the attempt up.
///
/// # Errors
/// What the system says: refused, unreachable, no such file, too many open files …
pub async fn connect(destination: &Destination) -> io::Result<Stream> {
    match destination {
        Destination::Tcp(address) => connect_tcp(*address).await,
        Destination::Localhost(port) => match connect_tcp((Ipv4Addr::LOCALHOST, *port).into()).await {
            // Where there is no IPv6 the first refusal is the one that says something.
            Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                connect_tcp((Ipv6Addr::LOCALHOST, *port).into()).await.map_err(|_| refused)
            }
            connected => connected,
        },
        Destination::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
    }
}

async fn connect_tcp(address: SocketAddr) -> io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    // Whole messages are written at once; waiting for more to send would only delay them.
    stream.set_nodelay(true)?;
    Ok(Stream::Tcp(stream))
}
