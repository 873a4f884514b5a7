//! What HTTP/2 and HTTP/3 have in common: heads and trailers between the `http` crate's types, which the protocol
//! libraries speak, and our own, which everything above speaks. Each is converted once.
//!
//! The libraries check the grammar of single fields; what they let pass and a peer of HTTP/1.1 would read differently
//! is refused here (RFC 9113 §8.2 and §8.3, RFC 9114 §4.2 and §4.3).

mod fields;
mod request;
mod requests;
mod resets;
mod response;
mod rest;
mod source;
#[cfg(test)]
mod tests;

pub use fields::{trailers_in, trailers_out};
pub use request::{RequestFacts, request_in, request_out};
pub(crate) use requests::Requests;
pub(crate) use resets::Resets;
#[cfg(test)]
pub(crate) use resets::STREAMS;
pub use response::{response_in, response_out};
pub(crate) use rest::Rest;
pub(crate) use source::Source;
