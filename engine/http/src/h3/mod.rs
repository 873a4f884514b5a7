//! HTTP/3 (RFC 9114) towards clients, over QUIC by `quinn` with frames, QPACK and the control stream by `h3`.
//!
//! `h3` trusts its peers further than a listener may: it keeps whole frames however long they are, reads ahead of what
//! is used, takes a body that was cut inside a frame for whole, and lets pseudo-headers come twice or late. And what
//! it writes looks whole when it is dropped half-way. So the streams that it reads and writes are ours:
//!
//! ```text
//! section     pseudo-headers of an encoded field section: each once, before all else
//! frames      what may pass of a stream's frames to `h3`, no more at a time than is used
//! transport   `quinn`'s connection and streams as `h3` wants them
//! server      a client's connection and its requests
//! ```
//!
//! QPACK's dynamic table is off: nothing waits for another stream, and no table grows (RFC 9204 §7).

mod frames;
mod section;
pub mod server;
mod transport;
