//! Sockets handed over by systemd, so that a port below 1024 needs no root and a restart loses no connection.
//!
//! The protocol is that of `sd_listen_fds(3)`: the descriptors start at 3, `LISTEN_FDS` is their number,
//! `LISTEN_PID` the process they are meant for and `LISTEN_FDNAMES` their names, parted by colons.

use std::fmt;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use socket2::{Domain, Socket, Type};

/// The first descriptor that systemd hands over (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// The name systemd gives to a socket without `FileDescriptorName=`.
const UNNAMED: &str = "unknown";

/// The sockets that systemd handed over to this process; empty when it was started otherwise.
///
/// They stay open here, as they do in systemd: a listener that a reload removes and a later one adds
/// again finds its socket, and what had queued meanwhile.
#[derive(Debug, Default)]
pub struct Activation {
    sockets: Vec<Inherited>,
}

#[derive(Debug)]
struct Inherited {
    name: String,
    /// Duplicates share the kernel's socket, so one descriptor here serves any number of workers.
    descriptor: OwnedFd,
}

/// Why a socket of systemd's cannot be used. The texts name the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivationError {
    /// systemd handed over nothing, or not to this process.
    NoSockets,
    /// No socket has this name or index; these exist.
    Unknown { known: Vec<String> },
    /// Several sockets share the name; their indexes.
    Ambiguous { indexes: Vec<usize> },
    /// It is not a stream socket that listens (`Accept=yes`, `ListenDatagram=`, a FIFO …).
    NotListening,
    /// The descriptor could not be duplicated; the system's reason.
    Duplicate(String),
}

impl fmt::Display for ActivationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSockets => out.write_str(
                "systemd handed over no socket; start the .socket unit, or bind an address instead of systemd:",
            ),
            Self::Unknown { known } => {
                write!(out, "systemd handed over no socket of that name; it handed over: {}", known.join(", "))
            }
            Self::Ambiguous { indexes } => {
                let choices: Vec<_> = indexes.iter().map(|index| format!("systemd:{index}")).collect();
                write!(out, "several sockets have that name; choose one of {}", choices.join(", "))
            }
            Self::NotListening => out
                .write_str("that is not a listening stream socket; the .socket unit needs ListenStream= and Accept=no"),
            Self::Duplicate(reason) => write!(out, "the socket cannot be duplicated: {reason}"),
        }
    }
}

impl std::error::Error for ActivationError {}

impl Activation {
    /// Takes over what the environment announces. Nothing, if it is meant for another process.
    ///
    /// The environment is left as it is: changing it is not safe once threads run, and a child's
    /// process id will not match `LISTEN_PID`.
    pub fn from_environment() -> Activation {
        let read = |name: &str| std::env::var(name).ok();
        let (Some(count), Some(process)) = (read("LISTEN_FDS"), read("LISTEN_PID")) else {
            return Activation::default();
        };
        let names = read("LISTEN_FDNAMES").unwrap_or_default();
        Activation::adopt(announced(&count, &process, &names, std::process::id()))
    }

    /// Sockets by name, such as a test or a parent process has opened them.
    pub fn with_sockets(sockets: impl IntoIterator<Item = (String, OwnedFd)>) -> Activation {
        let sockets = sockets.into_iter().map(|(name, descriptor)| Inherited { name, descriptor }).collect();
        Activation { sockets }
    }

    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// A duplicate of the socket with this `FileDescriptorName=`, or with this index (from 0).
    pub(crate) fn socket(&self, wanted: &str) -> Result<Socket, ActivationError> {
        if self.sockets.is_empty() {
            return Err(ActivationError::NoSockets);
        }
        let inherited = &self.sockets[self.position(wanted)?];
        let duplicate =
            inherited.descriptor.try_clone().map_err(|error| ActivationError::Duplicate(error.to_string()))?;
        let socket = Socket::from(duplicate);
        if listens(&socket) { Ok(socket) } else { Err(ActivationError::NotListening) }
    }

    /// A name wins over an index, because a unit may name its sockets `1`, `2` …
    fn position(&self, wanted: &str) -> Result<usize, ActivationError> {
        let named: Vec<usize> = self
            .sockets
            .iter()
            .enumerate()
            .filter(|(_, socket)| socket.name == wanted)
            .map(|(index, _)| index)
            .collect();
        match named[..] {
            [only] => return Ok(only),
            [] => {}
            _ => return Err(ActivationError::Ambiguous { indexes: named }),
        }
        match wanted.parse::<usize>() {
            Ok(index) if index < self.sockets.len() => Ok(index),
            _ => Err(ActivationError::Unknown {
                known: self
                    .sockets
                    .iter()
                    .enumerate()
                    .map(|(index, socket)| format!("{index} ({})", socket.name))
                    .collect(),
            }),
        }
    }

    fn adopt(names: Vec<String>) -> Activation {
        let adopted = names.into_iter().zip(FIRST..).filter_map(|(name, number)| {
            // SAFETY: the caller of this process announced the descriptor as open, and it is only borrowed for
            // the one duplication below. Were it closed, fcntl would answer EBADF and it is left out.
            let announced = unsafe { BorrowedFd::borrow_raw(number) };
            // The duplicate is close-on-exec, which what systemd passes is not.
            let descriptor = announced.try_clone_to_owned().ok()?;
            close_on_exec(number);
            Some((name, descriptor))
        });
        Activation::with_sockets(adopted)
    }
}

/// The names of the sockets announced, one each; none if the variables are malformed or meant for another process.
fn announced(count: &str, process: &str, names: &str, own_process: u32) -> Vec<String> {
    let (Ok(count), Ok(process)) = (count.parse::<usize>(), process.parse::<u32>()) else {
        return Vec::new();
    };
    // More descriptors than a process may have by default is a broken environment, not a request.
    if process != own_process || count > 1024 {
        return Vec::new();
    }
    let mut names = names.split(':');
    (0..count)
        .map(|_| match names.next() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => UNNAMED.to_owned(),
        })
        .collect()
}

/// Keeps systemd's own descriptor from children, such as handler processes.
fn close_on_exec(number: RawFd) {
    // SAFETY: fcntl with F_SETFD reads no memory; on a number that is not open it answers EBADF.
    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
}

fn listens(socket: &Socket) -> bool {
    let stream = matches!(socket.r#type(), Ok(Type::STREAM));
    let family = matches!(socket.domain(), Ok(Domain::IPV4 | Domain::IPV6 | Domain::UNIX));
    stream && family && socket.is_listener().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn listener() -> OwnedFd {
        TcpListener::bind("127.0.0.1:0").unwrap().into()
    }

    #[test]
    fn only_this_process_may_take_what_is_announced() {
        assert_eq!(announced("2", "77", "web:mail", 77), ["web", "mail"]);
        assert!(announced("2", "77", "web:mail", 78).is_empty());
    }

    #[test]
    fn missing_names_become_unknown_and_malformed_numbers_nothing() {
        assert_eq!(announced("3", "1", "web", 1), ["web", "unknown", "unknown"]);
        assert_eq!(announced("2", "1", ":b", 1), ["unknown", "b"]);
        for (count, process) in [("-1", "1"), ("", "1"), ("x", "1"), ("1", "x"), ("99999", "1")] {
            assert!(announced(count, process, "", 1).is_empty(), "{count} {process}");
        }
    }

    #[test]
    fn a_socket_is_found_by_name_and_by_index_as_often_as_wanted() {
        let activation = Activation::with_sockets([("web".to_owned(), listener()), ("mail".to_owned(), listener())]);
        let address = |wanted: &str| activation.socket(wanted).unwrap().local_addr().unwrap().as_socket();
        assert_eq!(address("web"), address("0"));
        assert_eq!(address("mail"), address("1"));
        assert_ne!(address("web"), address("mail"));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let none = Activation::default();
        assert_eq!(none.socket("web").unwrap_err(), ActivationError::NoSockets);
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let activation = Activation::with_sockets([
            ("a".to_owned(), listener()),
            ("a".to_owned(), listener()),
            ("dns".to_owned(), udp.into()),
        ]);
        assert_eq!(activation.socket("a").unwrap_err(), ActivationError::Ambiguous { indexes: vec![0, 1] });
        assert_eq!(activation.socket("dns").unwrap_err(), ActivationError::NotListening);
        let unknown = activation.socket("9").unwrap_err();
        assert_eq!(unknown, ActivationError::Unknown { known: vec!["0 (a)".into(), "1 (a)".into(), "2 (dns)".into()] });
        assert!(activation.socket("a").unwrap_err().to_string().contains("systemd:0, systemd:1"));
    }
}
