//! An upstream's settings as they are used: read from the Plan once.

use std::sync::Arc;
use std::time::Duration;

use glorieta_http::h1::codec::Limits;
use glorieta_net::Destination;
use glorieta_net::proxy_protocol::Version;
use glorieta_net::tls::{Absent, Originator, Protocols, Target};
use glorieta_plan::{ProxyVersion, UpstreamVersion};
use glorieta_policy::{Word, balance::hash};

/// How an endpoint is chosen.
#[derive(Clone, Debug)]
pub enum Balance {
    PeakEwma,
    RoundRobin,
    Random,
    FirstAvailable,
    /// By the value of this request word.
    Hash(Word),
}

/// Where endpoints come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// As it was written.
    pub written: Arc<str>,
    pub weight: u32,
    pub place: Place,
    /// `None`: in clear.
    pub tls: Option<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Fixed(Destination),
    Name { host: Arc<str>, port: u16 },
}

pub struct Settings {
    pub balance: Balance,
    /// `None`: endpoints are spoken to in clear.
    pub tls: Option<Arc<Originator>>,
    /// The PROXY header with which connections begin; `None`: none.
    pub proxy_protocol: Option<Version>,
    pub version: UpstreamVersion,
    pub(crate) sources: Vec<Source>,
    /// Connections to one endpoint, over all workers.
    pub max_connections: u32,
    pub idle: Duration,
    pub max_age: Duration,
    /// Requests on one connection at a time, by HTTP/2.
    pub max_streams: u32,
    /// Requests that may wait for a connection.
    pub queue: u32,
    pub queue_timeout: Duration,
    pub backoff: Duration,
    pub outlier: Option<glorieta_plan::Outlier>,
    pub health: Option<glorieta_plan::ActiveCheck>,
    pub panic_percent: u32,
    /// Of an answer's head.
    pub limits: Limits,
}

impl Settings {
    /// Reads the Plan's. `before`: those of the same upstream in the running Plan; `absent`: what files that are not at
    /// hand mean.
    ///
    /// # Errors
    /// A sentence for each endpoint, word or file that cannot be understood.
    pub fn read(
        plan: &glorieta_plan::Upstream,
        before: Option<&Settings>,
        absent: Absent,
    ) -> Result<Settings, Vec<String>> {
        let mut problems = Vec::new();
        let tls = plan.tls.as_ref().and_then(|tls| {
            let built =
                Originator::build(tls, protocols(plan.version), before.and_then(|before| before.tls.as_ref()), absent);
            built.map_err(|problem| problems.push(format!("tls: {problem}"))).ok()
        });
        let mut sources = Vec::with_capacity(plan.endpoints.len());
        for endpoint in &plan.endpoints {
            match Source::read(&endpoint.address, endpoint.weight, tls.as_ref()) {
                Ok(source) => sources.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        let balance = match &plan.balance {
            glorieta_plan::Balance::PeakEwma => Balance::PeakEwma,
            glorieta_plan::Balance::RoundRobin => Balance::RoundRobin,
            glorieta_plan::Balance::Random => Balance::Random,
            glorieta_plan::Balance::FirstAvailable => Balance::FirstAvailable,
            glorieta_plan::Balance::Hash(word) => match Word::parse(word) {
                Ok(word) if !word.is_outcome() => Balance::Hash(word),
                Ok(_) => {
                    problems.push(format!("{word:?} is known only once the request has been answered"));
                    Balance::PeakEwma
                }
                Err(problem) => {
                    problems.push(problem);
                    Balance::PeakEwma
                }
            },
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Settings {
            balance,
            tls,
            proxy_protocol: plan.proxy_protocol.map(|version| match version {
                ProxyVersion::V1 => Version::V1,
                ProxyVersion::V2 => Version::V2,
            }),
            version: plan.version,
            sources,
            max_connections: plan.pool.max_connections.max(1),
            idle: Duration::from_millis(plan.pool.idle_ms),
            max_age: Duration::from_millis(plan.pool.max_age_ms),
            max_streams: plan.pool.max_streams.max(1),
            queue: plan.queue.max,
            queue_timeout: Duration::from_millis(plan.queue.timeout_ms),
            backoff: Duration::from_millis(plan.retry_budget.backoff_ms),
            outlier: plan.outlier.clone(),
            health: plan.health.clone(),
            panic_percent: plan.panic_percent,
            limits: Limits {
                head_bytes: plan.response_head_bytes as usize,
                header_count: plan.response_header_count as usize,
                ..Limits::default()
            },
        })
    }
}

/// What is offered to endpoints by ALPN. HTTP/1.1 alone needs no agreement.
const fn protocols(version: UpstreamVersion) -> Protocols {
    match version {
        UpstreamVersion::H1 => &[],
        UpstreamVersion::H2 => &[b"h2"],
        UpstreamVersion::Auto => &[b"h2", b"http/1.1"],
    }
}

impl Source {
    fn read(address: &str, weight: u32, tls: Option<&Arc<Originator>>) -> Result<Source, String> {
        let source = |place| {
            let host = address.rsplit_once(':').map(|(host, _)| host).filter(|_| !address.starts_with("unix:"));
            let tls = tls.map(|tls| tls.target(host)).transpose().map_err(|problem| format!("{address}: {problem}"))?;
            Ok(Source { written: address.into(), weight: weight.max(1), place, tls })
        };
        if let Some(path) = address.strip_prefix("unix:") {
            let path: &std::path::Path = path.as_ref();
            return source(Place::Fixed(Destination::Unix(path.into())));
        }
        if let Ok(address) = address.parse() {
            return source(Place::Fixed(Destination::Tcp(address)));
        }
        let Some((host, port)) = address.rsplit_once(':') else {
            return Err(format!("{address:?} has no port; write {address}:80"));
        };
        let Ok(port) = port.parse::<u16>() else {
            return Err(format!("{address:?}: {port:?} is not a port"));
        };
        if host.is_empty() || host.contains([':', '/', '@', ' ']) {
            return Err(format!("{address:?} is no address; write name:port, 10.0.0.1:80, [::1]:80 or unix:/path"));
        }
        // One endpoint, not one for each family: a service that listens with one of them is not half down.
        if host.eq_ignore_ascii_case("localhost") {
            return source(Place::Fixed(Destination::Localhost(port)));
        }
        source(Place::Name { host: host.into(), port })
    }
}

/// The number by which an endpoint is known to hashing: the same on every machine.
pub(crate) fn endpoint_hash(written: &str, destination: &Destination) -> u64 {
    hash::of(format!("{written} {destination}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_all_their_forms() {
        let place = |text: &str| Source::read(text, 1, None).map(|source| source.place);
        let address = |text: &str| Place::Fixed(Destination::Tcp(text.parse().unwrap()));
        assert_eq!(place("10.0.0.1:80"), Ok(address("10.0.0.1:80")));
        assert_eq!(place("[::1]:80"), Ok(address("[::1]:80")));
        assert_eq!(place("localhost:80"), Ok(Place::Fixed(Destination::Localhost(80))));
        assert_eq!(place("a.example:80"), Ok(Place::Name { host: "a.example".into(), port: 80 }));
        let path: &std::path::Path = "/run/a.sock".as_ref();
        assert_eq!(place("unix:/run/a.sock"), Ok(Place::Fixed(Destination::Unix(path.into()))));
        for bad in ["a.example", "a:b:80", ":80", "a:70000", "http://a:80", "a b:80"] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
