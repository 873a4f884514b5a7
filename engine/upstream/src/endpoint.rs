//! One endpoint's state, shared by all workers and kept through reloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use glorieta_core::Moment;
use glorieta_net::tls::{NO_COMMON_PROTOCOL, Protocols, Target};
use glorieta_net::{self as net, Destination, Stream};
use glorieta_plan::UpstreamVersion;
use glorieta_policy::balance::peak_ewma::Ewma;
use glorieta_policy::health::{Outlier, Streak};
use tokio::io::AsyncWriteExt;

use crate::settings::endpoint_hash;

/// Numbers endpoints for as long as the process lives.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub struct Endpoint {
    pub(crate) number: u64,
    /// As it was written, such as `localhost:3000`.
    pub name: Arc<str>,
    pub destination: Destination,
    /// `None`: it is spoken to in clear.
    pub(crate) tls: Option<Target>,
    pub(crate) version: UpstreamVersion,
    /// With `auto`: the last connection agreed on HTTP/1.1, so that the next is not shared.
    declines: AtomicBool,
    /// How many requests at once its last HTTP/2 connection allowed.
    pub(crate) allowed_streams: AtomicU32,
    pub(crate) hash: u64,
    pub(crate) ewma: Ewma,
    pub(crate) in_flight: AtomicU32,
    /// Connections that exist, over all workers, idle ones included.
    pub(crate) connections: AtomicU32,
    pub(crate) streak: Streak,
    pub(crate) outlier: Outlier,
    /// No set has it any more.
    retired: AtomicBool,
}

/// Why there is no connection to an endpoint.
#[derive(Debug)]
pub(crate) enum Unconnected {
    Refused(std::io::Error),
    /// The TLS handshake failed.
    Unconvincing(String),
}

/// What an endpoint is fit for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    Up,
    /// Active checks fail.
    Down,
    /// Real requests failed.
    Ejected,
}

impl EndpointState {
    pub const ALL: [EndpointState; 3] = [EndpointState::Up, EndpointState::Down, EndpointState::Ejected];

    /// The word in metrics and the JSON view.
    pub const fn word(self) -> &'static str {
        match self {
            EndpointState::Up => "up",
            EndpointState::Down => "down",
            EndpointState::Ejected => "ejected",
        }
    }
}

impl Endpoint {
    pub(crate) fn new(
        name: Arc<str>,
        destination: Destination,
        tls: Option<Target>,
        version: UpstreamVersion,
        outlier: Option<&glorieta_plan::Outlier>,
    ) -> Endpoint {
        let hash = endpoint_hash(&name, &destination);
        Endpoint {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            name,
            destination,
            declines: AtomicBool::new(version == UpstreamVersion::Auto && tls.is_none()),
            allowed_streams: AtomicU32::new(u32::MAX),
            tls,
            version,
            hash,
            ewma: Ewma::new(),
            in_flight: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            streak: Streak::new(),
            outlier: Outlier::new(outlier.unwrap_or(&NO_OUTLIER)),
            retired: AtomicBool::new(false),
        }
    }

    /// Connects, encrypted where that is asked for. `preface`: a PROXY header that goes before everything; empty: none.
    /// Time limits are the caller's.
    pub(crate) async fn connect(&self, preface: &[u8]) -> Result<Stream, Unconnected> {
        let mut stream = net::connect(&self.destination).await.map_err(Unconnected::Refused)?;
        if !preface.is_empty() {
            stream.write_all(preface).await.map_err(Unconnected::Refused)?;
        }
        match &self.tls {
            None => Ok(stream),
            Some(target) => target.connect(stream).await.map_err(Unconnected::Unconvincing),
        }
    }

    /// Connects for HTTP/1.1 alone, whatever the endpoint likes better; `None`: it does not speak that, or does not say
    /// so. It has selected HTTP/2 before, so it knows ALPN; to guess would count against it what a client asks for.
    pub(crate) async fn connect_by_h1(&self) -> Result<Option<Stream>, Unconnected> {
        let stream = net::connect(&self.destination).await.map_err(Unconnected::Refused)?;
        let Some(target) = &self.tls else { return Ok(Some(stream)) };
        match target.connect_by(stream, H1).await {
            Ok(stream) => Ok(Some(stream).filter(|stream| stream.protocol() == Some(b"http/1.1"))),
            Err(why) if why.starts_with(NO_COMMON_PROTOCOL) => Ok(None),
            Err(why) => Err(Unconnected::Unconvincing(why)),
        }
    }

    /// Whether requests to it share connections, as far as is known.
    pub(crate) fn is_shared(&self) -> bool {
        self.version != UpstreamVersion::H1 && !self.declines.load(Ordering::Relaxed)
    }

    /// Whether a connection that has just been opened speaks HTTP/2.
    ///
    /// # Errors
    /// A sentence, where it must and does not.
    pub(crate) fn agreed_on_h2(&self, stream: &Stream) -> Result<bool, String> {
        let agreed = match (self.version, &self.tls) {
            (UpstreamVersion::H1, _) | (UpstreamVersion::Auto, None) => false,
            (UpstreamVersion::H2, None) => true,
            (UpstreamVersion::H2 | UpstreamVersion::Auto, Some(_)) => stream.protocol() == Some(b"h2"),
        };
        if self.version == UpstreamVersion::H2 && !agreed {
            return Err(format!("{NO_COMMON_PROTOCOL}: it does not select h2 by ALPN, which version: h2 requires"));
        }
        self.declines.store(!agreed, Ordering::Relaxed);
        Ok(agreed)
    }

    pub fn state(&self, now: Moment) -> EndpointState {
        if !self.streak.is_up() {
            EndpointState::Down
        } else if self.outlier.is_ejected(now) {
            EndpointState::Ejected
        } else {
            EndpointState::Up
        }
    }

    pub(crate) fn is_usable(&self, now: Moment) -> bool {
        self.streak.is_up() && !self.outlier.is_ejected(now)
    }

    /// Requests and tunnels under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Connections that exist, idle ones included.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The expected time of an answer, in nanoseconds.
    pub fn expected(&self, now: Moment) -> f64 {
        self.ewma.get(now)
    }

    /// The name, and the address where that is another.
    pub fn label(&self) -> String {
        let destination = self.destination.to_string();
        if *self.name == *destination { destination } else { format!("{} ({destination})", self.name) }
    }

    pub(crate) fn retire(&self, retired: bool) {
        self.retired.store(retired, Ordering::Release);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Takes the right to one more connection; `false`: there are `most` already.
    pub(crate) fn take_permit(&self, most: u32) -> bool {
        let taken = self.connections.fetch_add(1, Ordering::AcqRel);
        if taken >= most {
            self.connections.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        true
    }
}

/// What is offered where only HTTP/1.1 will do.
const H1: Protocols = &[b"http/1.1"];

/// Where passive checks are off nothing is recorded; the window's width alone is needed.
const NO_OUTLIER: glorieta_plan::Outlier = glorieta_plan::Outlier {
    consecutive: 0,
    success_percent: 0,
    window_ms: 10_000,
    minimum_requests: 0,
    ejection_ms: 0,
    max_ejection_ms: 0,
    max_percent: 0,
};
