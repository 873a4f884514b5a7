//! A client's HTTP/2 connection (RFC 9113): each request is a task of its own, and ends with the connection.
//!
//! ```text
//! frames      the headers of frames in a stream of bytes
//! meter       floods, told from work by those headers
//! guarded     the socket beneath, metered
//! driver      the connection: what comes in, how long it may wait, how it ends
//! stream      one request, from its head to the end of its answer
//! wire, request_body, answer      what it is made of
//! websocket, tunnel               what it may become (RFC 8441)
//! ```

mod answer;
mod driver;
mod frames;
mod guarded;
mod meter;
mod request_body;
mod stream;
#[cfg(test)]
mod tests;
mod tunnel;
mod websocket;
mod wire;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Peer};
use glorieta_net::{Stream, Timer};
use h2::server::Builder;

use crate::service::{Service, Settings};
use answer::SEND_BUFFER;
use driver::Driver;
use guarded::Guarded;

/// What a client may send before it is read, for each stream and in all.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What frames of bodies may cost besides their bytes until they are read; the library counts up to 256 bytes for each,
/// and ends the connection beyond this. A service that takes small messages slowly is no fault of its client's.
const DATA_OVERHEAD: usize = 4 << 20;
/// What a field takes of SETTINGS_MAX_HEADER_LIST_SIZE beside its text (RFC 9113 §6.5.2).
const FIELD: u32 = 32;

/// Serves a connection of HTTP/2 until either side ends it. `input`: what was read of it already.
pub async fn serve<S: Service + 'static>(stream: Stream, input: Bytes, timer: Timer, peer: Peer, service: Rc<S>) {
    let begun = Moment::now();
    let settings = service.settings();
    let (guarded, watched) = Guarded::new(stream, input);
    let mut greeting = builder(&settings).handshake(guarded);
    timer.arm(begun.plus(settings.head_timeout));
    let greeted = poll_fn(|cx| match std::pin::Pin::new(&mut greeting).poll(cx) {
        Poll::Ready(greeted) => Poll::Ready(Some(greeted)),
        Poll::Pending => timer.poll(cx).map(|()| None),
    })
    .await;
    drop((greeting, settings));
    match greeted {
        Some(Ok(connection)) => Driver::new(connection, watched, timer, peer, service, begun).run().await,
        Some(Err(error)) if error.is_io() => {}
        Some(Err(_)) => {
            service.broken(&peer, begun, &Error::because(Kind::ProtocolBroken, "the preface is not HTTP/2's"));
        }
        None => service.broken(&peer, begun, &Error::because(Kind::HeadTimeout, "the preface did not come")),
    }
}

fn builder(settings: &Settings) -> Builder {
    let fields = settings.limits.header_count as u32;
    // Somewhat more than a head may have: what is a little too large is then answered in words.
    let list = (settings.limits.head_bytes as u32).saturating_add(fields.saturating_mul(2 * FIELD));
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(settings.streams)
        .max_header_list_size(list)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(DATA_OVERHEAD)
        .enable_connect_protocol();
    builder
}
