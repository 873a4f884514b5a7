//! The PROXY protocol, versions 1 and 2: who a connection comes from, said in front of it by a proxy that is believed.
//!
//! After the specification of <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>. Nothing is guessed: whoever
//! reads a header has decided by the peer's address that there must be one, and a connection without it is refused.

mod binary;
mod line;
mod parse;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{LONGEST, Malformed, Parsed, parse};
pub use read::{NoHeader, read_header};
pub use write::{Announcement, Version, announce, announce_own};

use std::net::SocketAddr;

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub origin: Origin,
    /// The name that the client asked for (SNI or `Host`), in lower case (`PP2_TYPE_AUTHORITY`).
    pub authority: Option<Box<str>>,
    /// The protocol that was agreed on inside TLS (`PP2_TYPE_ALPN`).
    pub alpn: Option<Box<[u8]>>,
    /// The proxy's own name for the connection, 1 to 128 bytes (`PP2_TYPE_UNIQUE_ID`).
    pub unique_id: Option<Box<[u8]>>,
    /// How the client spoke to the proxy by TLS; `None`: it did not, or nothing is said of it (`PP2_TYPE_SSL`).
    pub tls: Option<Tls>,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// From the proxy itself, as its health checks do, or from somewhere that it does not know: the socket's own
    /// addresses hold (`LOCAL`, `UNKNOWN`, `AF_UNSPEC`).
    #[default]
    Peer,
    Internet {
        client: SocketAddr,
        /// Where the client connected to.
        server: SocketAddr,
    },
    /// Through a Unix socket of the proxy's machine: the client has no address.
    Unix,
}

/// How a client speaks to a proxy that ends its TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `1.2` or `1.3`; empty: another, or it is not said.
    pub version: &'static str,
    /// The client has shown a certificate on this connection.
    pub certificate: bool,
    /// The certificate was good.
    pub verified: bool,
}

/// The versions of TLS by the names that stand in headers, which are OpenSSL's.
const VERSIONS: [(&str, &str); 2] = [("TLSv1.2", "1.2"), ("TLSv1.3", "1.3")];

/// What begins a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The types of what may follow the addresses in version 2, as far as they are known here.
mod kind {
    pub const ALPN: u8 = 0x01;
    pub const AUTHORITY: u8 = 0x02;
    pub const CRC32C: u8 = 0x03;
    pub const UNIQUE_ID: u8 = 0x05;
    pub const TLS: u8 = 0x20;
    /// Inside of `TLS`.
    pub const TLS_VERSION: u8 = 0x21;
}

/// Bits of the first byte of `TLS`.
mod bit {
    /// The client spoke TLS.
    pub const TLS: u8 = 0x01;
    /// It has shown a certificate on this connection.
    pub const CERTIFICATE: u8 = 0x02;
    /// It has shown one in this session.
    pub const CERTIFICATE_OF_SESSION: u8 = 0x04;
}
