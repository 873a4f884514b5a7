use glorieta_core::{Fields, Kind, Method, Name, RequestHead, ResponseHead, Version};
use http::uri::Scheme;
use http::{HeaderMap, Request, Response};

use super::*;
use crate::h1::codec::Limits;

fn get(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Request<()> {
    build(Request::get("https://a.example/x?y=1")).body(()).unwrap()
}

fn read(request: &Request<()>) -> Result<(RequestHead, RequestFacts), Kind> {
    let mut head = RequestHead::default();
    match request_in(request, Version::Http2, &Limits::default(), &mut head) {
        Ok(facts) => Ok((head, facts)),
        Err(error) => Err(error.kind),
    }
}

fn refusal(request: &Request<()>) -> Kind {
    read(request).err().unwrap()
}

fn listed(fields: &Fields) -> Vec<String> {
    fields
        .iter()
        .map(|(_, name, value)| format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
        .collect()
}

#[test]
fn a_request_is_read_into_our_head() {
    let (head, facts) = read(&get(|get| get.header("x-a", "1").header("content-length", "3"))).unwrap();
    assert_eq!((head.method, head.method_text()), (Method::Get, &b"GET"[..]));
    assert_eq!((head.path(), head.query()), (&b"/x"[..], Some(&b"y=1"[..])));
    assert_eq!((head.authority(), head.version), (&b"a.example"[..], Version::Http2));
    assert_eq!(facts, RequestFacts { length: Some(3), expect_continue: false });
    assert_eq!(listed(&head.fields), ["Host: a.example", "x-a: 1", "content-length: 3"]);
}

#[test]
fn cookies_are_joined() {
    let (head, _) = read(&get(|get| get.header("cookie", "a=1").header("x", "y").header("cookie", "b=2"))).unwrap();
    assert_eq!(head.fields.all(Name::Cookie).collect::<Vec<_>>(), [b"a=1; b=2"]);
}

#[test]
fn host_must_say_what_the_authority_says() {
    assert!(read(&get(|get| get.header("host", "A.example"))).is_ok());
    assert_eq!(refusal(&get(|get| get.header("host", "b.example"))), Kind::HostRefused);
    assert_eq!(refusal(&get(|get| get.header("host", "a.example").header("host", "a.example"))), Kind::HostRefused);
    let bare = |host: Option<&str>| {
        let mut request = Request::get("/x").body(()).unwrap();
        if let Some(host) = host {
            request.headers_mut().insert("host", host.parse().unwrap());
        }
        request
    };
    assert_eq!(read(&bare(Some("a.example"))).unwrap().0.authority(), b"a.example");
    assert_eq!(refusal(&bare(None)), Kind::HostRefused);
    assert_eq!(refusal(&bare(Some("a.example/x"))), Kind::HostRefused);
    let user = Request::get("https://user@a.example/").body(()).unwrap();
    assert_eq!(refusal(&user), Kind::HostRefused);
}

#[test]
fn fields_of_one_connection_are_refused() {
    for (name, value) in [
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
    ] {
        assert_eq!(refusal(&get(|get| get.header(name, value))), Kind::HeadMalformed, "{name}");
        let response = Response::builder().header(name, value).body(()).unwrap();
        let read = response_in(&response, Version::Http2, &Limits::default());
        assert_eq!(read.err().unwrap().kind, Kind::ResponseMalformed, "{name}");
    }
    assert!(read(&get(|get| get.header("te", "trailers"))).is_ok());
}

#[test]
fn values_have_no_blanks_at_their_edges() {
    for value in [" a", "a ", "\ta", "a\t", " "] {
        assert_eq!(refusal(&get(|get| get.header("x-a", value))), Kind::HeadMalformed, "{value:?}");
    }
    assert!(read(&get(|get| get.header("x-a", "a b").header("x-b", ""))).is_ok());
}

#[test]
fn lengths_must_be_plain_and_agree() {
    assert_eq!(refusal(&get(|get| get.header("content-length", "+3"))), Kind::FramingRefused);
    let differ = get(|get| get.header("content-length", "3").header("content-length", "4"));
    assert_eq!(refusal(&differ), Kind::FramingRefused);
    let same = get(|get| get.header("content-length", "3").header("content-length", "3"));
    assert_eq!(read(&same).unwrap().1.length, Some(3));
}

#[test]
fn limits_hold() {
    let limits = Limits { head_bytes: 200, header_count: 3, target_bytes: 20 };
    let kind = |request: &Request<()>| {
        let mut head = RequestHead::default();
        request_in(request, Version::Http2, &limits, &mut head).map_err(|error| error.kind).err()
    };
    assert_eq!(kind(&get(|get| get)), None);
    assert_eq!(kind(&get(|get| get.header("x", "y".repeat(200)))), Some(Kind::HeadTooLarge));
    let many = get(|get| get.header("a", "").header("b", "").header("c", "").header("d", ""));
    assert_eq!(kind(&many), Some(Kind::HeadersTooMany));
    let long = Request::get(format!("https://a.example/{}", "x".repeat(20))).body(()).unwrap();
    assert_eq!(kind(&long), Some(Kind::TargetTooLong));
}

#[test]
fn expectations_are_known_or_refused() {
    assert!(read(&get(|get| get.header("expect", "100-Continue"))).unwrap().1.expect_continue);
    assert_eq!(refusal(&get(|get| get.header("expect", "more"))), Kind::ExpectationUnknown);
}

#[test]
fn a_request_is_sent_without_what_speaks_of_a_connection() {
    let mut head = RequestHead::build("POST", "a.example:81", "/a b", Some("q=#"));
    for (name, value) in [("Host", "old"), ("Connection", "x"), ("X-A", "1"), ("TE", "trailers"), ("Upgrade", "y")] {
        head.fields.add_named(name.as_bytes(), value.as_bytes());
    }
    let request = request_out(&head, Scheme::HTTP, Some(0)).unwrap();
    assert_eq!(request.uri().to_string(), "http://a.example:81/a%20b?q=%23");
    let mut names: Vec<_> = request.headers().iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    names.sort();
    assert_eq!(names, ["content-length=\"0\"", "te=\"trailers\"", "x-a=\"1\""]);
}

#[test]
fn an_answer_is_sent_with_its_length_and_date() {
    let mut head = ResponseHead::new(200);
    head.fields.add(Name::ContentLength, b"9");
    head.fields.add(Name::Connection, b"close");
    let response = response_out(&head, Method::Get, Some(3), Some(b"now"));
    assert_eq!(response.headers()["content-length"], "3");
    assert_eq!((response.headers()["date"].as_bytes(), response.headers().len()), (&b"now"[..], 2));
    let none = response_out(&ResponseHead::new(204), Method::Get, Some(0), None);
    assert!(none.headers().is_empty());
    let interim = response_out(&ResponseHead::new(103), Method::Get, None, Some(b"now"));
    assert!(interim.headers().is_empty());
}

#[test]
fn trailers_keep_what_may_stand_there() {
    let mut map = HeaderMap::new();
    for (name, value) in [("grpc-status", "0"), ("content-length", "3"), ("host", "x"), ("x-a", "1")] {
        map.insert(name, value.parse().unwrap());
    }
    let fields = trailers_in(&map, Kind::FramingRefused).unwrap().unwrap();
    assert_eq!(fields.list.len(), 2);
    assert_eq!(trailers_out(&fields).len(), 2);
    map.insert("x-b", "y".repeat(9000).parse().unwrap());
    assert_eq!(trailers_in(&map, Kind::FramingRefused).err().unwrap().kind, Kind::FramingRefused);
    assert!(trailers_in(&HeaderMap::new(), Kind::FramingRefused).unwrap().is_none());
}
