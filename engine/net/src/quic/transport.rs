//! What a client may have of memory, streams and time.

use std::sync::Arc;
use std::time::Duration;

use quinn::{IdleTimeout, TransportConfig, VarInt};

/// Streams of one direction: HTTP/3 needs three, and some are there to be ignored (RFC 9114 §6.2.3).
const ONE_WAY_STREAMS: u32 = 8;
/// What may lie here of one request's body, unread.
const STREAM_WINDOW: u32 = 256 << 10;
/// What may lie here of all requests of a connection together.
const RECEIVE_WINDOW: u32 = 1 << 20;
/// What may be under way to a client that acknowledges nothing, over all its streams.
const SEND_WINDOW: u64 = 512 << 10;
/// What a handshake may hold back of messages that came out of order.
const HANDSHAKE_BUFFER: usize = 16 << 10;
/// How long nothing at all may come from a client. Between requests the listener's `keep_alive` ends connections
/// earlier; while a client waits for an answer it owes us nothing.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// The settings of connections; a client that moves to another address is followed once it has proved to be there.
///
/// `streams`: requests of one connection at one time.
pub fn transport(streams: u32) -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(streams.into())
        .max_concurrent_uni_streams(ONE_WAY_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(RECEIVE_WINDOW.into())
        .send_window(SEND_WINDOW)
        .crypto_buffer_size(HANDSHAKE_BUFFER)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(LONGEST_SILENCE.as_millis() as u32))))
        // HTTP/3 without extensions sends none.
        .datagram_receive_buffer_size(None);
    Arc::new(transport)
}
