//! Targets that answer by themselves: redirects and fixed answers.

use bytes::Bytes;
use glorieta_core::{Body, Name, Response};

use super::Request;
use crate::snapshot::{Redirect, Respond};

pub fn redirect(request: &Request, target: &Redirect) -> Response {
    let mut location = Vec::new();
    target.location.expand_location(&request.scope().view(&request.head), &mut location);
    let mut response = Response::new(target.status);
    response.head.fields.add(Name::Location, &location);
    own(request, &mut response);
    response
}

pub fn respond(request: &Request, target: &Respond) -> Response {
    let scope = request.scope();
    let view = scope.view(&request.head);
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
    own(request, &mut response);
    response
}

/// What answers of glorieta's own have in common.
pub fn own(request: &Request, response: &mut Response) {
    if let Some(server) = &request.view.listener.server
        && !response.head.fields.has(Name::Server)
    {
        response.head.fields.add(Name::Server, server.as_bytes());
    }
}
