//! A header, taken off the begin of a connection and not one byte more.

use std::future::poll_fn;
use std::io;

use bytes::BytesMut;

use super::{Header, Malformed, Parsed, parse};
use crate::Stream;

/// Why there is none.
#[derive(Debug)]
pub enum NoHeader {
    /// The peer went before it was whole.
    Gone,
    Malformed(Malformed),
}

/// Reads a header. Time limits are the caller's.
///
/// # Errors
/// See [`NoHeader`].
pub async fn read_header(stream: &mut Stream) -> Result<Header, NoHeader> {
    let mut bytes = BytesMut::new();
    loop {
        match parse(&bytes).map_err(NoHeader::Malformed)? {
            Parsed::Whole(header, _) => return Ok(header),
            Parsed::More(count) => {
                bytes.reserve(count);
                let read: io::Result<usize> = poll_fn(|cx| stream.poll_read_into(cx, &mut bytes, count)).await;
                if read.map_err(|_| NoHeader::Gone)? == 0 {
                    return Err(NoHeader::Gone);
                }
            }
        }
    }
}
