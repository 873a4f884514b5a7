//! The next piece of a body out of what has been read: the same for requests and answers.

use bytes::{Buf, Bytes};
use glorieta_core::{Error, Frame};

use super::codec::{ChunkStep, ChunkedDecoder};
use crate::buffers::Input;

/// What there is of a body of which `left` bytes are to come. Counting them off is the caller's part.
pub fn take_known(left: u64, input: &mut Input) -> Bytes {
    let length = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
    input.take(length)
}

/// The next piece of a chunked body; `None`: more must be read. `Ok(None)`: it has ended, without trailers.
pub fn take_chunk(decoder: &mut ChunkedDecoder, input: &mut Input) -> Option<Result<Option<Frame>, Error>> {
    while !input.is_empty() {
        match decoder.decode(input) {
            Ok(ChunkStep::Need { consumed }) => input.advance(consumed),
            Ok(ChunkStep::Data { skip, length }) => {
                input.advance(skip);
                return Some(Ok(Some(Frame::Data(input.take(length)))));
            }
            Ok(ChunkStep::End { consumed, trailers }) => {
                input.advance(consumed);
                return Some(Ok(trailers.map(Frame::Trailers)));
            }
            Err(error) => return Some(Err(error)),
        }
    }
    None
}
