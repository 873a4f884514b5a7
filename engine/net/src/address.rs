//! Where a listener listens: the forms a person may write, and the address that came of it.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// What `bind` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// `*:80` or `:80`: every address of both families.
    Every { port: u16 },
    /// `127.0.0.1:80`, `[::1]:80` or `localhost:80`.
    Tcp(SocketAddr),
    /// `unix:/run/a.sock`.
    Unix(PathBuf),
    /// `systemd:NAME` or `systemd:INDEX`.
    Systemd(String),
}

impl Wanted {
    /// Reads a `bind`. The error is a sentence without the address.
    ///
    /// A name means its first address, IPv4 before IPv6: `bind` is a list, so both can be written.
    pub(crate) fn parse(bind: &str) -> Result<Wanted, String> {
        if let Some(path) = bind.strip_prefix("unix:") {
            return if path.is_empty() {
                Err("a path is missing after unix:".to_owned())
            } else {
                Ok(Wanted::Unix(path.into()))
            };
        }
        if let Some(name) = bind.strip_prefix("systemd:") {
            return match name {
                "" => Err("a name or an index is missing after systemd:".to_owned()),
                name => Ok(Wanted::Systemd(name.to_owned())),
            };
        }
        let Some((host, port)) = bind.rsplit_once(':') else {
            return Err("a port is missing; write ADDRESS:PORT, or *:PORT for every address".to_owned());
        };
        let Ok(port) = port.parse::<u16>() else {
            return Err(format!("\"{port}\" is not a port; a port is 0 to 65535"));
        };
        match host {
            "" | "*" => Ok(Wanted::Every { port }),
            host if host.contains(':') && !host.starts_with('[') => {
                Err(format!("an IPv6 address needs brackets; write [{host}]:{port}"))
            }
            host => resolve(host, port).map(Wanted::Tcp),
        }
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if let Some(literal) = literal {
        let address: Ipv6Addr = literal.parse().map_err(|_| format!("\"{literal}\" is not an IPv6 address"))?;
        return Ok((address, port).into());
    }
    let addresses = (host, port).to_socket_addrs().map_err(|error| format!("\"{host}\" has no address: {error}"))?;
    addresses.min_by_key(|address| address.is_ipv6()).ok_or_else(|| format!("\"{host}\" has no address"))
}

/// The address a listener got: with the real port where 0 was asked for. `Display` writes it as `bind` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundAddress {
    /// Every address; both families unless the machine has no IPv6.
    Every {
        port: u16,
    },
    Tcp(SocketAddr),
    Unix {
        path: PathBuf,
        /// Device and inode of the socket file made here; `None` where it belongs to systemd.
        file: Option<(u64, u64)>,
    },
}

impl BoundAddress {
    /// The port; `None` for a Unix socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            BoundAddress::Every { port } => Some(*port),
            BoundAddress::Tcp(address) => Some(address.port()),
            BoundAddress::Unix { .. } => None,
        }
    }

    /// Removes the file of a Unix socket after its last descriptor is closed.
    ///
    /// Only the file made here: one that a successor has put in its place stays, and so does systemd's.
    pub fn remove_file(&self) {
        use std::os::unix::fs::MetadataExt;
        let BoundAddress::Unix { path, file: Some(made) } = self else { return };
        let there = std::fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()));
        if there.as_ref() == Some(made) {
            // A file that vanished meanwhile is what was wanted.
            drop(std::fs::remove_file(path));
        }
    }
}

impl fmt::Display for BoundAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BoundAddress::Every { port } => write!(out, "*:{port}"),
            BoundAddress::Tcp(address) => address.fmt(out),
            BoundAddress::Unix { path, .. } => write!(out, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        let table = [
            ("127.0.0.1:80", Wanted::Tcp(([127, 0, 0, 1], 80).into())),
            ("[::1]:80", Wanted::Tcp((Ipv6Addr::LOCALHOST, 80).into())),
            ("localhost:80", Wanted::Tcp(([127, 0, 0, 1], 80).into())),
            ("*:0", Wanted::Every { port: 0 }),
            (":8080", Wanted::Every { port: 8080 }),
            ("unix:/run/a.sock", Wanted::Unix("/run/a.sock".into())),
            ("systemd:web", Wanted::Systemd("web".to_owned())),
        ];
        for (bind, wanted) in table {
            assert_eq!(Wanted::parse(bind), Ok(wanted), "{bind}");
        }
    }

    #[test]
    fn what_is_no_address_says_what_to_write() {
        let table = [
            ("80", "write ADDRESS:PORT"),
            ("127.0.0.1:", "is not a port"),
            ("127.0.0.1:65536", "0 to 65535"),
            ("::1:80", "write [::1]:80"),
            ("[::g]:80", "not an IPv6 address"),
            ("unix:", "path is missing"),
            ("systemd:", "name or an index"),
        ];
        for (bind, part) in table {
            let error = Wanted::parse(bind).unwrap_err();
            assert!(error.contains(part), "{bind}: {error}");
        }
    }

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for bind in ["127.0.0.1:80", "[::1]:80"] {
            let Ok(Wanted::Tcp(address)) = Wanted::parse(bind) else { panic!("{bind}") };
            assert_eq!(BoundAddress::Tcp(address).to_string(), bind);
        }
        assert_eq!(BoundAddress::Every { port: 80 }.to_string(), "*:80");
        assert_eq!(BoundAddress::Unix { path: "/run/a".into(), file: None }.to_string(), "unix:/run/a");
    }
}
