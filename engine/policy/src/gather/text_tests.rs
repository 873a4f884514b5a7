use glorieta_core::exchange::RequestId;
use glorieta_core::{Peer, RequestHead};
use serde_json::json;

use super::*;
use crate::reference::{Reference, as_written};
use crate::route::tests::{find, route};
use crate::route::{Parameters, Table};

const USER: &[u8] = br#"{"id":7.50,"name":"a\"b/\u00e9 ","tags":["x",1,true],"deep":{"a":[{"b":"c"}]},"none":null,"empty":"","evil":"..","path":"${env:X}"}"#;

fn places(name: &str) -> Option<usize> {
    ["user", "orders"].iter().position(|known| *known == name)
}

fn answers(part: usize) -> Option<&'static [u8]> {
    (part == 0).then_some(USER)
}

/// A request for `/home/j%C3%A9%2B+?q=a%26b+c&q=2`, with what a function makes of it.
fn with_view<T>(read: impl FnOnce(&View<'_>) -> T) -> T {
    let mut head = RequestHead::build("GET", "shop.example", "/home/j%C3%A9%2B+", Some("q=a%26b+c&q=2"));
    head.fields.add_named(b"x-a", b"1\t2/3");
    let mut parameters = Parameters::default();
    find(&Table::build(&[route("/home/{id}")], &as_written).unwrap(), &head, &mut parameters);
    let peer = Peer::at(None);
    let id = RequestId::random(1);
    read(&View {
        head: &head,
        peer: &peer,
        id: &id,
        parameters: &parameters,
        matched_path: None,
        listener: "web",
        route: "r",
        secured: None,
        outcome: None,
    })
}

fn text(written: &str) -> Text {
    Text::read(written, &as_written, &places).unwrap()
}

fn target(written: &str) -> Result<String, Hole> {
    let mut out = Vec::new();
    with_view(|view| text(written).target(view, &answers, &mut out))?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn targets_keep_values_within_their_segment_or_value() {
    for (written, expected) in [
        ("/users/${path.id}", "/users/j%C3%A9%2B+"),
        ("/users/${parts.user.id}", "/users/7.50"),
        ("/users/${parts.user.name}/x", "/users/a%22b%2F%C3%A9%20/x"),
        ("/${parts.user.tags}", "/x%2C1%2Ctrue"),
        ("/${parts.user.deep.a.0.b}", "/c"),
        ("/a${search}", "/a?q=a%26b+c&q=2"),
        ("/a?${query}&x=${query.q}", "/a?q=a%26b+c&q=2&x=a%26b+c"),
        ("/a/${query.q}?b=${path.id}", "/a/a%26b%20c?b=j%C3%A9%2B+"),
        ("/a?b=${parts.user.name}", "/a?b=a%22b%2F%C3%A9%20"),
        ("/a/${header.x-a}", "/a/1%092%2F3"),
        ("/a/${parts.user.path}", "/a/%24%7Benv%3AX%7D"),
        ("/a?b=${parts.user.empty}", "/a?b="),
        ("/$$${method}", "/$GET"),
    ] {
        assert_eq!(target(written).unwrap(), expected, "{written}");
    }
}

#[test]
fn nothing_is_sent_with_a_hole_or_a_path_that_climbs() {
    for (written, missing) in [
        ("/users/${parts.user.nothing}", "parts.user.nothing"),
        ("/users/${parts.user.none}", "parts.user.none"),
        ("/users/${parts.user.empty}", "parts.user.empty"),
        ("/users/${parts.user.deep}", "parts.user.deep"),
        ("/users/${parts.user}", "parts.user"),
        ("/users/${parts.orders.id}", "parts.orders.id"),
    ] {
        assert!(matches!(target(written), Err(Hole::Missing(word)) if *word == *missing), "{written}");
    }
    for written in ["/users/${parts.user.evil}", "/${parts.user.evil}/a?b", "${parts.user.id}", "${header.none}"] {
        assert!(matches!(target(written), Err(Hole::Refused(error)) if error.kind == Kind::PathRefused), "{written}");
    }
}

#[test]
fn queries_and_headers() {
    let query = |target: &str, pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let query = Query::read(&pairs, &as_written, &places).unwrap();
        let mut out = target.as_bytes().to_vec();
        with_view(|view| query.write(view, &answers, &mut out)).unwrap();
        String::from_utf8(out).unwrap()
    };
    let path = ("a b", "${path.id}");
    assert_eq!(query("/x", &[path, ("c", "${query.q}")]), "/x?a%20b=j%C3%A9%2B%2B&c=a%26b%20c");
    assert_eq!(query("/x?y=1", &[("n", "${parts.user.name}!")]), "/x?y=1&n=a%22b%2F%C3%A9%20%21");
    assert_eq!(query("/x?", &[("n", "1")]), "/x?n=1");
    assert_eq!(query("/x", &[("n", "${query.nothing}"), ("e", "${parts.user.empty}"), ("f", "1")]), "/x?f=1");
    assert_eq!(query("/x", &[("n", "${query.nothing}")]), "/x");
    let mut out = Vec::new();
    with_view(|view| text("Bearer ${parts.user.tags} ${header.x-a}").header(view, &answers, &mut out)).unwrap();
    assert_eq!(out, b"Bearer x,1,true 1\t2/3");
}

#[test]
fn a_value_cannot_add_a_header() {
    let json = br#"{"a":"x\r\nset-cookie: y\u0000"}"#;
    let mut out = Vec::new();
    with_view(|view| text("${parts.user.a}").header(view, &|_| Some(&json[..]), &mut out)).unwrap();
    assert_eq!(out, b"xset-cookie: y");
}

#[test]
fn bodies() {
    let body = json!({
        "user": "${path.id}", "id": "${parts.user.id}", "text": "no ${parts.user.id}", "all": "${parts.user.tags}", "deep": "${parts.user.deep}",
        "name": "${parts.user.name}", "n": [1, 2.5, null, true, {}, [], ""], "q": "${query.q}", "$$": "$$",
    });
    let body = Body::read(&body, &as_written, &places).unwrap();
    assert_eq!(body.parts().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(), [0]);
    let mut out = Vec::new();
    with_view(|view| body.write(view, &answers, &mut out)).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""id":7.50,"#) && text.contains(r#""name":"a\"b/\u00e9 ""#), "{text}");
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({
            "user": "jé++", "id": 7.5, "text": "no 7.50", "all": ["x", 1, true], "deep": {"a": [{"b": "c"}]},
            "name": "a\"b/é ", "n": [1, 2.5, null, true, {}, [], ""], "q": "a&b c", "$$": "$",
        })
    );
    let hole = Body::read(&json!(["${parts.orders.id}"]), &as_written, &places).unwrap();
    assert!(with_view(|view| hole.write(view, &answers, &mut Vec::new())).is_err());
}

#[test]
fn what_is_wrong_is_said() {
    let look_up = |reference: Reference<'_>| Err(format!("there is no {reference}"));
    for (written, message) in [
        ("/${parts.users.id}", "there is no part \"users\""),
        ("/${parts}", "there is no part \"\""),
        ("/${parts.user..id}", "is no path"),
        ("/${status}", "only to the access log"),
        ("/${env:X}", "there is no ${env:X}"),
        ("/${nothing}", "unknown word"),
        ("/$", "single"),
    ] {
        let error = Text::read(written, &look_up, &places).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn it_knows_whose_values_it_has() {
    let parts: Vec<usize> = text("/${parts.orders.a}/${path.id}/${parts.user.b}").parts().collect();
    assert_eq!(parts, [1, 0]);
}
