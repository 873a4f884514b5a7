//! Two connections joined byte for byte: layer-4 load balancing, WebSocket and other upgrades.
//!
//! One task moves both directions, so one wake-up serves both. A direction copies through a buffer that the worker's
//! tunnels share, and changes to `splice(2)` once much has passed: below some 16 KiB per turn two copies are
//! cheaper than moving pages. Nothing is read while the other side has not taken what was read before, so memory
//! is bounded by one buffer or one pipe for each direction that is stuck, and an idle tunnel holds neither.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use crate::Stream;
use crate::way::{Failure, Way};

#[derive(Clone, Copy, Debug)]
pub struct TunnelOptions {
    /// How long nothing may move in either direction; zero: for ever. Noticed at most a quarter of it later.
    pub idle: Duration,
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides have said all they had to say.
    Closed,
    /// Nothing moved for the time allowed.
    Idle,
    /// The client reset the connection or no longer took what was sent to it.
    ClientError,
    /// The upstream did.
    UpstreamError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelReport {
    /// Bytes that came from the client, those read before the tunnel began included.
    pub bytes_in: u64,
    /// Bytes that came from the upstream, likewise.
    pub bytes_out: u64,
    pub end: End,
}

/// Joins two streams until both directions have ended.
///
/// The prefixes are bytes that were read from the other side while it was decided that this is a tunnel. When one side
/// ends its direction (FIN), that is passed on after the last byte and the other direction stays open (half-close).
/// A reset is passed on as a reset, so that nobody takes a cut-off stream for a complete one.
pub async fn tunnel(
    client: Stream,
    upstream: Stream,
    prefix_to_upstream: Bytes,
    prefix_to_client: Bytes,
    options: TunnelOptions,
) -> TunnelReport {
    let plain = client.is_plain() && upstream.is_plain();
    let (inward, outward) = (Way::new(prefix_to_upstream, plain), Way::new(prefix_to_client, plain));
    let mut tunnel = Tunnel { client, upstream, inward, outward };
    let mut idle = Idle::new(options.idle);
    let end = poll_fn(|cx| {
        if let Poll::Ready(end) = tunnel.poll(cx) {
            return Poll::Ready(end);
        }
        ready!(idle.poll(cx, tunnel.inward.moved + tunnel.outward.moved));
        tunnel.cut();
        Poll::Ready(End::Idle)
    })
    .await;
    TunnelReport { bytes_in: tunnel.inward.bytes, bytes_out: tunnel.outward.bytes, end }
}

struct Tunnel {
    client: Stream,
    upstream: Stream,
    inward: Way,
    outward: Way,
}

impl Tunnel {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Err(Failure) = self.inward.poll(cx, &mut self.client, &mut self.upstream) {
            self.upstream.reset_on_close();
            // A client that resets after it was told everything has only closed in a hurry.
            return Poll::Ready(if self.outward.is_done() { End::Closed } else { End::ClientError });
        }
        if let Err(Failure) = self.outward.poll(cx, &mut self.upstream, &mut self.client) {
            // An upstream that refused the rest of a request may still have answered it: the answer shall arrive.
            if !self.inward.is_refused() {
                self.client.reset_on_close();
            }
            return Poll::Ready(End::UpstreamError);
        }
        match (self.inward.is_over(), self.outward.is_over()) {
            (true, true) if self.inward.is_refused() => Poll::Ready(End::UpstreamError),
            (true, true) if self.outward.is_refused() => Poll::Ready(End::ClientError),
            (true, true) => Poll::Ready(End::Closed),
            _ => Poll::Pending,
        }
    }

    /// Ends a tunnel early: who has not got all that was read for it gets a reset.
    fn cut(&mut self) {
        if self.inward.holds_bytes() {
            self.upstream.reset_on_close();
        }
        if self.outward.holds_bytes() {
            self.client.reset_on_close();
        }
    }
}

/// Counts quarters of the time allowed in which nothing moved, so that moving bytes costs no look at the clock.
struct Idle {
    quarter: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    seen: u64,
    quiet: u8,
}

impl Idle {
    fn new(allowed: Duration) -> Idle {
        let quarter = allowed / 4;
        let sleep = (!quarter.is_zero()).then(|| Box::pin(tokio::time::sleep(quarter)));
        Idle { quarter, sleep, seen: 0, quiet: 0 }
    }

    fn poll(&mut self, cx: &mut Context<'_>, moved: u64) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        loop {
            ready!(sleep.as_mut().poll(cx));
            self.quiet = if moved == self.seen { self.quiet + 1 } else { 0 };
            self.seen = moved;
            if self.quiet == 4 {
                return Poll::Ready(());
            }
            let next = sleep.deadline() + self.quarter;
            sleep.as_mut().reset(next);
        }
    }
}

#[cfg(test)]
#[path = "tunnel_tests.rs"]
mod tests;
