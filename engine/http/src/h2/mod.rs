//! HTTP/2 (RFC 9113), over the `h2` crate, which knows frames, streams, windows and HPACK.

mod carried;
pub mod client;
pub mod server;
