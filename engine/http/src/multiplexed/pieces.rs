//! What comes of a stream in pieces, read as a tunnel reads.

use std::io;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

/// A stream whose bytes come in pieces.
pub(crate) trait Pieces {
    /// Waits until there are bytes in hand, unless there are some; none are left at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// What has come and was not read.
    fn in_hand(&mut self) -> &mut Bytes;

    /// So many bytes have been read: the peer may send as many again.
    fn taken(&mut self, _count: usize) {}
}

/// Reads what there is. Small pieces are read together: each read is a write to the other side.
pub(crate) fn poll_read<P: Pieces>(
    pieces: &mut P,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let before = buffer.filled().len();
    while buffer.remaining() > 0 {
        match pieces.poll_fill(cx) {
            Poll::Ready(Ok(())) if pieces.in_hand().is_empty() => break,
            Poll::Ready(Ok(())) => {}
            // It is met again once these bytes have been passed on.
            Poll::Ready(Err(_)) | Poll::Pending if buffer.filled().len() > before => break,
            other => return other,
        }
        let piece = pieces.in_hand();
        let count = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece[..count]);
        piece.advance(count);
        pieces.taken(count);
    }
    Poll::Ready(Ok(()))
}
