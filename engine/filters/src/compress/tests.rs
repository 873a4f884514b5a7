use glorieta_core::Secured;
use glorieta_plan::CompressLevels;

use super::encoder::tests::{decoded, text};
use super::*;
use crate::scope::with_scope;

fn plan() -> CompressFilter {
    CompressFilter {
        algorithms: ["zstd", "gzip", "br"].map(str::to_owned).to_vec(),
        types: ["text/*", "application/json"].map(str::to_owned).to_vec(),
        min_bytes: 1024,
        levels: CompressLevels { zstd: 1, br: 1, gzip: 3 },
        credentials: false,
    }
}

fn request(method: &str, fields: &[(&str, &str)]) -> RequestHead {
    let mut head = RequestHead::build(method, "a.example", "/", None);
    for (name, value) in fields {
        head.fields.add_named(name.as_bytes(), value.as_bytes());
    }
    head
}

fn answer(status: u16, fields: &[(&str, &str)], body: Body) -> Response {
    let mut response = Response::new(status);
    for (name, value) in fields {
        response.head.fields.add_named(name.as_bytes(), value.as_bytes());
    }
    response.body = body;
    response
}

fn run(filter: &Compress, request: &RequestHead, response: &mut Response) -> Option<Rc<Volume>> {
    let noted = with_scope(None, |scope| {
        assert!(matches!(filter.request(request, scope), Step::Continue));
        scope.noted.get()
    });
    filter.body(response, request, noted)
}

/// The fields of interest after it has run over an answer to GET: Content-Encoding and Vary.
fn outcome(
    plan: &CompressFilter,
    asked: &[(&str, &str)],
    status: u16,
    fields: &[(&str, &str)],
    length: usize,
) -> String {
    let mut response = answer(status, fields, Body::Full(text(length).into()));
    run(&Compress::read(plan).unwrap(), &request("GET", asked), &mut response);
    let value = |name| String::from_utf8_lossy(response.head.fields.get(name).unwrap_or(b"-")).into_owned();
    format!("{} {}", value(Name::ContentEncoding), value(Name::Vary))
}

const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");
const TEXT: (&str, &str) = ("Content-Type", "text/plain");

#[test]
fn an_answer_is_compressed_where_all_speaks_for_it() {
    let plan = plan();
    for (asked, status, fields, length, expected) in [
        (&[GZIP][..], 200, &[TEXT][..], 2000, "gzip Accept-Encoding"),
        (&[GZIP], 404, &[TEXT], 2000, "gzip Accept-Encoding"),
        (&[GZIP], 500, &[TEXT], 1024, "gzip Accept-Encoding"),
        (&[("Accept-Encoding", "gzip, br, zstd")], 200, &[TEXT], 2000, "zstd Accept-Encoding"),
        (&[("Accept-Encoding", "br")], 200, &[TEXT, ("Vary", "Origin")], 2000, "br Origin, Accept-Encoding"),
        // Not for this client.
        (&[], 200, &[TEXT], 2000, "- Accept-Encoding"),
        (&[("Accept-Encoding", "gzip;q=0")], 200, &[TEXT], 2000, "- Accept-Encoding"),
        // For no client.
        (&[GZIP], 200, &[TEXT], 1023, "- -"),
        (&[GZIP], 200, &[], 2000, "- -"),
        (&[GZIP], 200, &[("Content-Type", "image/png")], 2000, "- -"),
        (&[GZIP], 200, &[TEXT, ("Content-Encoding", "br")], 2000, "br -"),
        (&[GZIP], 200, &[TEXT, ("Content-Encoding", "identity")], 2000, "identity -"),
        (&[GZIP], 200, &[TEXT, ("Cache-Control", "private, no-transform")], 2000, "- -"),
        (&[GZIP, ("Cache-Control", "no-transform")], 200, &[TEXT], 2000, "- -"),
        (&[GZIP], 200, &[TEXT, ("Content-Digest", "sha-256=:x:")], 2000, "- -"),
        (&[GZIP], 200, &[TEXT, ("Signature", "a=:x:")], 2000, "- -"),
        (&[GZIP], 206, &[TEXT, ("Content-Range", "bytes 0-1999/4000")], 2000, "- -"),
        (&[GZIP], 200, &[TEXT, ("Content-Range", "bytes 0-1999/4000")], 2000, "- -"),
        (&[GZIP], 200, &[TEXT], 0, "- -"),
        (&[GZIP], 204, &[TEXT], 0, "- -"),
        // What strangers might make a browser ask for.
        (&[GZIP, ("Cookie", "a=1")], 200, &[TEXT], 2000, "- Accept-Encoding"),
        (&[GZIP, ("Authorization", "Bearer x")], 200, &[TEXT], 2000, "- Accept-Encoding"),
        (&[GZIP], 200, &[TEXT, ("Set-Cookie", "a=1")], 2000, "- Accept-Encoding"),
    ] {
        assert_eq!(outcome(&plan, asked, status, fields, length), expected, "{asked:?} {status} {fields:?} {length}");
    }
}

#[test]
fn credentials_are_no_hindrance_where_they_may_be() {
    let plan = CompressFilter { credentials: true, ..plan() };
    for asked in [("Cookie", "a=1"), ("Authorization", "Bearer x")] {
        let fields = [TEXT, ("Set-Cookie", "a=1")];
        assert_eq!(outcome(&plan, &[GZIP, asked], 200, &fields, 2000), "gzip Accept-Encoding");
    }
}

#[test]
fn a_client_certificate_counts_as_credentials() {
    let certificate =
        glorieta_core::ClientCertificate { subject: "a".into(), names: [].into(), fingerprint: "".into() };
    let secured =
        Secured { server_name: None, version: "1.3", certificate: Some(certificate), names: None, agreed: None };
    let filter = Compress::read(&plan()).unwrap();
    let noted = with_scope(None, |scope| {
        let scope = Scope { secured: Some(&secured), ..*scope };
        filter.request(&request("GET", &[GZIP]), &scope);
        scope.noted.get()
    });
    assert!(noted.credentials);
}

#[test]
fn the_head_tells_what_the_body_has_become() {
    let filter = Compress::read(&plan()).unwrap();
    let fields = [TEXT, ("ETag", "\"a\""), ("Accept-Ranges", "bytes"), ("Content-Length", "2000"), ("X-Other", "1")];
    let mut response = answer(200, &fields, Body::Full(text(2000).into()));
    response.announced = Some(2000);
    let volume = run(&filter, &request("GET", &[GZIP]), &mut response).unwrap();
    let Body::Full(bytes) = &response.body else { panic!("{response:?}") };
    assert_eq!(decoded(Coding::Gzip, bytes), text(2000));
    assert_eq!((volume.plain.get(), volume.coded.get()), (2000, bytes.len() as u64));
    assert_eq!(response.announced, None);
    let seen: Vec<_> = response
        .head
        .fields
        .iter()
        .map(|(_, name, value)| [String::from_utf8_lossy(name), String::from_utf8_lossy(value)].join(": "))
        .collect();
    let expected =
        ["Content-Type: text/plain", "ETag: W/\"a\"", "X-Other: 1", "Vary: Accept-Encoding", "Content-Encoding: gzip"];
    assert_eq!(seen, expected);
}

#[test]
fn an_answer_to_head_has_the_fields_that_one_to_get_would_have() {
    let filter = Compress::read(&plan()).unwrap();
    for (announced, body, expected) in [
        (Some(2000), Body::Empty, true),
        (Some(1000), Body::Empty, false),
        (Some(0), Body::Empty, false),
        (None, Body::Empty, true),
        (None, Body::Full(text(2000).into()), true),
        (None, Body::Full(text(100).into()), false),
    ] {
        let mut response = answer(200, &[TEXT, ("ETag", "\"a\"")], body);
        response.announced = announced;
        assert!(run(&filter, &request("HEAD", &[GZIP]), &mut response).is_none());
        assert_eq!(response.head.fields.has(Name::ContentEncoding), expected, "{announced:?} {response:?}");
        if expected {
            assert_eq!(response.announced, None);
            assert_eq!(response.head.fields.get(Name::Etag), Some(&b"W/\"a\""[..]));
            assert!(response.body.is_empty());
        }
    }
}

#[test]
fn a_304_varies_and_has_the_tag_that_was_asked_about() {
    let filter = Compress::read(&plan()).unwrap();
    let mut response = answer(304, &[TEXT, ("ETag", "\"a\"")], Body::Empty);
    run(&filter, &request("GET", &[GZIP, ("If-None-Match", "W/\"a\"")]), &mut response);
    assert_eq!(response.head.fields.get(Name::Etag), Some(&b"W/\"a\""[..]));
    assert_eq!(response.head.fields.get(Name::Vary), Some(&b"Accept-Encoding"[..]));
    assert!(!response.head.fields.has(Name::ContentEncoding));
}

#[test]
fn large_bodies_are_compressed_on_their_way() {
    let filter = Compress::read(&plan()).unwrap();
    let mut response = answer(200, &[TEXT], Body::Full(text(AT_ONCE + 1).into()));
    assert!(run(&filter, &request("GET", &[GZIP]), &mut response).is_some());
    assert_eq!(response.body.length(), None);
}

#[test]
fn nothing_is_compressed_while_encoders_take_all_that_they_may() {
    let all = crate::memory::Reservation::take(crate::memory::MOST).unwrap();
    assert_eq!(outcome(&plan(), &[GZIP], 200, &[TEXT], 2000), "- Accept-Encoding");
    drop(all);
    assert_eq!(outcome(&plan(), &[GZIP], 200, &[TEXT], 2000), "gzip Accept-Encoding");
}

#[test]
fn plans_that_cannot_be_followed_are_refused() {
    for wrong in [
        CompressFilter { algorithms: vec!["deflate".into()], ..plan() },
        CompressFilter { types: vec!["text".into()], ..plan() },
        CompressFilter { levels: CompressLevels { zstd: 1, br: 1, gzip: 0 }, ..plan() },
    ] {
        assert!(Compress::read(&wrong).is_err(), "{wrong:?}");
    }
}
