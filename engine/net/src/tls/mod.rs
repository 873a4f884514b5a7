//! TLS on both sides, by `rustls`: who answers a handshake, who is believed, and the stream that comes of it.
//!
//! ```text
//! files         certificates, keys, authorities and revocation lists as they lie on disk, and when they change
//! certificate   what one says: its names, how long it lives, whose it is
//! challenges    certificates by which an issuer is convinced (TLS-ALPN-01)
//! terminator    a listener's side: which certificate answers which name
//! originator    an upstream's side: whom it believes, and as whom it shows itself
//! hello         a client's first message, read without answering
//! quic          the same side inside QUIC
//! session       a stream that encrypts, once the handshake is done
//! ```

mod certificate;
mod challenges;
mod credentials;
mod files;
mod hello;
mod originator;
mod quic;
mod session;
mod subject;
mod terminator;
#[cfg(test)]
mod testing;

pub use certificate::{Expiry, identity_of};
pub use challenges::Challenges;
pub use files::{Absent, Refreshed};
pub use hello::{Hello, NoHello, UNRECOGNISED_NAME, last_words, read_hello};
pub use originator::{NO_COMMON_PROTOCOL, Originator, Protocols, Target};
pub use quic::{QuicCredentials, Shown};
pub use session::Session;
pub use terminator::{Refusal, Terminator};

use std::sync::{Arc, LazyLock};

use glorieta_core::Version;
use rustls::crypto::CryptoProvider;

/// The names of HTTP's versions in ALPN (RFC 7301).
const H1: &[u8] = b"http/1.1";
const H2: &[u8] = b"h2";

/// What may be agreed on by ALPN, the best first.
pub const fn http(h1: bool, h2: bool) -> &'static [&'static [u8]] {
    match (h1, h2) {
        (true, true) => &[H2, H1],
        (true, false) => &[H1],
        (false, true) => &[H2],
        (false, false) => &[],
    }
}

fn agreed(name: &[u8]) -> Option<Version> {
    match name {
        H1 => Some(Version::Http11),
        H2 => Some(Version::Http2),
        _ => None,
    }
}

/// The one provider of cryptography.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

fn versions(minimum: glorieta_plan::TlsVersion) -> &'static [&'static rustls::SupportedProtocolVersion] {
    use rustls::version::{TLS12, TLS13};
    static FROM_12: [&rustls::SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match minimum {
        glorieta_plan::TlsVersion::Tls12 => &FROM_12,
        glorieta_plan::TlsVersion::Tls13 => &FROM_12[..1],
    }
}
