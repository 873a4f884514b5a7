//! The handler target: the request as Python shall see it, and the answer as the client shall see it.

use std::rc::Rc;

use bytes::Bytes;
use glorieta_carrier::Start;
use glorieta_core::{Body, Error, Moment, Name, Version};
use glorieta_upstream::Balance;

use super::proxy::hash_of;
use super::{Hold, Outcome, Request, RequestRecord};
use crate::handlers::{Answered, Asked, HandlerRoute, call, fields_to_message};
use crate::mirror;

/// Boxed: other targets do not pay for what this one keeps while it waits.
pub fn run<'a>(
    record: &'a mut RequestRecord,
    target: &'a HandlerRoute,
    body: Body,
    deadline: Option<Moment>,
) -> std::pin::Pin<Box<dyn Future<Output = Result<Outcome, Error>> + 'a>> {
    Box::pin(async move {
        let desk = record.worker.desk()?;
        let body = mirror::copy(record, body);
        let asked = ask(&mut record.request, target, &body);
        record.called = Some(asked.tries.clone());
        let series = &target.handler.series;
        let answered = call(&desk, &target.handler, asked, body, deadline).await;
        Ok(match answered.inspect_err(|error| series.failed(error.kind))? {
            Answered::Response(response, explained) => {
                if let Some(error) = explained {
                    series.failed(error.kind);
                    record.note(error);
                }
                Outcome::Response(response)
            }
            Answered::Switched { head, stream, tunnel } => Outcome::Switched {
                head,
                stream,
                leftover: Bytes::new(),
                hold: Hold::Handler(tunnel),
                idle: target.handler.tunnel,
            },
        })
    })
}

/// The request as a handler gets it.
pub fn ask(request: &mut Request, target: &HandlerRoute, body: &Body) -> Asked {
    let upgrade = request.upgrade.take();
    let head = &request.head;
    let copy = Bytes::copy_from_slice;
    let mut headers = Vec::with_capacity(head.fields.list.len() + 4);
    headers.push((Bytes::from_static(b"host"), copy(head.authority())));
    headers.extend(fields_to_message(&head.fields, |name| name != Name::Host));
    // Framing and connection were taken out with what is hop by hop; these still say something to a handler.
    if let Some(length) = body.length().filter(|&length| length > 0) {
        headers.push((Bytes::from_static(b"content-length"), Bytes::from(length.to_string())));
    }
    if let Some(protocol) = &upgrade {
        headers.push((Bytes::from_static(b"connection"), Bytes::from_static(b"upgrade")));
        headers.push((Bytes::from_static(b"upgrade"), copy(protocol)));
    }
    let path = request.matched_path();
    let parameter = |name: &str| {
        let value = request.parameters.get(name, path)?;
        Some((copy(name.as_bytes()), copy(value)))
    };
    let client = request.peer.client.map(|address| Bytes::from(address.to_string()));
    let start = Start {
        route: target.route,
        deadline_ms: 0,
        method: copy(head.method_text()),
        path: copy(path),
        query: request.asked_query().map(copy).unwrap_or_default(),
        protocol: Bytes::from_static(match head.version {
            Version::Http10 => b"http/1.0",
            Version::Http11 => b"http/1.1",
            Version::Http2 => b"h2",
            Version::Http3 => b"h3",
        }),
        scheme: Bytes::from_static(request.peer.scheme.text().as_bytes()),
        client: client.unwrap_or_default(),
        request_id: copy(request.id.as_str().as_bytes()),
        parameters: target.parameters.iter().filter_map(|name| parameter(name)).collect(),
        headers,
        body: glorieta_carrier::Body::Empty,
    };
    Asked {
        start,
        authority: head.authority().to_vec(),
        keys: keys(request, target),
        upgrade: upgrade.is_some(),
        first_byte: target.first_byte,
        tries: Rc::default(),
    }
}

/// For each upstream that may be called, the hash of the value by which an endpoint is chosen; nothing where none is
/// chosen so.
fn keys(request: &Request, target: &HandlerRoute) -> Vec<Option<u64>> {
    if !target.handler.hashes {
        return Vec::new();
    }
    let key = |balance: &Balance| match balance {
        Balance::Hash(word) => hash_of(request, word),
        _ => None,
    };
    target.handler.calls.iter().map(|callee| key(&callee.upstream.settings.balance)).collect()
}
