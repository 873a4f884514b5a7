//! Tells systemd how far we are (sd_notify(3)): one datagram to the socket that it names.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends a state such as `READY=1`. Nobody to tell is the normal case; a supervisor that does not
/// listen is its own trouble, never a reason not to serve.
pub fn tell(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = address(name.as_encoded_bytes())
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        eprintln!("glorieta-engine: NOTIFY_SOCKET {}: {error}", name.display());
    }
}

/// A path, or with an `@` in front a name in Linux's abstract space.
fn address(name: &[u8]) -> std::io::Result<SocketAddr> {
    match name.split_first() {
        Some((b'@', rest)) => SocketAddr::from_abstract_name(rest),
        _ => SocketAddr::from_pathname(std::str::from_utf8(name).map_err(std::io::Error::other)?),
    }
}

/// `RELOADING=1` with the clock reading that `Type=notify-reload` wants.
pub fn reloading() -> String {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every Linux, and the time is written to a live place.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1000)
}
