use serde::{Deserialize, Serialize};

use crate::ClientTls;

/// A service: equal endpoints and how they are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    pub id: String,
    pub endpoints: Vec<Endpoint>,
    /// `None`: in clear.
    pub tls: Option<ClientTls>,
    /// The PROXY header with which connections begin, before TLS; `None`: none. For layer 4 only: connections for HTTP
    /// are shared by clients.
    pub proxy_protocol: Option<ProxyVersion>,
    pub version: UpstreamVersion,
    pub balance: Balance,
    pub pool: Pool,
    pub queue: Queue,
    pub retry_budget: RetryBudget,
    pub health: Option<ActiveCheck>,
    pub outlier: Option<Outlier>,
    /// Below this share of usable endpoints, health is ignored and all are used; 0: never.
    pub panic_percent: u32,
    pub response_head_bytes: u32,
    pub response_header_count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyVersion {
    /// A line of text: addresses only.
    V1,
    /// Binary, with what is known of TLS.
    V2,
}

/// The version of HTTP that endpoints are spoken to by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamVersion {
    /// HTTP/1.1.
    H1,
    /// HTTP/2: by TLS agreed on by ALPN, in clear by prior knowledge (RFC 9113 §3.3).
    H2,
    /// By TLS whichever of both the endpoint selects; HTTP/1.1 in clear.
    Auto,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `10.0.0.1:80`, `[::1]:80`, `name:80` (all its addresses, re-resolved) or `unix:/run/a.sock`.
    pub address: String,
    /// 1–1000.
    pub weight: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Power of two choices by peak EWMA × requests in flight.
    PeakEwma,
    /// Smooth weighted round robin.
    RoundRobin,
    Random,
    /// The first usable endpoint in the order written.
    FirstAvailable,
    /// A request word, such as `header.x-user`: the same value meets the same endpoint.
    Hash(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Connections to one endpoint, over all workers.
    pub max_connections: u32,
    pub idle_ms: u64,
    pub max_age_ms: u64,
    /// Requests on one connection at a time, by HTTP/2.
    pub max_streams: u32,
}

/// Requests that wait because every connection is in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    pub max: u32,
    pub timeout_ms: u64,
}

/// Retries may be at most `percent` of requests over `window_ms`, plus a floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryBudget {
    pub percent: u32,
    pub window_ms: u64,
    pub floor_per_second: u32,
    /// The base of the jittered back-off before a retry.
    pub backoff_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveCheck {
    pub kind: CheckKind,
    pub every_ms: u64,
    pub timeout_ms: u64,
    /// Failures in a row until an endpoint is down.
    pub fall: u32,
    /// Successes in a row until it is up.
    pub rise: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Connecting is success.
    Tcp,
    /// A GET whose status lies in `status_from..=status_to` is success. Path and host may hold references; `$$` is a
    /// dollar sign.
    Http { path: String, host: Option<String>, status_from: u16, status_to: u16 },
    /// What the endpoint's health service (`grpc.health.v1`) says of this service; empty: of the endpoint as a whole.
    Grpc { service: String },
}

/// Passive checks: an endpoint that fails real requests is left out for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlier {
    /// Failures in a row that eject; 0: off.
    pub consecutive: u32,
    /// Eject below this share of successes over `window_ms`; 0: off.
    pub success_percent: u32,
    pub window_ms: u64,
    /// Requests in the window below which the share says nothing.
    pub minimum_requests: u32,
    /// An ejection lasts this long times how often it happened.
    pub ejection_ms: u64,
    pub max_ejection_ms: u64,
    /// At most this share of endpoints is ejected, rounded down, never the last.
    pub max_percent: u32,
}
