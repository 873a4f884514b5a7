//! A gathered answer's parts, and what would be sent to each as far as the request alone decides it.

use bytes::Bytes;
use glorieta_core::{Body, Error};
use glorieta_http::h1::codec::write_request;
use glorieta_http::outgoing::Upload;
use glorieta_plan::GatherTarget;
use glorieta_policy::gather::Hole;

use super::head;
use super::http::ANY_ENDPOINT;
use super::report::{GatheredPart, Gathering};
use crate::gather::{Asked, Gather, Need, Part, ask};
use crate::serve::Request;

/// What is told of a body of which only the length is known.
const CLIENTS_BODY: &str = "the client's body";

/// # Errors
/// What the request makes of a part's path.
pub fn tell(request: &Request, gather: &Gather, plan: &GatherTarget, body: &Body) -> Result<Gathering, Error> {
    let parts = gather.parts.iter().zip(&plan.parts);
    let told = parts.map(|(part, plan)| {
        let asked = match ask(request, part, &|_| None, Some(&Bytes::new())) {
            Ok(asked) => Some(asked),
            Err(Hole::Refused(error)) if part.needs.is_empty() => return Err(error),
            Err(_) => None,
        };
        Ok(one(gather, part, plan, asked, body))
    });
    Ok(Gathering { parts: told.collect::<Result<_, _>>()?, conflict: plan.conflict })
}

fn one(
    gather: &Gather,
    part: &Part,
    plan: &glorieta_plan::GatherPart,
    asked: Option<Asked>,
    body: &Body,
) -> GatheredPart {
    let sends_clients = plan.body == glorieta_plan::PartBody::Request;
    let own_body = asked.as_ref().filter(|_| !sends_clients).and_then(|asked| asked.body.clone());
    let length = if sends_clients { body.length() } else { own_body.as_ref().map(|body| body.len() as u64) };
    let sent = asked.map(|asked| sent(part, asked, length));
    let (target, headers) = sent.unwrap_or_default();
    GatheredPart {
        name: part.name.to_string(),
        upstream: part.upstream.id.to_string(),
        need: match part.need {
            Need::Required => "required",
            Need::Optional(_) => "optional",
            Need::Shadow => "shadow",
        },
        needs: part.needs.iter().map(|&need| gather.parts[need].name.to_string()).collect(),
        method: part.method.to_string(),
        path: plan.path.clone(),
        target,
        headers,
        body: match own_body {
            Some(body) => Some(String::from_utf8_lossy(&body).into_owned()),
            None => sends_clients.then(|| CLIENTS_BODY.to_owned()),
        },
        timeout_ms: plan.timeout_ms,
    }
}

/// Target and headers as they would be written.
fn sent(part: &Part, asked: Asked, length: Option<u64>) -> (Option<String>, head::Pairs) {
    let mut head = asked.head;
    part.host.name(&mut head);
    part.host.name_after(ANY_ENDPOINT, &mut head);
    let mut out = Vec::new();
    write_request(&head, Upload::framing_of(length.or(Some(0))), None, &mut out);
    let (start, headers) = head::read(&out);
    (start.split(' ').nth(1).map(str::to_owned), headers)
}
