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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use socket2::{Domain, Socket, Type};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::testing::on_worker;

    /// A port that is taken and at which nobody listens: connecting to it is refused.
    fn refusing() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    #[test]
    fn a_tcp_connection_sends_without_delay() {
        on_worker(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let destination = Destination::Tcp(listener.local_addr().unwrap());
            let mut stream = connect(&destination).await.unwrap();
            let Stream::Tcp(socket) = &stream else { panic!("{stream:?}") };
            assert!(socket.nodelay().unwrap());
            stream.write_all(b"hello").await.unwrap();
            let mut seen = [0; 5];
            std::io::Read::read_exact(&mut listener.accept().unwrap().0, &mut seen).unwrap();
            assert_eq!(&seen, b"hello");
        });
    }

    #[test]
    fn what_the_system_says_comes_through() {
        on_worker(async {
            let (_held, address) = refusing();
            let kind = |error: io::Error| error.kind();
            assert_eq!(
                connect(&Destination::Tcp(address)).await.map_err(kind).unwrap_err(),
                ErrorKind::ConnectionRefused
            );
            let missing: &Path = "/nonexistent/glorieta.sock".as_ref();
            assert_eq!(
                connect(&Destination::Unix(missing.into())).await.map_err(kind).unwrap_err(),
                ErrorKind::NotFound
            );
        });
    }

    #[test]
    fn localhost_is_whichever_family_listens() {
        on_worker(async {
            let (_held, address) = refusing();
            let refused = connect(&Destination::Localhost(address.port())).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            // A machine without IPv6 has no other family to try.
            let Ok(listener) = tokio::net::TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await else {
                return;
            };
            let mut stream = connect(&Destination::Localhost(address.port())).await.unwrap();
            stream.write_all(b"6").await.unwrap();
            let mut seen = [0];
            listener.accept().await.unwrap().0.read_exact(&mut seen).await.unwrap();
            assert_eq!(&seen, b"6");
        });
    }

    #[test]
    fn destinations_are_written_as_in_a_configuration() {
        let path: &Path = "/run/a.sock".as_ref();
        for (destination, text) in [
            (Destination::Tcp(([10, 0, 0, 1], 80).into()), "10.0.0.1:80"),
            (Destination::Tcp((Ipv6Addr::LOCALHOST, 80).into()), "[::1]:80"),
            (Destination::Localhost(3000), "localhost:3000"),
            (Destination::Unix(path.into()), "unix:/run/a.sock"),
        ] {
            assert_eq!(destination.to_string(), text);
        }
    }
}
