//! Connections outwards.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};

use crate::Stream;

/// Where to connect to: an address that needs no name service any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    Tcp(SocketAddr),
    Unix(Arc<Path>),
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Tcp(address) => address.fmt(out),
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
        Destination::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            // Whole messages are written at once; waiting for more to send would only delay them.
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
        Destination::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
    }
}
