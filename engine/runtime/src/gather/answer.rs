//! One answer of all.

use std::borrow::Cow;

use bytes::Bytes;
use glorieta_core::{Body, Error, Fields, Kind, Name, Response, ResponseHead};
use glorieta_policy::gather::{Caching, Clash, Json, Member, Merge, Missing, json, partial};

use super::fetch::{Arrived, Failure};
use super::judge::Over;
use super::run::Stop;
use super::{Gather, Need, Part};
use crate::serve::{Request, own};
use crate::worker::current_worker;

/// Headers without which a passed 4xx loses its meaning.
const PASSED_ON: [&str; 5] =
    ["content-type", "content-encoding", "content-language", "retry-after", "www-authenticate"];
/// What speaks of one part's own body, age or server, beside what [`is_of_all`] knows by how it begins or ends.
const OF_ONE: [&str; 17] = [
    "accept-ranges",
    "age",
    "cache-control",
    "cache-status",
    "date",
    "digest",
    "etag",
    "expires",
    "last-modified",
    "pragma",
    "server",
    "signature",
    "signature-input",
    "surrogate-control",
    "vary",
    "warning",
    partial::HEADER,
];

/// The answer, and what the log says of what is missing from it.
pub struct Composed {
    pub response: Response,
    pub partial: Option<Error>,
}

/// A required part's 4xx, which is the client's to read.
pub fn passed(arrived: &Arrived) -> Response {
    let mut response = Response::new(arrived.head.status);
    let fields = &mut response.head.fields;
    for (_, name, value) in arrived.head.fields.iter() {
        if PASSED_ON.iter().any(|each| name.eq_ignore_ascii_case(each.as_bytes())) {
            fields.add_named(name, value);
        }
    }
    // What is said of one part's resource does not hold for this one.
    fields.add(Name::CacheControl, b"no-store");
    response.body = Body::Full(arrived.body.clone());
    response
}

/// What answers of glorieta's own have in common.
pub fn finish(mut response: Response, request: &Request) -> Response {
    own(request, &mut response);
    response
}

/// Makes one answer, in the order in which the parts were declared.
pub fn compose(gather: &Gather, over: Vec<Over<'_>>) -> Result<Composed, Stop> {
    let mut merge = Merge::new(gather.conflict);
    let mut caching = Caching::default();
    let mut missing = Vec::new();
    let mut head = None;
    for (place, (part, over)) in gather.parts.iter().zip(over).enumerate() {
        let members = match over.answer {
            None => continue,
            Some(Ok(given)) => {
                part.series.count(current_worker(), None);
                note_caching(&mut caching, part, &given.arrived.head);
                head = head.or(Some(&given.arrived.head).filter(|_| gather.head == Some(place)));
                given.members
            }
            Some(Err(failure)) => {
                missing.push((part, failure));
                standing_in(part)
            }
        };
        merge.add(place, members).map_err(|clash| clashed(gather, &clash))?;
    }
    let report: Vec<Missing<'_>> = missing
        .iter()
        .map(|(part, failure)| Missing { part: &part.name, reason: failure.reason, status: failure.status })
        .collect();
    if let Some(key) = gather.report.as_deref().filter(|_| !report.is_empty()) {
        merge.set(Member { key: Cow::Borrowed(key), value: Cow::Owned(partial::json(&report)) });
    }
    let mut body = Vec::with_capacity(512);
    merge.write(&mut body);
    let body = reshaped(gather, body)?;
    let mut response = begun(head);
    let fields = &mut response.head.fields;
    fields.add(Name::ContentType, b"application/json");
    if !report.is_empty() {
        fields.add_named(partial::HEADER.as_bytes(), &partial::header(&report));
    } else if let Some(control) = caching.header() {
        fields.add(Name::CacheControl, &control);
    }
    for name in caching.vary() {
        fields.add(Name::Vary, name);
    }
    response.body = Body::Full(body);
    Ok(Composed { response, partial: told(&missing) })
}

/// The members of the default of a part that is missing.
fn standing_in(part: &Part) -> Vec<Member<'_>> {
    let Need::Optional(Some(default)) = &part.need else { return Vec::new() };
    match &part.nest {
        Some(key) => vec![Member { key: Cow::Borrowed(key), value: Cow::Borrowed(default) }],
        None => json::members(default).map(|(key, value)| Member { key, value: Cow::Borrowed(value) }).collect(),
    }
}

fn clashed(gather: &Gather, clash: &Clash) -> Stop {
    let name = |place: usize| gather.parts.get(place).map_or("", |part| &part.name);
    let detail = format!(
        "parts {} and {} both give \"{}\"",
        name(clash.first),
        name(clash.second),
        String::from_utf8_lossy(&clash.key)
    );
    Stop { part: Some(clash.second), error: Error::new(Kind::PartConflict).with_detail(detail), passed: None }
}

/// What is done to the merged answer.
fn reshaped(gather: &Gather, body: Vec<u8>) -> Result<Bytes, Stop> {
    if gather.shape.is_plain() {
        return Ok(body.into());
    }
    let stop = |why: &str| Stop { part: None, error: Error::new(Kind::PartInvalid).with_detail(why), passed: None };
    let merged = Json::check(&body).map_err(|found| stop(&format!("the merged answer {}", found.what)))?;
    let shaped = gather.shape.apply(merged).ok_or_else(|| stop("the merged answer has not what is picked of it"))?;
    Ok(shaped.into_json().into_owned().into())
}

/// The answer with status and headers of the part whose they are.
fn begun(head: Option<&ResponseHead>) -> Response {
    let mut response = Response::new(200);
    let Some(head) = head else { return response };
    // An answer with members has content.
    response.head.status = if matches!(head.status, 204..=206) { 200 } else { head.status };
    for (_, name, value) in head.fields.iter() {
        if is_of_all(name) {
            response.head.fields.add_named(name, value);
        }
    }
    response
}

/// Whether a header says something that holds for the whole answer. Digests (RFC 9530) are of one body, and lifetimes
/// for one kind of cache (RFC 9213) are of one part, whatever is named before.
fn is_of_all(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let of_one = name.starts_with(b"content-") || name.ends_with(b"-digest") || name.ends_with(b"-cache-control");
    !of_one && !OF_ONE.iter().any(|own| *name == *own.as_bytes())
}

fn note_caching(caching: &mut Caching, part: &Part, head: &ResponseHead) {
    if !matches!(&*part.method, "GET" | "HEAD") {
        return caching.add_unknown();
    }
    let fields: &Fields = &head.fields;
    caching.add(fields.all(Name::CacheControl), fields.get_named(b"age"), fields.all(Name::Vary));
}

/// What the log says of a partial answer.
fn told(missing: &[(&Part, Failure)]) -> Option<Error> {
    if missing.is_empty() {
        return None;
    }
    let each = |(part, failure): &(&Part, Failure)| {
        let why = match failure.error.detail() {
            "" => failure.error.kind.reason(),
            detail => detail,
        };
        format!("part {}: {why}", part.name)
    };
    let detail = missing.iter().map(each).collect::<Vec<_>>().join("; ");
    Some(Error::new(Kind::Partial).with_detail(detail))
}
