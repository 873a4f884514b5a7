//! A listening socket of either kind, on the runtime that accepts from it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use tokio::net::{TcpListener, UnixListener};

use crate::Stream;
use crate::listen::Socket;

/// Accepts connections, one at a time.
#[derive(Debug)]
pub enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    /// Takes over a socket. Needs the runtime that will poll it.
    ///
    /// # Errors
    /// What the system says when it cannot be registered: mostly too many watches. At a socket of datagrams nothing is
    /// accepted.
    pub fn new(socket: Socket) -> io::Result<Acceptor> {
        match socket {
            Socket::Tcp(listener) => TcpListener::from_std(listener).map(Acceptor::Tcp),
            Socket::Unix(listener) => UnixListener::from_std(listener).map(Acceptor::Unix),
            Socket::Udp(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The next connection and where it comes from; a Unix socket's clients have no address.
    ///
    /// # Errors
    /// `ConnectionAborted` where a client has gone again, otherwise what this machine is short of.
    pub async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Acceptor::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Some(address)))
            }
            Acceptor::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), None))
            }
        }
    }

    /// Gives the socket back, for [`crate::listen::accept_all_pending`].
    ///
    /// # Errors
    /// It cannot be taken off the runtime.
    pub fn into_socket(self) -> io::Result<Socket> {
        Ok(match self {
            Acceptor::Tcp(listener) => Socket::Tcp(OwnedFd::from(listener.into_std()?).into()),
            Acceptor::Unix(listener) => Socket::Unix(OwnedFd::from(listener.into_std()?).into()),
        })
    }
}
