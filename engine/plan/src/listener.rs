use serde::{Deserialize, Serialize};

use crate::{Filter, Route, ServerTls, TlsTarget};

/// An address (or several) and what is spoken there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub id: String,
    /// `127.0.0.1:80`, `[::1]:80`, `*:80` (every address, both families), `unix:/run/a.sock`
    /// or `systemd:NAME` (a socket handed over by systemd, by FileDescriptorName or index).
    pub bind: Vec<String>,
    pub protocol: Protocol,
    /// The versions of HTTP that are spoken; of an `http` listener only.
    pub versions: Vec<HttpVersion>,
    /// What answers over TCP say of HTTP/3; `None`: nothing.
    pub alt_svc: Option<AltSvc>,
    /// `http` and `tcp` only; `None`: in clear.
    pub tls: Option<ServerTls>,
    /// Whose connections begin with a PROXY header; `None`: nobody's.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// The roles of its groups, for the JSON view.
    pub roles: Vec<String>,
    pub limits: ClientLimits,
    pub timeouts: ClientTimeouts,
    /// Networks (CIDR) whose `X-Forwarded-*`, `Forwarded` and `X-Request-ID` are believed.
    pub trusted_proxies: Vec<String>,
    pub forwarded: ForwardedHeaders,
    pub request_id: RequestIdHeaders,
    /// What happens to requests for which no route is found, and to their answers. Routes have it among their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// In no order; precedence is decided by what they match.
    pub routes: Vec<Route>,
    /// The target of a `tcp` listener.
    pub tcp: Option<TcpTarget>,
    /// The targets of a `tls` listener.
    pub passthrough: Option<TlsTarget>,
    /// The target of a `udp` listener.
    pub udp: Option<UdpTarget>,
}

/// Connections that begin with a PROXY header (either version), which says who the client is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Networks (CIDR) of proxies that send one; each of their connections must begin with it. So must those through a
    /// Unix socket.
    pub trusted: Vec<String>,
    /// Whether connections from elsewhere are refused; else they are served as what they are.
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Http,
    Tcp,
    /// Passed through by the name asked for, undecrypted.
    Tls,
    Udp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpVersion {
    /// HTTP/1.1 and HTTP/1.0.
    H1,
    H2,
    H3,
}

/// `Alt-Svc` (RFC 7838) of answers over TCP: where the same is spoken by HTTP/3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AltSvc {
    /// The port that clients see; `None`: the one at which the request came in.
    pub port: Option<u16>,
    /// How long clients may remember it, in seconds.
    pub max_age_s: u64,
}

/// What a client may send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientLimits {
    /// Request line and fields together.
    pub head_bytes: u32,
    pub header_count: u32,
    pub target_bytes: u32,
    pub connections: u32,
    /// Connections at one time of a client: an IPv4 address or an IPv6 /64; 0: any number.
    pub connections_per_client: u32,
    /// New connections per second, and as many at once; 0: any number.
    pub new_connections: u32,
    /// The same for each client; 0: any number.
    pub new_connections_per_client: u32,
    /// Requests of one connection at one time, where it carries several.
    pub streams: u32,
    /// Requests on one connection before it is closed; 0: unlimited.
    pub requests_per_connection: u32,
    /// The slowest body, in bytes per second, averaged after the first 5 s; 0: any.
    pub body_rate: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTimeouts {
    /// From a connection's begin to the end of its TLS handshake (of its first message, where TLS passes through).
    pub handshake_ms: u64,
    /// From a request's first byte to the end of its head.
    pub head_ms: u64,
    /// Between two reads of a body.
    pub body_ms: u64,
    /// Between two writes to a client that does not read.
    pub write_ms: u64,
    /// Between two requests.
    pub keep_alive_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardedHeaders {
    /// Send `X-Forwarded-For`, `-Proto`, `-Host` (and `-Prefix` where a prefix was stripped).
    pub x_forwarded: bool,
    /// Send `Forwarded` (RFC 7239).
    pub forwarded: bool,
    /// Send `Via` (RFC 9110 §7.6.3) in both directions.
    pub via: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestIdHeaders {
    /// Send `X-Request-ID` to the upstream.
    pub request: bool,
    /// Send it back to the client on answers that pass through.
    pub response: bool,
    /// Believe one that a trusted proxy sent.
    pub accept: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpTarget {
    pub route: String,
    pub upstream: String,
    pub idle_ms: u64,
    pub connect_ms: u64,
    /// Networks that may connect; empty: all.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}

/// Where the datagrams of a `udp` listener go. Clients are told apart by address and port; each has a session with one
/// endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UdpTarget {
    pub route: String,
    pub upstream: String,
    /// While nothing moves in either direction, until a session ends.
    pub session_ms: u64,
    /// Answers that each datagram of the client gets; with the last of them the session ends. `None`: any number.
    pub responses: Option<u32>,
    /// So many times the bytes that a session's client has sent may be answered; what is beyond is dropped. 0: any.
    pub amplification: u32,
    /// Networks that may have sessions; empty: all.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}
