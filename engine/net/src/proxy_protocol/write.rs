//! Headers for endpoints that want to know who is behind a connection.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::{SIGNATURE, Tls, VERSIONS, bit, kind};

/// Which version is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// What is said of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Announcement<'a> {
    /// The client, and where it connected to; `None`: it has no address (a Unix socket's).
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// The name that the client asked for.
    pub authority: Option<&'a str>,
    /// How it speaks by TLS that ends here.
    pub tls: Option<Tls>,
    /// The connection's id in the log, at most 128 bytes.
    pub unique_id: Option<&'a str>,
}

/// The header of a client's connection. Version 1 says addresses only.
pub fn announce(version: Version, announcement: &Announcement<'_>) -> Vec<u8> {
    let ends = announcement.ends.map(same_family);
    match version {
        Version::V1 => line(ends),
        Version::V2 => block(0x21, ends, announcement),
    }
}

/// The header of a connection that is made for no client: a health check's.
pub fn announce_own(version: Version) -> Vec<u8> {
    match version {
        Version::V1 => line(None),
        Version::V2 => block(0x20, None, &Announcement::default()),
    }
}

/// Both addresses of one family: what is IPv4 on both ends is written so, anything else as IPv6.
fn same_family((client, server): (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (client, server) = (plain(client), plain(server));
    if client.is_ipv4() == server.is_ipv4() {
        return (client, server);
    }
    let wide = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    (wide(client), wide(server))
}

fn line(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((client, server)) = ends else { return b"PROXY UNKNOWN\r\n".to_vec() };
    let family = if client.is_ipv4() { 4 } else { 6 };
    let mut out = Vec::with_capacity(107);
    // Writing to memory cannot fail.
    let _ = write!(out, "PROXY TCP{family} {} {} {} {}\r\n", client.ip(), server.ip(), client.port(), server.port());
    out
}

fn block(command: u8, ends: Option<(SocketAddr, SocketAddr)>, announcement: &Announcement<'_>) -> Vec<u8> {
    let family = ends.map_or(0x00, |(client, _)| if client.is_ipv4() { 0x11 } else { 0x21 });
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[command, family, 0, 0]);
    if let Some((client, server)) = ends {
        for end in [client, server] {
            match end.ip() {
                IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
                IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
            }
        }
        for end in [client, server] {
            out.extend_from_slice(&end.port().to_be_bytes());
        }
        // Whoever reads a header without addresses skips what follows, or takes it for addresses.
        add_all(&mut out, announcement);
    }
    let length = (out.len() - SIGNATURE.len() - 4) as u16;
    out[14..16].copy_from_slice(&length.to_be_bytes());
    if ends.is_some() {
        seal(&mut out);
    }
    out
}

fn add_all(out: &mut Vec<u8>, announcement: &Announcement<'_>) {
    if let Some(name) = announcement.authority {
        add(out, kind::AUTHORITY, name.as_bytes());
    }
    if let Some(id) = announcement.unique_id {
        add(out, kind::UNIQUE_ID, id.as_bytes());
    }
    if let Some(tls) = announcement.tls {
        let certificate = if tls.certificate { bit::CERTIFICATE | bit::CERTIFICATE_OF_SESSION } else { 0 };
        let mut value = vec![bit::TLS | certificate];
        value.extend_from_slice(&u32::from(!tls.verified).to_be_bytes());
        if let Some((name, _)) = VERSIONS.iter().find(|(_, version)| *version == tls.version) {
            add(&mut value, kind::TLS_VERSION, name.as_bytes());
        }
        add(out, kind::TLS, &value);
    }
    add(out, kind::CRC32C, &[0; 4]);
}

fn add(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    // Names and ids are far shorter than what a length can say.
    out.push(kind);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}

/// Writes the checksum over the zeros at the end.
fn seal(out: &mut [u8]) {
    let sum = crc32c::crc32c(out).to_be_bytes();
    let at = out.len() - sum.len();
    out[at..].copy_from_slice(&sum);
}
