use serde::{Deserialize, Serialize};

use crate::{HostHeader, UpstreamTimeouts};

/// Requests are shared out among upstreams, each of which could answer all of them: versions of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitTarget {
    /// No upstream stands here twice.
    pub variants: Vec<SplitVariant>,
    pub by: SplitBy,
    /// As in [`crate::ProxyTarget`], and so are the following: all variants are asked alike.
    pub strip_prefix: Option<String>,
    pub rewrite: Option<String>,
    pub host: HostHeader,
    pub timeouts: UpstreamTimeouts,
    /// Within the variant that was chosen.
    pub retries: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitVariant {
    pub upstream: String,
    /// Relative to the others'; 0: it gets none. One of all is above 0.
    pub weight: u32,
}

/// What decides which variant a request meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// Each request for itself.
    Random,
    /// A cookie of this name, which the engine gives to whoever has none.
    Cookie(String),
    /// A request word: equal values meet the same variant. Without a value the client's address decides.
    Word(String),
}

/// A copy of requests for an upstream whose answers nobody sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    pub upstream: String,
    /// Of the requests that may be copied; 1–100.
    pub share_percent: u32,
    /// Requests of other methods are not copied. GET means HEAD, too.
    pub methods: Vec<String>,
    /// A request with a longer body is not copied.
    pub max_body_bytes: u64,
    /// Copies that may be under way, over all workers; further ones are not sent.
    pub in_flight: u32,
    /// For the whole of a copy, its answer included.
    pub timeout_ms: u64,
    pub host: HostHeader,
    pub timeouts: UpstreamTimeouts,
}
