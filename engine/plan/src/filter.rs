use serde::{Deserialize, Serialize};

/// A filter of a route, in the closed set that the engine has. One kind, one file in `engine/filters`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    Addresses(AddressesFilter),
    MaxBody(MaxBodyFilter),
    Headers(HeadersFilter),
    GrpcWeb(GrpcWebFilter),
    Compress(CompressFilter),
    Decompress(DecompressFilter),
}

/// Who may come in, by the client's address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressesFilter {
    /// Networks (CIDR); empty: all.
    pub allow: Vec<String>,
    /// Wins over `allow`.
    pub deny: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxBodyFilter {
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadersFilter {
    pub request: HeaderChanges,
    pub response: HeaderChanges,
}

/// Calls of gRPC-Web become calls of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcWebFilter {}

/// Applied in this order: remove, set, add. Values are templates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderChanges {
    pub remove: Vec<String>,
    pub set: Vec<(String, String)>,
    pub add: Vec<(String, String)>,
}

/// Answers become smaller on their way to clients that take them so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompressFilter {
    /// `zstd`, `br` and `gzip`; of those that a client wants alike the first.
    pub algorithms: Vec<String>,
    /// Media types: `text/html`, `text/*`, `*/*`, or `+json` for all of that structured syntax.
    pub types: Vec<String>,
    /// Answers whose length is known and smaller stay as they are.
    pub min_bytes: u64,
    pub levels: CompressLevels,
    /// Also answers to requests with credentials, and answers that set a cookie.
    pub credentials: bool,
}

/// From 1 (fast) to 9 (small).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompressLevels {
    pub zstd: u32,
    pub br: u32,
    pub gzip: u32,
}

/// Bodies of requests become plain before anybody reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecompressFilter {
    /// `gzip`, `deflate`, `br` and `zstd`; others are answered with 415.
    pub algorithms: Vec<String>,
    /// The largest body after decoding.
    pub max_bytes: u64,
    /// How many times its length a body may have after decoding.
    pub ratio: u32,
}
