//! HTTP/2 (RFC 9113), through the `h2` crate: frames, streams and flow control are its part.

pub mod client;
