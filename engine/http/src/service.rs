//! What a connection needs of those above: settings, an answer for each request, and a record of it.
//!
//! One trait, so that protocols know nothing of routes and the story of a request is told in one place.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Error, Exchange, Moment, Peer, RequestHead, Response, ResponseHead};
use glorieta_net::{Stream, TunnelReport};

use crate::h1::codec::Limits;

/// The versions of HTTP that are spoken over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub h1: bool,
    pub h2: bool,
}

/// What a client may do, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub limits: Limits,
    pub versions: Versions,
    /// Requests of one connection at one time, where it carries several.
    pub streams: u32,
    /// From a request's first byte to the end of its head.
    pub head_timeout: Duration,
    /// Between two reads of a body.
    pub body_timeout: Duration,
    /// Between two writes to a client that does not read.
    pub write_timeout: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// Requests on one connection; 0: unlimited.
    pub requests_per_connection: u32,
    /// The slowest body in bytes per second, averaged after the first 5 s of waiting; 0: any.
    pub body_rate: u32,
}

impl Settings {
    /// Whether a connection has had as many requests as it may.
    pub fn are_enough(&self, requests: u32) -> bool {
        self.requests_per_connection > 0 && requests >= self.requests_per_connection
    }
}

/// What is known of a request when it is over. Dropping it writes it down, also when its client vanished.
pub trait Record {
    /// Bytes of the answer's body that the kernel has taken.
    fn bytes_out(&mut self, bytes: u64);

    /// The answer did not arrive whole.
    fn fail(&mut self, error: &Error);

    /// The answer failed before a byte of it was written: what is answered instead.
    fn instead(&mut self, error: &Error) -> Response;

    /// A tunnel has ended.
    fn tunnelled(&mut self, report: &TunnelReport);
}

/// How a request is answered.
pub enum Reply<R> {
    Answer(Response, R),
    /// 101: from here on bytes are passed in both directions.
    Switch {
        head: ResponseHead,
        upstream: Box<Stream>,
        /// Bytes of the new protocol that came with the head.
        leftover: Bytes,
        /// How long nothing may move.
        idle: Duration,
        record: R,
    },
}

/// Answers the requests of a connection, several at once where its version of HTTP carries several.
pub trait Service {
    type Record: Record;

    /// The settings for the request that begins now.
    fn settings(&self) -> Rc<Settings>;

    /// Answers a request. Dropping the future cancels it.
    fn serve(&self, exchange: Exchange) -> impl Future<Output = Reply<Self::Record>>;

    /// Answers what could not be understood. `head` holds as much as could be.
    fn refuse(&self, peer: &Peer, head: RequestHead, started: Moment, error: Error) -> (Response, Self::Record);

    /// Notes why a connection was ended that no request was to blame for, such as a flood of control frames. `since`:
    /// when it began.
    fn broken(&self, peer: &Peer, since: Moment, error: &Error);

    /// Whether connections are to end with the request under way.
    fn is_closing(&self) -> bool;

    /// The value of `Date`.
    fn date(&self) -> [u8; 29];

    /// The connection waits for its next request.
    fn became_idle(&self);

    /// It waits no longer.
    fn ceased_idle(&self);
}
