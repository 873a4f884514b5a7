use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{HostHeader, UpstreamTimeouts};

/// One answer of several calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatherTarget {
    /// In the order in which they were declared, which is the order of the merge.
    pub parts: Vec<GatherPart>,
    /// For all parts together; `None`: the route's.
    pub deadline_ms: Option<u64>,
    pub conflict: Conflict,
    /// What is done to the merged answer.
    pub shape: GatherShape,
    /// The member that says which parts are missing; `None`: only the header does.
    pub report: Option<String>,
    /// The part whose status and headers the answer has; `None`: 200, and none.
    pub head: Option<String>,
    /// Of all parts' answers together, in bytes; of the client's body, too, where a part sends it.
    pub max_bytes: u64,
}

/// What becomes of a member that two parts give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    Error,
    /// In the order of declaration.
    First,
    Last,
    /// Objects are merged member by member; of other values the last.
    Deep,
    /// All of them, in an array.
    List,
}

/// One call, and where what it answers goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatherPart {
    pub name: String,
    pub upstream: String,
    pub host: HostHeader,
    pub timeouts: UpstreamTimeouts,
    /// Further tries after the first; 0: none.
    pub retries: u32,
    pub method: String,
    /// A template, which may have words of other parts (`${parts.user.id}`).
    pub path: String,
    /// Names and templates; a parameter that comes out empty is left out.
    pub query: Vec<(String, String)>,
    /// Names and templates; a header that comes out empty is left out.
    pub headers: Vec<(String, String)>,
    /// Headers of the client's that are sent along, in lower case.
    pub forward: Vec<String>,
    pub body: PartBody,
    /// For the whole call, further tries included; `None`: as long as all have.
    pub timeout_ms: Option<u64>,
    /// Parts that must have ended well before it begins, beside those whose words it has.
    pub after: Vec<String>,
    pub need: PartNeed,
    pub reads: PartReads,
    pub shape: GatherShape,
    /// The member that holds the answer; `None`: its members become the answer's own.
    pub nest: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartBody {
    None,
    /// The client's.
    Request,
    /// Its texts are templates. One that is a single word of another part is that part's value.
    Json(Value),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartNeed {
    /// Without it there is no answer.
    Required,
    /// Nothing stands in for it.
    Optional,
    /// This stands in for what would go into the answer.
    Default(Value),
    /// Nobody waits for it, and its answer is not looked at.
    Shadow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartReads {
    Json,
    /// UTF-8, which becomes one JSON text.
    Text,
}

/// What is passed on, in the order of these fields. Paths are names with dots between.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatherShape {
    /// Only what is there; `None`: all.
    pub pick: Option<String>,
    /// Only these; empty: all.
    pub select: Vec<String>,
    pub drop: Vec<String>,
    /// Paths, and the name that each member gets.
    pub rename: Vec<(String, String)>,
    /// Objects whose members take their place.
    pub flatten: Vec<String>,
}
