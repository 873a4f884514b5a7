//! The gather target: several calls, one answer, all of it here.
//!
//! ```text
//! mod       the parts as a snapshot knows them
//! ask       a part's request
//! fetch     one call, and its answer whole in memory
//! judge     whether an answer is one, and what it gives
//! run       all parts at once, those that need others after them, until the answer can be made
//! answer    one answer of all
//! shadow    parts for which nobody waits
//! ```
//!
//! What is decided of texts (how they are cut, shaped and merged) is in `policy::gather`.

mod answer;
mod ask;
mod fetch;
mod judge;
mod run;
mod shadow;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::Fields;
use glorieta_plan::{Conflict, GatherPart, GatherTarget, PartBody, PartNeed, PartReads};
use glorieta_policy::gather::{Json, Query, Shape, Text, json};
use glorieta_upstream::{Host, Timeouts, Upstream};

use crate::metrics::PartSeries;

pub use ask::{Asked, ask};
pub use run::run;

/// The route's several calls.
pub struct Gather {
    /// In the order in which they were declared.
    pub parts: Vec<Part>,
    pub deadline: Option<Duration>,
    pub conflict: Conflict,
    pub shape: Shape,
    /// The key of the member that says which parts are missing.
    pub report: Option<Box<[u8]>>,
    /// The part whose status and headers the answer has.
    pub head: Option<usize>,
    /// Of all answers together.
    pub max_bytes: u64,
}

/// One of them.
pub struct Part {
    pub name: Box<str>,
    pub upstream: Arc<Upstream>,
    pub host: Host,
    pub timeouts: Timeouts,
    pub retries: u32,
    pub method: Box<str>,
    /// Path, and what stands behind its question mark.
    pub target: Text,
    pub query: Query,
    pub headers: Vec<(Box<[u8]>, Text)>,
    /// Headers of the client's that are sent along.
    pub forward: Vec<Box<[u8]>>,
    pub body: Sent,
    pub timeout: Option<Duration>,
    /// Parts that must have ended well before.
    pub needs: Vec<usize>,
    /// Whether another part needs it.
    pub is_read: bool,
    /// Whether another part may ask the same.
    pub may_repeat: bool,
    pub need: Need,
    pub reads: PartReads,
    pub shape: Shape,
    /// The key of the member that holds its answer.
    pub nest: Option<Box<[u8]>>,
    pub series: Arc<PartSeries>,
}

/// What is sent with a part's request.
pub enum Sent {
    Nothing,
    /// The client's body.
    Request,
    Json(glorieta_policy::gather::Body),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    /// The JSON stands in for it.
    Optional(Option<Bytes>),
    Shadow,
}

/// What a part is built with: upstreams, hosts, references and counts, each by its name.
pub struct Sources<'a> {
    pub upstream: &'a dyn Fn(&str) -> Result<Arc<Upstream>, String>,
    pub host: &'a dyn Fn(&glorieta_plan::HostHeader) -> Result<Host, String>,
    pub timeouts: &'a dyn Fn(&glorieta_plan::UpstreamTimeouts) -> Timeouts,
    /// References of headers and paths, which are one line.
    pub line: glorieta_policy::LookUp<'a>,
    /// References of bodies.
    pub text: glorieta_policy::LookUp<'a>,
    pub series: &'a dyn Fn(&str) -> Arc<PartSeries>,
}

impl Gather {
    /// # Errors
    /// A sentence for the first thing that is wrong with it.
    pub fn build(plan: &GatherTarget, sources: &Sources<'_>) -> Result<Gather, String> {
        let place = |name: &str| plan.parts.iter().position(|part| part.name == name);
        let within = |part: &str, message: String| format!("part {part}: {message}");
        let mut parts = Vec::with_capacity(plan.parts.len());
        for (own, part) in plan.parts.iter().enumerate() {
            if place(&part.name) != Some(own) {
                return Err(format!("two parts are called {:?}", part.name));
            }
            let built = Part::build(part, plan, sources).map_err(|message| within(&part.name, message))?;
            parts.push(built);
        }
        for reader in 0..parts.len() {
            for read in parts[reader].needs.clone() {
                parts[read].is_read = true;
            }
        }
        let safe = |part: &Part| part.is_safe().then(|| (part.upstream.id.clone(), part.method.clone()));
        let asks: Vec<_> = parts.iter().map(safe).collect();
        for (place, part) in parts.iter_mut().enumerate() {
            let others = asks.iter().enumerate().filter(|(other, _)| *other != place);
            part.may_repeat = asks[place].is_some() && others.into_iter().any(|(_, ask)| *ask == asks[place]);
        }
        check_order(&parts)?;
        let head = plan.head.as_deref().map(|name| place(name).ok_or_else(|| format!("there is no part {name:?}")));
        let head = head.transpose()?;
        if head.is_some_and(|head| parts[head].need != Need::Required) {
            return Err("the part that gives status and headers must be required".to_owned());
        }
        Ok(Gather {
            parts,
            deadline: plan.deadline_ms.map(Duration::from_millis),
            conflict: plan.conflict,
            shape: Shape::read(&plan.shape)?,
            report: plan.report.as_deref().map(key),
            head,
            max_bytes: plan.max_bytes,
        })
    }

    /// Whether the client's body is sent to any of them.
    pub fn sends_body(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.body, Sent::Request))
    }
}

/// Every part begins at some time, and none needs what nobody waits for.
fn check_order(parts: &[Part]) -> Result<(), String> {
    let mut begun = vec![false; parts.len()];
    loop {
        let next = (0..parts.len()).find(|&place| !begun[place] && parts[place].needs.iter().all(|&need| begun[need]));
        let Some(next) = next else { break };
        if parts[next].need == Need::Shadow && parts[next].is_read {
            return Err(format!("part {}: it is a shadow, and another part needs it", parts[next].name));
        }
        begun[next] = true;
    }
    match begun.iter().position(|&begun| !begun) {
        Some(stuck) => Err(format!("part {}: it needs parts that need it", parts[stuck].name)),
        None => Ok(()),
    }
}

impl Part {
    fn build(plan: &GatherPart, whole: &GatherTarget, sources: &Sources<'_>) -> Result<Part, String> {
        let places = |name: &str| whole.parts.iter().position(|part| part.name == name);
        let upstream = (sources.upstream)(&plan.upstream);
        let header = |(name, value): &(String, String)| {
            if !Fields::is_token(name.as_bytes()) {
                return Err(format!("{name:?} is no header name"));
            }
            Ok((name.as_bytes().into(), Text::read(value, sources.line, &places)?))
        };
        if !Fields::is_token(plan.method.as_bytes()) || plan.method == "CONNECT" {
            return Err(format!("{:?} is no method of a call", plan.method));
        }
        let mut part = Part {
            name: plan.name.as_str().into(),
            upstream: upstream?,
            host: (sources.host)(&plan.host)?,
            timeouts: (sources.timeouts)(&plan.timeouts),
            retries: plan.retries,
            method: plan.method.as_str().into(),
            target: Text::read(&plan.path, sources.line, &places)?,
            query: Query::read(&plan.query, sources.line, &places)?,
            headers: plan.headers.iter().map(header).collect::<Result<_, _>>()?,
            forward: plan.forward.iter().map(|name| name.as_bytes().into()).collect(),
            body: match &plan.body {
                PartBody::None => Sent::Nothing,
                PartBody::Request => Sent::Request,
                PartBody::Json(value) => Sent::Json(glorieta_policy::gather::Body::read(value, sources.text, &places)?),
            },
            timeout: plan.timeout_ms.map(Duration::from_millis),
            needs: Vec::new(),
            is_read: false,
            may_repeat: false,
            need: need(&plan.need)?,
            reads: plan.reads,
            shape: Shape::read(&plan.shape)?,
            nest: plan.nest.as_deref().map(key),
            series: (sources.series)(&plan.name),
        };
        part.needs = part.all_needs(plan, &places)?;
        part.check_form()?;
        Ok(part)
    }

    fn all_needs(&self, plan: &GatherPart, places: &dyn Fn(&str) -> Option<usize>) -> Result<Vec<usize>, String> {
        let after = |name: &String| places(name).ok_or_else(|| format!("there is no part {name:?}"));
        let mut needs = plan.after.iter().map(after).collect::<Result<Vec<_>, _>>()?;
        needs.extend(self.target.parts().chain(self.query.parts()));
        needs.extend(self.headers.iter().flat_map(|(_, value)| value.parts()));
        if let Sent::Json(body) = &self.body {
            needs.extend(body.parts());
        }
        needs.sort_unstable();
        needs.dedup();
        Ok(needs)
    }

    /// What is no object has no members that could be the answer's own.
    fn check_form(&self) -> Result<(), String> {
        if self.nest.is_some() || self.need == Need::Shadow {
            return Ok(());
        }
        if self.reads == PartReads::Text {
            return Err("a text is no object; nest it".to_owned());
        }
        match &self.need {
            Need::Optional(Some(default)) if !json::is_object(default) => {
                Err("its default is no object; nest it".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the same request twice means the same as once (RFC 9110 §9.2.1).
    pub fn is_safe(&self) -> bool {
        matches!(&*self.method, "GET" | "HEAD" | "OPTIONS") && matches!(self.body, Sent::Nothing)
    }
}

fn need(plan: &PartNeed) -> Result<Need, String> {
    Ok(match plan {
        PartNeed::Required => Need::Required,
        PartNeed::Optional => Need::Optional(None),
        PartNeed::Default(value) => {
            let text = Bytes::from(value.to_string());
            Json::check(&text).map_err(|invalid| format!("its default {}", invalid.what))?;
            Need::Optional(Some(text))
        }
        PartNeed::Shadow => Need::Shadow,
    })
}

/// A name as it stands in JSON.
fn key(name: &str) -> Box<[u8]> {
    let mut key = Vec::new();
    json::escape(name.as_bytes(), &mut key);
    key.into()
}
