//! What HTTP/2 and HTTP/3 have in common: heads and trailers between the `http` crate's types, which the protocol
//! libraries speak, and our own, which everything above speaks, each converted once; bodies and WebSockets.
//!
//! The libraries check the grammar of single fields; what they let pass and a peer of HTTP/1.1 would read differently
//! is refused here (RFC 9113 §8.2 and §8.3, RFC 9114 §4.2 and §4.3).

mod fields;
pub(crate) mod pieces;
mod request;
mod request_body;
mod requests;
mod resets;
mod response;
mod rest;
mod source;
#[cfg(test)]
mod tests;
pub mod websocket;

pub use fields::{trailers_in, trailers_out};
pub use request::{RequestFacts, request_in, request_out};
pub(crate) use request_body::{Asker, First, Incoming, RequestBody};
pub(crate) use requests::Requests;
pub(crate) use resets::Resets;
#[cfg(test)]
pub(crate) use resets::STREAMS;
pub use response::{response_in, response_out};
pub(crate) use rest::Rest;
pub(crate) use source::Source;

/// Bytes of interim answers that a request may have in all: a client that reads none of them keeps them here.
pub(crate) const MOST_INTERIM: usize = 16 << 10;
