//! What a good request's head says, and what limits do.

use glorieta_core::{Kind, Method, Name, RequestHead, Version};

use super::super::{Framing, Limits, Parsed, parse_request};
use super::{is_partial, request};

fn limited(input: &[u8], limits: &Limits) -> Result<bool, Kind> {
    let mut head = RequestHead::default();
    match parse_request(input, limits, &mut head) {
        Ok(Parsed::Complete { .. }) => Ok(true),
        Ok(Parsed::Partial) => Ok(false),
        Err(error) => Err(error.kind),
    }
}

#[test]
fn a_head_is_read_and_no_more() {
    let input = b"PATCH /a?b HTTP/1.1\r\nhOsT: x.example\r\nA:1\r\nB:  2 \t\r\nA: \r\n\r\nbody";
    let (head, meta, consumed) = request(input).unwrap();
    assert_eq!(consumed, input.len() - 4);
    assert_eq!((head.method, head.method_text(), head.version), (Method::Patch, &b"PATCH"[..], Version::Http11));
    assert_eq!((meta.framing, meta.keep_alive, meta.upgrade), (Framing::None, true, false));
    let all: Vec<_> = head.fields.iter().collect();
    assert_eq!(
        all,
        [
            (Name::Host, &b"hOsT"[..], &b"x.example"[..]),
            (Name::Other, b"A", b"1"),
            (Name::Other, b"B", b"2"),
            (Name::Other, b"A", b""),
        ]
    );
}

#[test]
fn a_head_is_refilled_without_remains() {
    let mut head = RequestHead::default();
    for input in [
        &b"POST /long/path?q HTTP/1.0\r\nContent-Length: 1\r\nHost: a\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
    ] {
        parse_request(input, &Limits::default(), &mut head).unwrap();
    }
    assert_eq!((head.path(), head.query(), head.authority()), (&b"/"[..], None, &b"b"[..]));
    assert_eq!(head.fields.list.len(), 1);
}

#[test]
fn one_empty_line_before_a_request_is_skipped() {
    let (_, _, consumed) = request(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(consumed, 29);
    assert!(is_partial(b"\r"));
    assert!(is_partial(b"\r\n"));
}

#[test]
fn every_prefix_of_a_good_head_is_partial() {
    let input = b"\r\nPOST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: \r\n\r\n";
    for end in 0..input.len() {
        assert!(is_partial(&input[..end]), "{end}");
    }
}

#[test]
fn a_head_that_cannot_become_good_is_refused_before_it_ends() {
    for input in
        [&b"\x16\x03\x01\x02"[..], b"G\0", b"GET / HTTP/1.1\n", b" GET", b"GET / HTTP/1.1\rX", b"\r\n\r\n", b"\rG"]
    {
        assert_eq!(limited(input, &Limits::default()), Err(Kind::HeadMalformed), "{input:?}");
    }
}

#[test]
fn connection_options_decide_about_the_connection() {
    let rows: &[(&str, &str, bool)] = &[
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.1", "Connection: keep-alive\r\nConnection: x ,\tclose\r\n", false),
        ("1.1", "Connection: xclose\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ];
    for &(version, line, keep_alive) in rows {
        let (_, meta, _) = request(format!("GET / HTTP/{version}\r\nHost: a\r\n{line}\r\n").as_bytes()).unwrap();
        assert_eq!(meta.keep_alive, keep_alive, "{version} {line}");
    }
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: {}\r\n\r\n", "a,".repeat(65));
    assert_eq!(request(many.as_bytes()).unwrap_err(), Kind::HeadMalformed);
}

#[test]
fn upgrades_need_both_fields_and_http_1_1() {
    for (version, lines, upgrade) in [
        ("1.1", "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n", true),
        ("1.1", "Upgrade: websocket\r\n", false),
        ("1.1", "Connection: upgrade\r\n", false),
        ("1.0", "Upgrade: websocket\r\nConnection: upgrade\r\n", false),
    ] {
        let (_, meta, _) = request(format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n").as_bytes()).unwrap();
        assert_eq!(meta.upgrade, upgrade, "{version} {lines}");
    }
}

#[test]
fn expectations() {
    for (version, lines, expected) in [
        ("1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n", Ok(true)),
        ("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", Ok(true)),
        ("1.1", "Expect: 100-continue\r\n", Ok(false)),
        ("1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n", Ok(false)),
        ("1.1", "Expect: 100-continue, x\r\n", Err(Kind::ExpectationUnknown)),
        ("1.1", "Expect: x\r\nExpect: 100-continue\r\n", Err(Kind::ExpectationUnknown)),
        ("1.1", "Expect:\r\n", Err(Kind::ExpectationUnknown)),
        ("1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", Ok(false)),
        ("1.0", "Expect: x\r\nContent-Length: 1\r\n", Ok(false)),
    ] {
        let input = format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        assert_eq!(request(input.as_bytes()).map(|(_, meta, _)| meta.expect_continue), expected, "{input}");
    }
}

#[test]
fn an_expectation_in_http_1_0_is_not_forwarded() {
    let (head, ..) = request(b"GET / HTTP/1.0\r\nExpect: x\r\nExpect: 100-continue\r\nA: 1\r\n\r\n").unwrap();
    assert_eq!(head.fields.list.len(), 1);
}

#[test]
fn attack_31_limits_hold_to_the_byte() {
    let fields = |count: usize| {
        let lines: String = (1..count).map(|index| format!("x{index}: 1\r\n")).collect();
        format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").into_bytes()
    };
    let limits = Limits::default();
    assert_eq!(limited(&fields(100), &limits), Ok(true));
    assert_eq!(limited(&fields(101), &limits), Err(Kind::HeadersTooMany));
    assert_eq!(limited(&fields(1001), &limits), Err(Kind::HeadersTooMany));
    assert_eq!(limited(&fields(5000), &limits), Err(Kind::HeadersTooMany));
    let wide = Limits { header_count: 2000, ..limits };
    assert_eq!(limited(&fields(1001), &wide), Ok(true));
    assert_eq!(limited(&fields(2001), &Limits { head_bytes: 1 << 20, ..wide }), Err(Kind::HeadersTooMany));

    let start = b"GET / HTTP/1.1\r\nHost: a\r\nX: ";
    let fits = [start, &vec![b'x'; limits.head_bytes - start.len() - 4][..], b"\r\n\r\n"].concat();
    let exceeds = [start, &vec![b'x'; limits.head_bytes - start.len() - 3][..], b"\r\n\r\n"].concat();
    assert_eq!(limited(&fits, &limits), Ok(true));
    assert_eq!(limited(&exceeds, &limits), Err(Kind::HeadTooLarge));
    assert_eq!(limited(&exceeds[..limits.head_bytes - 1], &limits), Ok(false));
    assert_eq!(limited(&exceeds[..limits.head_bytes], &limits), Err(Kind::HeadTooLarge));
    assert_eq!(limited(&vec![b'A'; 1 << 16], &limits), Err(Kind::HeadTooLarge));
}

#[test]
fn attack_31_long_targets_are_told_from_large_heads() {
    let limits = Limits::default();
    let target = |length: usize| [b"GET /", &vec![b'a'; length - 1][..], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    assert_eq!(limited(&target(limits.target_bytes), &limits), Ok(true));
    assert_eq!(limited(&target(limits.target_bytes + 1), &limits), Err(Kind::TargetTooLong));
    assert_eq!(limited(&target(1 << 20), &limits), Err(Kind::TargetTooLong));
    assert_eq!(limited(&target(1 << 20)[..limits.target_bytes + 5], &limits), Err(Kind::TargetTooLong));
    assert_eq!(limited(&target(1 << 20)[..limits.target_bytes], &limits), Ok(false));
}
