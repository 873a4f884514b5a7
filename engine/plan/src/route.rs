use serde::{Deserialize, Serialize};

use crate::{Filter, GatherTarget, Mirror, SplitTarget};

/// What a request must look like, and what then happens to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Unique in the Plan: the group's id, a slash, the route's name.
    pub id: String,
    /// The name in metrics and logs, such as `/service1/*`.
    pub name: String,
    pub group: Option<String>,
    pub hosts: Vec<HostMatch>,
    pub path: PathMatch,
    /// Any of these; empty: every method.
    pub methods: Vec<String>,
    /// All of these.
    pub headers: Vec<ValueMatch>,
    /// All of these.
    pub query: Vec<ValueMatch>,
    /// All of these: request words that are known before routes are, by `name`. Left out where nothing is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<ValueMatch>,
    /// Between regular expressions only: higher first.
    pub priority: i32,
    pub merge_slashes: bool,
    pub target: Target,
    /// In the order in which they run.
    pub filters: Vec<Filter>,
    /// For the whole request; `None`: no deadline.
    pub deadline_ms: Option<u64>,
    /// Who gets a copy; left out where nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Mirror>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostMatch {
    Any,
    /// Lower case, without port.
    Exact(String),
    /// `*.shop.example` is written `shop.example`; one or more labels stand before it.
    Wildcard(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    Exact(String),
    /// `/a/*` is written `/a`: matches `/a` and all below it. `/*` is the empty text.
    Prefix(String),
    /// `/users/{id}/orders/{order}`; a last segment `*` matches all below, or nothing.
    Parameters(String),
    /// Anchored at both ends by the engine; named groups become `path.NAME`.
    Regex(String),
    /// Every path, also the `*` of `OPTIONS *`, after all others: the catch-all.
    Any,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMatch {
    pub name: String,
    pub value: TextMatch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    Present,
    Absent,
    /// These three may hold references (`${env:NAME}`, `${file:/path}`); `$$` is a dollar sign.
    Exact(String),
    Prefix(String),
    /// Anchored at both ends.
    Regex(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Proxy(ProxyTarget),
    Split(SplitTarget),
    Redirect(RedirectTarget),
    Respond(RespondTarget),
    Files(FilesTarget),
    Handler(HandlerTarget),
    Gather(GatherTarget),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyTarget {
    pub upstream: String,
    /// This path prefix is taken off before forwarding and put back into `Location`,
    /// `Content-Location` and cookie paths.
    pub strip_prefix: Option<String>,
    /// A template that replaces the path, such as `/v2/${path.id}`.
    pub rewrite: Option<String>,
    pub host: HostHeader,
    pub timeouts: UpstreamTimeouts,
    /// Further tries after the first; 0: none.
    pub retries: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostHeader {
    /// As the client sent it.
    Preserve,
    /// The endpoint's own name and port.
    Upstream,
    /// May hold references; `$$` is a dollar sign.
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTimeouts {
    pub connect_ms: u64,
    /// From the request's last byte (or, while it streams, its head) to the response's head.
    pub first_byte_ms: u64,
    /// Between two reads or writes of a body.
    pub idle_ms: u64,
    /// Between two bytes of a tunnel or an event stream, in either direction.
    pub tunnel_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedirectTarget {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// A template.
    pub location: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RespondTarget {
    pub status: u16,
    /// Names and templates.
    pub headers: Vec<(String, String)>,
    /// A template.
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerTarget {
    pub handler: String,
    /// By its place in the list of the handler's process.
    pub route: u32,
    /// The function, by module and name; for people.
    pub name: String,
    /// From the request (or the last byte of its body that the handler wanted) to the head of its answer.
    pub first_byte_ms: u64,
    /// Whether a request that no route takes, and this one would with or without a slash at its path's end, is sent
    /// there.
    pub redirect_slashes: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesTarget {
    /// An absolute path. Nothing outside of it is ever served.
    pub root: String,
    /// This path prefix is taken off first.
    pub strip_prefix: Option<String>,
    /// The file served for a folder; `None`: folders are 404.
    pub index: Option<String>,
    /// Served (with 200) where nothing is found, such as `/index.html`; `None`: 404.
    pub fallback: Option<String>,
    /// Whether names that begin with a dot are served.
    pub hidden: bool,
    /// Codings whose files lie beside others (`app.js.br`) and are served instead: `br`, `zstd`, `gzip`; of those that
    /// a client wants alike the first.
    pub precompressed: Vec<String>,
}
