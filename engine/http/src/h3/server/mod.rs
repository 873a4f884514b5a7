//! A client's HTTP/3 connection (RFC 9114): each request is a task of its own, and ends with the connection.
//!
//! ```text
//! driver      the connection: what comes in, how long it may wait, how it ends
//! stream      one request, from its head to the end of its answer
//! wire, request_body, answer      what it is made of
//! carried     what it may become (RFC 9220)
//! ```

mod answer;
mod carried;
mod driver;
mod request_body;
mod stream;
mod wire;

use std::pin::pin;
use std::rc::Rc;

use glorieta_core::{Error, Kind, Moment, Peer};
use glorieta_net::{Timer, timer};

use super::transport::{Shared, Transport};
use crate::service::{Service, Settings};
use driver::Driver;

/// What a field takes of a section's size beside its text (RFC 9114 §4.2.2).
const FIELD: usize = 32;
/// What a field's lengths take in an encoded section, at most.
const ENCODED: usize = 8;

/// Serves a connection of HTTP/3 until either side ends it.
///
/// `timer` is the connection's own: ringing its alarm makes an idle connection look at [`Service::is_closing`] and
/// end.
pub async fn serve<S: Service + 'static>(connection: quinn::Connection, timer: Timer, peer: Peer, service: Rc<S>) {
    let begun = Moment::now();
    let settings = service.settings();
    let shared = Shared::new(connection, longest_encoded(&settings));
    let mut builder = h3::server::builder();
    builder.max_field_section_size(longest(&settings) as u64).enable_extended_connect(true).send_grease(false);
    // It waits only for room to say the settings.
    let greeting = pin!(builder.build(Transport::new(shared.clone())));
    let greeted = timer::within(begun.plus(settings.head_timeout), greeting).await;
    drop(settings);
    match greeted {
        Some(Ok(connection)) => Driver::new(connection, shared, timer, peer, service, begun).run().await,
        Some(Err(_)) => {}
        None => service.broken(&peer, begun, &Error::because(Kind::HeadTimeout, "there is no room for settings")),
    }
}

/// The longest head that is decoded; somewhat more than a head may have: what is a little too large is then answered
/// in words.
fn longest(settings: &Settings) -> usize {
    settings.limits.head_bytes + settings.limits.header_count * 2 * FIELD
}

fn longest_encoded(settings: &Settings) -> usize {
    settings.limits.head_bytes + settings.limits.header_count * 2 * ENCODED
}
