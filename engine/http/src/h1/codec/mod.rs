//! The HTTP/1.1 and 1.0 codec: bytes in, heads and steps out; no sockets, no clock.
//!
//! It is strict on purpose: whatever two parsers could read differently is refused, because a
//! proxy that guesses is how requests are smuggled (RFC 9112 §11.2). Heads are parsed into spans
//! over one copied block and always written anew; nothing received is passed through unparsed.

mod chunked;
mod connection;
mod encode;
mod fields;
mod framing;
mod hop;
mod lines;
mod reason;
mod request;
mod response;
mod scan;
mod target;
mod trailers;

#[cfg(test)]
mod tests;

pub use chunked::{ChunkStep, ChunkedDecoder};
pub(crate) use encode::write_target;
pub use encode::{
    Close, write_bodiless_response, write_chunk_end, write_chunk_head, write_last_chunk, write_request, write_response,
};
pub(crate) use framing::length;
pub use hop::{strip_hop_by_hop_request, strip_hop_by_hop_response};
pub use reason::reason_phrase;
pub use request::{RequestMeta, parse_request};
pub use response::{ResponseMeta, parse_response};
pub use target::is_authority;
pub use trailers::TrailerLimits;
pub(crate) use trailers::is_forbidden as is_forbidden_trailer;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes from the first of the start line to the end of the empty line.
    pub head_bytes: usize,
    /// Field lines.
    pub header_count: usize,
    /// Bytes of a request's target. Not used for responses.
    pub target_bytes: usize,
}

impl Default for Limits {
    /// 32 KiB, 100 fields, and 8 KiB of target, which RFC 9112 §3 asks for as the least.
    fn default() -> Limits {
        Limits { head_bytes: 32 * 1024, header_count: 100, target_bytes: 8 * 1024 }
    }
}

/// What came of parsing the bytes received so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// The first `consumed` bytes are the head; what follows is its body, or the next message.
    Complete { value: T, consumed: usize },
    /// More bytes are needed. Nothing is remembered: parse again from the same first byte.
    Partial,
}

/// Where a body ends. The one enum that decides body length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// After this many bytes.
    Length(u64),
    /// After the last chunk and the trailers (RFC 9112 §7.1).
    Chunked,
    /// When the sender closes. Responses only (RFC 9112 §6.3, rule 8).
    UntilClose,
}

impl Framing {
    /// Whether not one byte of body follows.
    pub const fn is_empty(self) -> bool {
        matches!(self, Framing::None | Framing::Length(0))
    }
}
