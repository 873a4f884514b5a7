//! What is told. Its JSON is read by `glorieta try`, by `tests:` and by comparisons with other proxies.

use serde::Serialize;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub listener: Option<Heard>,
    /// Who asks, behind trusted proxies.
    pub client: Option<String>,
    /// The path in its one form.
    pub path: Option<String>,
    pub route: Option<Taken>,
    /// Routes of the same host and path that ask for something else.
    pub passed: Vec<Because>,
    /// In the order in which they ran, up to the one that refused.
    pub filters: Vec<Ran>,
    pub outcome: Outcome,
    /// Why nothing comes of it; empty otherwise.
    pub why: String,
    /// Which variant of a split it meets.
    pub split: Option<Chosen>,
    pub forward: Option<Forward>,
    pub handler: Option<Handed>,
    pub gather: Option<Gathering>,
    /// Who gets a copy.
    pub mirror: Option<Mirrored>,
    pub answer: Option<Answer>,
    /// What is changed in the answer, or would be in one that an upstream gives.
    pub response_headers_changed: Vec<Change>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It goes to an upstream.
    Forward,
    /// A handler answers it.
    Handler,
    /// Several upstreams are asked, and one answer is made of theirs.
    Gather,
    /// glorieta answers by itself.
    Answer,
    /// Bytes pass to an upstream, at layer 4.
    Tunnel,
    /// The connection is closed, at layer 4.
    Refused,
    /// Nothing listens there.
    #[default]
    Nothing,
}

/// The listener.
#[derive(Clone, Debug, Serialize)]
pub struct Heard {
    pub id: String,
    pub why: String,
}

/// The route.
#[derive(Clone, Debug, Serialize)]
pub struct Taken {
    pub id: String,
    pub name: String,
    pub group: Option<String>,
    pub why: String,
    pub beat: Vec<Because>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Because {
    pub id: String,
    pub name: String,
    pub why: String,
}

/// A filter that has run.
#[derive(Clone, Debug, Serialize)]
pub struct Ran {
    pub filter: &'static str,
    /// `passed`, `changed` or `refused`.
    pub outcome: &'static str,
    pub detail: String,
    pub changes: Vec<Change>,
}

/// A header that is another than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `added`, `set` or `removed`.
    pub change: &'static str,
    pub name: String,
    pub value: Option<String>,
    pub was: Option<String>,
}

/// A variant of a split.
#[derive(Clone, Debug, Serialize)]
pub struct Chosen {
    pub upstream: String,
    /// What decides: `by cookie.glorieta_split`, `by chance`, …
    pub why: String,
    /// Nobody can say which it meets, so the one that most requests meet is shown.
    pub by_chance: bool,
    pub variants: Vec<Share>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Share {
    pub upstream: String,
    pub weight: u32,
}

/// Who gets a copy, as far as the request's head decides it.
#[derive(Clone, Debug, Serialize)]
pub struct Mirrored {
    pub upstream: String,
    /// Of requests like this one: 0 where none of them is copied.
    pub share_percent: u32,
    /// Why none is copied; empty otherwise.
    pub why: String,
    pub method: String,
    pub target: String,
}

/// The request as the endpoint gets it.
#[derive(Clone, Debug, Serialize)]
pub struct Forward {
    pub upstream: String,
    /// `None`: chance, turns or load decide.
    pub endpoint: Option<String>,
    /// Why that endpoint, or what decides.
    pub why: String,
    pub endpoints: Vec<Endpoint>,
    pub method: Option<String>,
    pub target: Option<String>,
    pub headers: Vec<(String, String)>,
    /// Against what the client sent.
    pub changes: Vec<Change>,
    pub deadline_ms: Option<u64>,
    pub retries: u32,
}

/// The request as a handler gets it.
#[derive(Clone, Debug, Serialize)]
pub struct Handed {
    pub handler: String,
    /// The function.
    pub name: String,
    /// By its place among the handler's routes.
    pub route: u32,
    pub parameters: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// Against what the client sent.
    pub changes: Vec<Change>,
    /// The upstreams that it may call.
    pub calls: Vec<String>,
    pub deadline_ms: Option<u64>,
}

/// What is asked for one answer.
#[derive(Clone, Debug, Serialize)]
pub struct Gathering {
    pub parts: Vec<GatheredPart>,
    pub conflict: glorieta_plan::Conflict,
}

/// The request as a part's upstream gets it.
#[derive(Clone, Debug, Serialize)]
pub struct GatheredPart {
    pub name: String,
    pub upstream: String,
    /// `required`, `optional` or `shadow`.
    pub need: &'static str,
    /// The parts that come before it.
    pub needs: Vec<String>,
    pub method: String,
    /// As it is written in the configuration.
    pub path: String,
    /// `None`: what other parts answer decides.
    pub target: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub timeout_ms: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    pub address: String,
    pub weight: u32,
    pub why: String,
}

/// What glorieta answers by itself. Fields that depend on the moment (`Date`, `Connection`) are left out.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub status: Option<u16>,
    /// The word in log and metrics; `None` where the configuration wants this answer.
    pub reason: Option<&'static str>,
    pub detail: String,
    pub headers: Vec<(String, String)>,
    pub body_bytes: u64,
}

impl Report {
    pub(super) fn nothing(why: String) -> Report {
        Report { why, ..Report::default() }
    }
}
