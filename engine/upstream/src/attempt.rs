//! One try: an endpoint, a connection to it, and what comes of it.

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glorieta_core::{At, Error, Kind, Moment, Retry};
use glorieta_http::h1::client::Client;
use glorieta_net::{Stream, timer};
use glorieta_policy::health::outlier;

use crate::endpoint::Unconnected;
use crate::lease::Permit;
use crate::multiplexed::{self, Found, Joined, Seat};
use crate::pick::{Avoided, pick};
use crate::queue::Grant;
use crate::{Endpoint, Outcome, Upstream, pool};

/// A connection that may be used: an idle one, the right to open one, or a place on one that carries several requests.
pub(crate) enum Way {
    Idle(Box<Client>, Permit),
    Open(Permit),
    Seat(Seat),
    Joined(Joined),
}

impl Way {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        match self {
            Way::Idle(_, permit) | Way::Open(permit) => &permit.endpoint,
            Way::Seat(seat) => seat.endpoint(),
            Way::Joined(joined) => joined.endpoint(),
        }
    }

    /// Whether the connection has carried a request before, so that its end may have been under way already.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Way::Idle(..) => true,
            Way::Open(_) | Way::Joined(_) => false,
            Way::Seat(seat) => seat.is_reused(),
        }
    }
}

/// Which connections will do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Any,
    /// A new one: the request has just met a dead one.
    New,
}

/// What one try is allowed.
pub(crate) struct Search<'a> {
    pub upstream: &'a Upstream,
    pub key: Option<u64>,
    pub avoided: &'a Avoided,
    pub wanted: Wanted,
    /// Whether a connection that carries several requests will do: not where bytes are to go through it unread, nor where
    /// the request asks for what only HTTP/1.1 can do.
    pub shared: bool,
    /// How long a connection may take to be opened.
    pub patience: Duration,
    pub deadline: Option<Moment>,
}

impl Search<'_> {
    /// Picks an endpoint and a way to it; waits in the queue while all are at their bound.
    ///
    /// # Errors
    /// `no_endpoint`, `queue_full`, `queue_timeout`, `deadline`: none of them has sent anything.
    pub(crate) async fn find(&self, now: Moment) -> Result<Way, Error> {
        match self.look(now)? {
            Some(way) => Ok(way),
            None => self.wait(now).await,
        }
    }

    /// A way that is free now. `Ok(None)`: every endpoint is at its bound.
    fn look(&self, now: Moment) -> Result<Option<Way>, Error> {
        let mut avoided = self.avoided.clone();
        let mut insist = true;
        loop {
            let Some(endpoint) = pick(self.upstream, self.key, &avoided, insist, now) else {
                return if insist { Err(self.upstream.without_endpoint()) } else { Ok(None) };
            };
            if let Some(way) = self.way(&endpoint) {
                return Ok(Some(way));
            }
            if insist {
                // From here on only endpoints other than those found full.
                insist = false;
            }
            avoided.push(endpoint.number);
        }
    }

    fn way(&self, endpoint: &Arc<Endpoint>) -> Option<Way> {
        let state = &self.upstream.state;
        if endpoint.is_shared() && self.shared {
            return multiplexed::find(self.upstream, endpoint, self.patience).map(|found| match found {
                Found::Seat(seat) => Way::Seat(seat),
                Found::Joined(joined) => Way::Joined(joined),
            });
        }
        if self.wanted == Wanted::Any
            && let Some((client, permit)) = pool::take(state, endpoint)
        {
            return Some(Way::Idle(client, permit));
        }
        Permit::take(state, endpoint, self.upstream.settings.max_connections).map(Way::Open)
    }

    async fn wait(&self, now: Moment) -> Result<Way, Error> {
        let settings = &self.upstream.settings;
        let queue = &self.upstream.state.queue;
        let own = now.plus(settings.queue_timeout);
        let until = self.deadline.map_or(own, |deadline| deadline.min(own));
        let mut again = false;
        loop {
            let full = || {
                Error::new(Kind::QueueFull)
                    .with_detail(format!("{}: {} wait already", self.upstream.id, settings.queue))
            };
            let mut place = queue.join(settings.queue, again).ok_or_else(full)?;
            queue.wanted.notify_waiters();
            // Between the last look and joining a connection may have come free.
            if let Some(way) = self.look(Moment::now())? {
                return Ok(self.and_others(way));
            }
            let woken = timer::within(until, pin!(place.woken())).await;
            let Some(grant) = woken else {
                let late = self.deadline.is_some_and(|deadline| deadline <= own);
                return Err(Error::new(if late { Kind::Deadline } else { Kind::QueueTimeout })
                    .with_detail(format!("{}: every connection is in use", self.upstream.id)));
            };
            if let Grant::Released(endpoint) = grant
                && let Some(way) = self.way(&endpoint)
            {
                return Ok(self.and_others(way));
            }
            if let Some(way) = self.look(Moment::now())? {
                return Ok(self.and_others(way));
            }
            again = true;
        }
    }

    /// Where one who waited has found room on a shared connection there may be room for the next.
    fn and_others(&self, way: Way) -> Way {
        if let Way::Seat(_) | Way::Joined(_) = way {
            multiplexed::invite(&self.upstream.state, way.endpoint());
        }
        way
    }
}

/// Opens a connection; `preface`: what goes before everything else.
///
/// # Errors
/// `refused`, `unreachable`, `tls`, `connect_timeout`, `deadline`, or `internal` where this machine has no more
/// descriptors or ports. Nothing has been sent.
pub(crate) async fn open(
    endpoint: &Endpoint,
    preface: &[u8],
    patience: Duration,
    deadline: Option<Moment>,
) -> Result<Stream, Error> {
    within(endpoint, endpoint.connect(preface), patience, deadline).await
}

/// Opens a connection that speaks HTTP/1.1, to an endpoint that may speak HTTP/2 otherwise.
///
/// # Errors
/// As [`open`], and `upgrade_impossible` where the endpoint does not speak HTTP/1.1.
pub(crate) async fn open_single(
    endpoint: &Endpoint,
    patience: Duration,
    deadline: Option<Moment>,
) -> Result<Stream, Error> {
    let opened = within(endpoint, endpoint.connect_by_h1(), patience, deadline).await?;
    opened.ok_or_else(|| {
        let text = format!("{}: offers no WebSockets by HTTP/2, and does not speak HTTP/1.1", endpoint.label());
        Error::new(Kind::UpgradeImpossible).with_detail(text)
    })
}

async fn within<T>(
    endpoint: &Endpoint,
    connecting: impl Future<Output = Result<T, Unconnected>>,
    patience: Duration,
    deadline: Option<Moment>,
) -> Result<T, Error> {
    let own = Moment::now().plus(patience);
    let until = deadline.map_or(own, |deadline| deadline.min(own));
    let name = || endpoint.label();
    match timer::within(until, pin!(connecting)).await {
        Some(Ok(stream)) => Ok(stream),
        Some(Err(Unconnected::Refused(error))) => Err(explain(&error, &name()).retry(Retry::NotSent)),
        Some(Err(Unconnected::Unconvincing(why))) => {
            Err(Error::new(Kind::Tls).with_detail(format!("{}: {why}", name())).retry(Retry::NotSent))
        }
        None if deadline.is_some_and(|deadline| deadline <= own) => {
            Err(Error::new(Kind::Deadline).with_detail(format!("{}: not connected in time", name())))
        }
        None => Err(Error::new(Kind::ConnectTimeout)
            .with_detail(format!("{}: not connected within {} ms", name(), patience.as_millis()))
            .retry(Retry::NotSent)),
    }
}

pub(crate) fn explain(error: &std::io::Error, name: &str) -> Error {
    let (kind, what) = match (error.kind(), error.raw_os_error()) {
        (ErrorKind::ConnectionRefused, _) => (Kind::Refused, "refused".to_owned()),
        (ErrorKind::NotFound, _) => (Kind::Unreachable, "there is no such socket".to_owned()),
        (ErrorKind::ConnectionReset, _) => (Kind::UpstreamReset, "reset while connecting".to_owned()),
        (ErrorKind::TimedOut, _) => (Kind::ConnectTimeout, "did not answer".to_owned()),
        (_, Some(code)) if is_own_shortage(code) => (Kind::Internal, format!("not connected: {error}")),
        _ => (Kind::Unreachable, format!("unreachable: {error}")),
    };
    Error::new(kind).with_detail(format!("{name} {what}"))
}

/// EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL (no port is left): nothing that the endpoint could help.
const fn is_own_shortage(code: i32) -> bool {
    matches!(code, 24 | 23 | 105 | 12 | 99)
}

impl Upstream {
    /// Why there is no endpoint to choose.
    pub(crate) fn without_endpoint(&self) -> Error {
        let (kind, detail) = if !self.state.current().endpoints.is_empty() {
            (Kind::NoEndpoint, format!("no endpoint of {} may be used", self.id))
        } else if self.settings.sources.is_empty() {
            (Kind::NoEndpoint, format!("{} has no endpoint", self.id))
        } else {
            (Kind::NameUnresolved, format!("{}: its names have no address", self.id))
        };
        Error::new(kind).with_detail(detail)
    }

    /// Notes that a try has failed.
    pub(crate) fn note_failure(&self, endpoint: &Endpoint, error: &Error, began: Moment, now: Moment) {
        self.observer.tried(Outcome::Error(error.kind), now.since(began).as_nanos() as u64);
        if error.kind.at() == At::Upstream {
            endpoint.ewma.observe_failure(now);
            self.note_health(endpoint, false, now);
        }
    }

    /// Notes that an endpoint has answered.
    pub(crate) fn note_answer(&self, endpoint: &Endpoint, status: u16, began: Moment, now: Moment) {
        self.observer.tried(Outcome::Status(status), now.since(began).as_nanos() as u64);
        endpoint.ewma.observe(now, now.since(began));
        self.note_health(endpoint, !(500..=599).contains(&status) || status == 501, now);
    }

    /// Notes that an answer broke off within its body, when its head had been noted already.
    pub fn note_broken(&self, endpoint: &Endpoint, kind: Kind) {
        let now = Moment::recent();
        self.observer.tried(Outcome::Error(kind), 0);
        endpoint.ewma.observe_failure(now);
        self.note_health(endpoint, false, now);
    }

    pub(crate) fn note_health(&self, endpoint: &Endpoint, success: bool, now: Moment) {
        let Some(settings) = &self.settings.outlier else { return };
        let counts = || {
            let set = self.state.current();
            let ejected = set.endpoints.iter().filter(|endpoint| endpoint.outlier.is_ejected(now)).count();
            outlier::Counts { total: set.endpoints.len(), ejected }
        };
        if endpoint.outlier.record(now, success, settings, fastrand::u64(..), &self.state.gate, counts) {
            self.state.troubled.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
