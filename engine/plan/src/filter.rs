use serde::{Deserialize, Serialize};

/// A filter of a route, in the closed set that the engine has. One kind, one file in `engine/filters`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    Addresses(AddressesFilter),
    MaxBody(MaxBodyFilter),
    Headers(HeadersFilter),
    GrpcWeb(GrpcWebFilter),
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
