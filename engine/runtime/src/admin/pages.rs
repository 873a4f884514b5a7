//! What is answered at which path.

use glorieta_core::{Body, Method, Name, RequestHead, Response};
use serde_json::json;

use super::View;
use super::guard::{self, Refusal};
use crate::metrics;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers one request.
pub(super) fn answer(head: &RequestHead, view: &dyn View) -> Response {
    if let Err(Refusal { status, text }) = guard::check(head, &view.hosts()) {
        return line(status, text);
    }
    if !matches!(head.method, Method::Get | Method::Head) {
        let mut response = line(405, "only GET and HEAD are answered here");
        response.head.fields.add(Name::Allow, b"GET, HEAD");
        return response;
    }
    match head.path() {
        b"/" => index(view),
        b"/livez" => line(200, "ok"),
        b"/readyz" => ready(view),
        b"/metrics" => page(200, metrics::CONTENT_TYPE, view.metrics()),
        b"/status" => page(200, JSON, view.status()),
        _ => line(404, "not found; / lists what there is"),
    }
}

fn index(view: &dyn View) -> Response {
    let index = json!({
        "glorieta": env!("CARGO_PKG_VERSION"),
        "plan": view.plan_version(),
        "paths": {
            "/livez": "200 as long as the process answers",
            "/readyz": "200 while requests are served, 503 while draining and before handlers are there",
            "/metrics": "metrics in the OpenMetrics text format",
            "/status": "listeners, groups, routes, upstreams and their health, as JSON",
        },
    });
    page(200, JSON, format!("{index:#}\n"))
}

fn ready(view: &dyn View) -> Response {
    let ready = view.is_ready();
    page(if ready { 200 } else { 503 }, JSON, json!({"ready": ready, "plan": view.plan_version()}).to_string())
}

/// One line of text.
pub(super) fn line(status: u16, text: &str) -> Response {
    page(status, TEXT, format!("{text}\n"))
}

fn page(status: u16, kind: &str, content: String) -> Response {
    let mut response = Response::new(status);
    let fields = &mut response.head.fields;
    fields.add(Name::ContentType, kind.as_bytes());
    fields.add(Name::CacheControl, b"no-store");
    fields.add_named(b"X-Content-Type-Options", b"nosniff");
    response.body = Body::Full(content.into());
    response
}
