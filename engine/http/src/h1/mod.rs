//! HTTP/1.1 and 1.0 (RFC 9112): a strict codec that knows no sockets, and the connections that drive it.

pub mod client;
pub mod codec;
mod pieces;
pub(crate) mod pump;
pub mod server;
