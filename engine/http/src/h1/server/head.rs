//! Reading a request's head, within its time.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Buf;
use glorieta_core::{Error, Kind, Moment, RequestHead, Version};

use super::connection::Connection;
use crate::h1::codec::{Parsed, RequestMeta, parse_request};
use crate::service::Settings;

/// Why there is no head.
pub enum HeadEnd {
    /// The client went before its request was whole: nobody is left to answer.
    Gone,
    Bad(Error),
}

/// Reads until the head is whole. Its bytes are taken out of the connection's input.
pub async fn read_head(
    connection: &Connection,
    settings: &Settings,
    started: Moment,
    head: &mut RequestHead,
) -> Result<RequestMeta, HeadEnd> {
    let mut armed = false;
    loop {
        let parsed = connection.with_input(|input| {
            let parsed = parse_request(input, &settings.limits, head);
            if let Ok(Parsed::Complete { consumed, .. }) = parsed {
                input.advance(consumed);
            }
            parsed
        });
        match parsed.map_err(HeadEnd::Bad)? {
            Parsed::Complete { value, .. } => {
                connection.knows_interim.set(head.version >= Version::Http11);
                return Ok(value);
            }
            Parsed::Partial => {}
        }
        connection.settle();
        if !armed {
            connection.timer.arm(started.plus(settings.head_timeout));
            armed = true;
        }
        let read = poll_fn(|cx| match connection.poll_fill(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => connection.timer.poll(cx).map(|()| None),
        });
        match read.await {
            None => return Err(HeadEnd::Bad(Error::new(Kind::HeadTimeout))),
            Some(Ok(count)) if count > 0 => {}
            Some(_) => return Err(HeadEnd::Gone),
        }
    }
}
