//! Targets that answer by themselves: redirects and fixed answers.

use bytes::Bytes;
use glorieta_core::{Body, Name, Response};

use super::RequestRecord;
use crate::snapshot::{Redirect, Respond};

pub fn redirect(record: &RequestRecord, target: &Redirect) -> Response {
    let mut location = Vec::new();
    target.location.expand_location(&record.scope().view(&record.head), &mut location);
    let mut response = Response::new(target.status);
    response.head.fields.add(Name::Location, &location);
    own(record, &mut response);
    response
}

pub fn respond(record: &RequestRecord, target: &Respond) -> Response {
    let scope = record.scope();
    let view = scope.view(&record.head);
    let mut response = Response::new(target.status);
    for (name, value) in &target.headers {
        let mut text = Vec::new();
        value.expand(&view, &mut text);
        response.head.fields.add_named(name, &text);
    }
    let body = match target.body.as_literal() {
        // A fixed text is copied once per request, never looked through.
        Some(text) => Bytes::copy_from_slice(text),
        None => {
            let mut text = Vec::new();
            target.body.expand(&view, &mut text);
            text.into()
        }
    };
    if !body.is_empty() {
        if !response.head.fields.has(Name::ContentType) {
            response.head.fields.add(Name::ContentType, b"text/plain; charset=utf-8");
        }
        response.body = Body::Full(body);
    }
    own(record, &mut response);
    response
}

/// What answers of glorieta's own have in common.
pub fn own(record: &RequestRecord, response: &mut Response) {
    if let Some(server) = &record.view.listener.server
        && !response.head.fields.has(Name::Server)
    {
        response.head.fields.add(Name::Server, server.as_bytes());
    }
}
