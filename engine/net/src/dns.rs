//! Names to addresses, by the system's configuration: `/etc/hosts` first, then the servers of `/etc/resolv.conf`.
//!
//! Runs on the housekeeper's runtime, never on a worker. Both files are read again when they change, because in
//! containers they are often written after the process has started. Keeping the last good answer when servers fail
//! is the caller's part: it alone knows for how long an old answer is better than none.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Answer, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};

const HOSTS_FILE: &str = "/etc/hosts";
const SERVERS_FILE: &str = "/etc/resolv.conf";

/// A TTL of 0 would ask the servers without pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// Servers announce up to 68 years; an endpoint that has moved should be found the same hour.
const LONGEST: Duration = Duration::from_secs(3600);
/// How long an entry of `/etc/hosts`, which has no TTL, stands until the file is looked at again.
const HOSTS_VALID: Duration = Duration::from_secs(10);
/// "No such name" is believed this long at most, so that a service that starts late is found soon.
const NEGATIVE_LONGEST: Duration = Duration::from_secs(5);

/// Every address of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Sorted (IPv4 before IPv6), each once, at least one.
    pub addresses: Vec<IpAddr>,
    /// How long the answer stands: the TTL, at least 1 s and at most 1 h.
    pub valid_for: Duration,
}

/// What kept a name from being resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsErrorKind {
    /// It is no domain name (RFC 1035 §2.3.4).
    Malformed,
    /// The servers say that the name does not exist (NXDOMAIN).
    NoSuchName,
    /// The name exists, and has neither an A nor an AAAA record.
    NoAddress,
    /// No server is configured.
    NoServers,
    /// No server answered in time, or none that could be understood.
    Unanswered,
}

/// Why a name has no address: the name, the reason and, where there is one, the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsError {
    pub name: String,
    pub kind: DnsErrorKind,
    pub reason: String,
}

impl fmt::Display for DnsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.name, self.reason)
    }
}

impl std::error::Error for DnsError {}

/// Resolves names. Cheap to share by reference; needs a tokio runtime with I/O and time.
pub struct Resolver {
    /// `None`: by the system's files.
    servers: Option<Vec<SocketAddr>>,
    current: Mutex<Configured>,
}

/// What was read from the files, and when they had been written.
#[derive(Clone)]
struct Configured {
    written: [Option<SystemTime>; 2],
    hosts: Arc<Hosts>,
    /// The reason where there is none.
    client: Result<TokioResolver, Arc<str>>,
}

impl Resolver {
    /// By `/etc/hosts` and `/etc/resolv.conf`. Without them only literals and `localhost` resolve.
    pub fn from_system() -> Resolver {
        Resolver { servers: None, current: Mutex::new(Configured::from_system()) }
    }

    /// Asks these servers, by UDP and where needed TCP, and reads no file.
    pub fn with_servers(servers: &[SocketAddr]) -> Resolver {
        let current = Mutex::new(Configured::with_servers(servers));
        Resolver { servers: Some(servers.to_vec()), current }
    }

    /// Every A and AAAA address of a name; an IP address (brackets allowed) and `localhost` are answered at once.
    pub async fn resolve(&self, name: &str) -> Result<Resolved, DnsError> {
        if let Some(addresses) = literal(name) {
            return Ok(Resolved { addresses, valid_for: LONGEST });
        }
        let fail = |kind, reason: &str| DnsError { name: name.to_owned(), kind, reason: reason.to_owned() };
        let parsed = Name::from_utf8(name).map_err(|_| fail(DnsErrorKind::Malformed, "not a domain name"))?;
        let configured = self.configured();
        let addresses = in_hosts(&configured.hosts, &parsed);
        if !addresses.is_empty() {
            return Ok(Resolved { addresses, valid_for: HOSTS_VALID });
        }
        let client = configured.client.map_err(|reason| fail(DnsErrorKind::NoServers, &reason))?;
        let answer = client.lookup_ip(parsed).await.map_err(|error| {
            let (kind, reason) = explain(&error);
            fail(kind, &reason)
        })?;
        let addresses = ordered(answer.iter().collect());
        if addresses.is_empty() {
            return Err(fail(DnsErrorKind::NoAddress, NO_ADDRESS));
        }
        let left = answer.valid_until().saturating_duration_since(Instant::now());
        Ok(Resolved { addresses, valid_for: left.clamp(SHORTEST, LONGEST) })
    }

    fn configured(&self) -> Configured {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.servers.is_none() && current.written != written() {
            *current = Configured::from_system();
        }
        current.clone()
    }
}

impl Configured {
    fn from_system() -> Configured {
        let written = written();
        let client = match hickory_resolver::system_conf::read_system_conf() {
            Ok((config, _)) if config.name_servers().is_empty() => Err(NO_SERVERS.into()),
            Ok((config, options)) => client(config, options),
            Err(error) => Err(format!("{NO_SERVERS} ({error})").into()),
        };
        Configured { written, hosts: Arc::new(Hosts::from_system().unwrap_or_default()), client }
    }

    fn with_servers(servers: &[SocketAddr]) -> Configured {
        let servers: Vec<_> = servers
            .iter()
            .map(|server| {
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                config.connections.iter_mut().for_each(|connection| connection.port = server.port());
                config
            })
            .collect();
        let client = match servers.is_empty() {
            true => Err("no DNS server was given".into()),
            false => client(ResolverConfig::from_name_servers(servers), ResolverOpts::default()),
        };
        Configured { written: [None; 2], hosts: Arc::default(), client }
    }
}

fn client(config: ResolverConfig, mut options: ResolverOpts) -> Result<TokioResolver, Arc<str>> {
    options.positive_max_ttl = Some(LONGEST);
    options.negative_max_ttl = Some(NEGATIVE_LONGEST);
    // It is asked here, for both families at once, so that a name in the file costs no query for the other family.
    options.use_hosts_file = ResolveHosts::Never;
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.with_options(options).build().map_err(|error| error.to_string().into())
}

fn written() -> [Option<SystemTime>; 2] {
    [HOSTS_FILE, SERVERS_FILE].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}

/// An IP address, or `localhost`, which is never asked for (RFC 6761 §6.3).
fn literal(name: &str) -> Option<Vec<IpAddr>> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(vec![address]);
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let loopback = name == "localhost" || name.ends_with(".localhost");
    loopback.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

fn in_hosts(hosts: &Hosts, name: &Name) -> Vec<IpAddr> {
    let found = [RecordType::A, RecordType::AAAA].into_iter().filter_map(|family| {
        let lookup = hosts.lookup_static_host(&Query::query(name.clone(), family))?;
        Some(lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>())
    });
    ordered(found.flatten().collect())
}

fn ordered(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

const NO_ADDRESS: &str = "the name has no A and no AAAA record";
const NO_SERVERS: &str =
    "no DNS server is configured, so only /etc/hosts, localhost and IP addresses resolve; see /etc/resolv.conf";

fn explain(error: &NetError) -> (DnsErrorKind, String) {
    match error {
        error if error.is_nx_domain() => (DnsErrorKind::NoSuchName, "no such name (NXDOMAIN)".to_owned()),
        error if error.is_no_records_found() => (DnsErrorKind::NoAddress, NO_ADDRESS.to_owned()),
        NetError::Timeout => (DnsErrorKind::Unanswered, "no DNS server answered in time".to_owned()),
        NetError::Dns(Answer::ResponseCode(code)) => {
            (DnsErrorKind::Unanswered, format!("the DNS server answered {code}"))
        }
        error => (DnsErrorKind::Unanswered, format!("no DNS server could be asked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_localhost_need_no_server() {
        let loopback: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        assert_eq!(literal("10.0.0.1"), Some(vec![Ipv4Addr::new(10, 0, 0, 1).into()]));
        assert_eq!(literal("::1"), Some(vec![Ipv6Addr::LOCALHOST.into()]));
        assert_eq!(literal("[::1]"), Some(vec![Ipv6Addr::LOCALHOST.into()]));
        for name in ["localhost", "LocalHost.", "a.localhost"] {
            assert_eq!(literal(name), Some(loopback.clone()), "{name}");
        }
        assert_eq!(literal("notlocalhost"), None);
    }

    #[test]
    fn a_hosts_file_gives_both_families_in_order() {
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(&b"::2 Orders\n10.0.0.9 orders other\n10.0.0.1 orders\n10.0.0.1 orders\n"[..]).unwrap();
        let found = in_hosts(&hosts, &Name::from_utf8("ORDERS").unwrap());
        let expected: Vec<IpAddr> = ["10.0.0.1", "10.0.0.9", "::2"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(found, expected);
        assert!(in_hosts(&hosts, &Name::from_utf8("unknown").unwrap()).is_empty());
    }
}
