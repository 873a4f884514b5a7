//! Forms of targets, and what becomes of them.

use glorieta_core::{Kind, Name};

use super::super::target::is_authority;
use super::super::{Framing, write_request};
use super::{refused, request};

#[test]
fn targets_are_taken_apart() {
    type Row = (&'static str, &'static str, Option<&'static str>, &'static str);
    let rows: &[Row] = &[
        ("GET /", "/", None, "a"),
        ("GET /a/b?c=d?e&f", "/a/b", Some("c=d?e&f"), "a"),
        ("GET /?", "/", Some(""), "a"),
        ("GET //x", "//x", None, "a"),
        ("OPTIONS *", "*", None, "a"),
        ("OPTIONS /", "/", None, "a"),
        ("GET http://b", "/", None, "b"),
        ("GET HTTP://b:81", "/", None, "b:81"),
        ("GET https://b/c?d", "/c", Some("d"), "b"),
        ("GET http://b?d", "/", Some("d"), "b"),
        ("GET http://[::1]:80/c", "/c", None, "[::1]:80"),
        ("OPTIONS http://b", "*", None, "b"),
        ("CONNECT b:443", "", None, "b:443"),
        ("CONNECT [::1]:443", "", None, "[::1]:443"),
    ];
    for &(line, path, query, authority) in rows {
        let (head, meta, _) = request(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(head.path(), path.as_bytes(), "{line}");
        assert_eq!(head.query(), query.map(str::as_bytes), "{line}");
        assert_eq!(head.authority(), authority.as_bytes(), "{line}");
        assert_eq!(meta.absolute_form, line.contains("://"), "{line}");
    }
}

#[test]
fn forms_that_a_method_or_scheme_forbids_are_refused() {
    for line in [
        "GET *",
        "GET a",
        "GET a.example:80",
        "GET ftp://a/",
        "GET http:/a",
        "GET http:a",
        "OPTIONS a",
        "CONNECT /",
        "CONNECT a",
        "CONNECT a:",
        "CONNECT [::1]",
        "CONNECT http://a/",
        "CONNECT *",
        "GET ?x",
        "GET ../a",
    ] {
        refused(Kind::HeadMalformed, &[format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()]);
    }
}

#[test]
fn the_targets_authority_outweighs_host_everywhere() {
    let (head, ..) = request(b"GET http://good/ HTTP/1.1\r\nX: 1\r\nHost: evil\r\n\r\n").unwrap();
    assert_eq!(head.fields.get(Name::Host), Some(&b"good"[..]));
    let mut out = Vec::new();
    write_request(&head, Framing::None, None, &mut out);
    assert_eq!(out, b"GET / HTTP/1.1\r\nHost: good\r\nX: 1\r\n\r\n");
}

#[test]
fn http_1_0_may_come_without_host() {
    let (head, meta, _) = request(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!((head.authority(), meta.keep_alive), (&b""[..], false));
    let (head, ..) = request(b"GET http://a/ HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(head.authority(), b"a");
}

#[test]
fn authorities() {
    for good in ["a", "a.example", "A.Example.", "a_b", "127.0.0.1", "a:1", "a:65535", "[::1]", "[2001:db8::1]:80"] {
        assert!(is_authority(good.as_bytes()), "{good}");
    }
    for bad in [
        "",
        ":80",
        "a:",
        "a:65536",
        "a:123456",
        "a:-1",
        "a:8a",
        "a:1:2",
        "[",
        "[]",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:",
        "[::g]",
        "[fe80::1%25eth0]",
        "[v1.a]",
        "a%2e",
        "a,b",
        "a;b",
        "a b",
        "a@b",
        "a/b",
        "a\\b",
        "a?b",
        "a\0",
        "\u{e9}",
        "*",
    ] {
        assert!(!is_authority(bad.as_bytes()), "{bad}");
    }
    assert!(is_authority(&[b'a'; 255]));
    assert!(!is_authority(&[b'a'; 256]));
}
