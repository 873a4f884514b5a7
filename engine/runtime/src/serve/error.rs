//! The one place where an error becomes an answer.
//!
//! Small, the same for everybody, with the request's id and nothing else: the reason stands in the log, where the
//! operator finds it by that id. A problem document (RFC 9457) where the client takes JSON, a line of text where not; a status of
//! gRPC where that is what was called.

use std::io::Write;

use bytes::Bytes;
use glorieta_core::{Body, Error, Kind, Name, Response};
use glorieta_http::h1::codec::reason_phrase;
use glorieta_policy::accept::wants_json;

use super::Request;
use super::respond::own;
use super::slash::location;

/// What a client may do about a full queue or a drain: come again, in seconds.
const RETRY_AFTER: &[u8] = b"1";

/// Whether it may be over in a moment.
const fn is_passing(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::QueueFull
            | Kind::QueueTimeout
            | Kind::HandlerOverloaded
            | Kind::DecompressionBusy
            | Kind::Draining
            | Kind::TooManyConnections
    )
}

pub fn answer(error: &Error, request: &Request) -> Response {
    if request.grpc.is_some() {
        let mut response = super::grpc::failed(error, request);
        own(request, &mut response);
        return response;
    }
    let status = error.kind.status();
    let title = match status {
        // The client has gone; nobody reads this.
        499 => "Client Closed Request",
        status => reason_phrase(status),
    };
    let mut accept = Vec::new();
    for value in request.head.fields.all(Name::Accept) {
        accept.extend_from_slice(if accept.is_empty() { b"" } else { b"," });
        accept.extend_from_slice(value);
    }
    let mut text = Vec::with_capacity(128);
    let id = request.id.as_str();
    // An id is made of characters that need no escape; writing to a Vec cannot fail.
    let content_type: &[u8] = if wants_json(&accept) {
        let _ = writeln!(text, r#"{{"title":"{title}","status":{status},"request_id":"{id}"}}"#);
        b"application/problem+json"
    } else {
        let _ = writeln!(text, "{status} {title}\nrequest_id: {id}");
        b"text/plain; charset=utf-8"
    };
    let mut response = Response::new(status);
    let fields = &mut response.head.fields;
    fields.add(Name::ContentType, content_type);
    fields.add(Name::XRequestId, id.as_bytes());
    fields.add(Name::CacheControl, b"no-store");
    if let Some(allow) = request.allow.as_ref().filter(|_| status == 405) {
        fields.add(Name::Allow, allow.as_bytes());
    }
    if error.kind == Kind::SlashRedirect {
        fields.add(Name::Location, &location(request));
    }
    if error.kind == Kind::ContentCodingUnknown
        && let Some(codings) = request.route.as_ref().and_then(|route| route.filters.decodes())
    {
        fields.add(Name::AcceptEncoding, codings.as_bytes());
    }
    if is_passing(error.kind) {
        fields.add(Name::RetryAfter, RETRY_AFTER);
    }
    response.body = Body::Full(Bytes::from(text));
    own(request, &mut response);
    response
}
