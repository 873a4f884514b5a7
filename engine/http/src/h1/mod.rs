//! HTTP/1.1 and 1.0 (RFC 9112): a strict codec that knows no sockets.

pub mod codec;
