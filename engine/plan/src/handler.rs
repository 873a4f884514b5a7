use serde::{Deserialize, Serialize};

use crate::{HostHeader, UpstreamTimeouts};

/// Python that answers requests, in processes of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    pub id: String,
    /// Names the code. Only processes that were started with the same word get its requests.
    pub generation: String,
    /// The upstreams that it may call; it names them by their place here.
    pub calls: Vec<HandlerCall>,
    /// Requests that one process may have, at work and waiting; more are refused.
    pub queue: u32,
    /// How long a request may wait until a process takes it.
    pub queue_timeout_ms: u64,
    /// How long a request is kept once its answer is whole, for what the handler still does.
    pub background_ms: u64,
    /// Between two bytes of a tunnel, such as a WebSocket, in either direction.
    pub tunnel_ms: u64,
}

/// An upstream that a handler may call, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerCall {
    pub upstream: String,
    pub host: HostHeader,
    pub timeouts: UpstreamTimeouts,
    /// Further tries after the first; 0: none.
    pub retries: u32,
}
