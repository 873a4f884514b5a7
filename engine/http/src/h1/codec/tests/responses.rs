//! Input 21 of the attack list, and what a good response's head says.

use glorieta_core::{Kind, Method, ResponseHead, Version};

use super::super::{Framing, Limits, Parsed, parse_response};
use super::response;

fn framing(input: &str, to: Method) -> Result<(Framing, bool), Kind> {
    response(input.as_bytes(), to).map(|(_, meta, _)| (meta.framing, meta.keep_alive))
}

#[test]
fn a_head_is_read_and_no_more() {
    let input = b"HTTP/1.1 404 Not here\r\nContent-Length: 4\r\nX: 1\r\n\r\nbody";
    let (head, meta, consumed) = response(input, Method::Get).unwrap();
    assert_eq!((head.status, head.version, head.fields.text(head.reason)), (404, Version::Http11, &b"Not here"[..]));
    assert_eq!((meta.framing, meta.announced_length), (Framing::Length(4), Some(4)));
    assert_eq!(&input[consumed..], b"body");
}

#[test]
fn reason_phrases_may_be_absent_or_beyond_ascii() {
    for line in [&b"HTTP/1.1 200\r\n\r\n"[..], b"HTTP/1.1 200 \r\n\r\n", b"HTTP/1.1 200 \xc3\xa9\r\n\r\n"] {
        let (head, ..) = response(line, Method::Get).unwrap();
        assert_eq!(head.fields.text(head.reason), b"");
    }
}

#[test]
fn framings() {
    let rows: &[(&str, Method, Framing, bool)] = &[
        ("HTTP/1.1 200 OK\r\n\r\n", Method::Get, Framing::UntilClose, false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::Get, Framing::Length(0), true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", Method::Get, Framing::Chunked, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Method::Head, Framing::None, true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::Head, Framing::None, true),
        ("HTTP/1.1 204 No Content\r\n\r\n", Method::Get, Framing::None, true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", Method::Get, Framing::None, true),
        ("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n", Method::Get, Framing::None, false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", Method::Get, Framing::Length(7), false),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n",
            Method::Get,
            Framing::Length(7),
            true,
        ),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", Method::Get, Framing::UntilClose, false),
    ];
    for &(input, to, expected, keep_alive) in rows {
        assert_eq!(framing(input, to), Ok((expected, keep_alive)), "{input}");
    }
}

#[test]
fn announced_lengths_survive_where_there_is_no_body() {
    for (input, to) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Method::Head),
        ("HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", Method::Get),
    ] {
        assert_eq!(response(input.as_bytes(), to).unwrap().1.announced_length, Some(7));
    }
}

#[test]
fn interim_and_switching() {
    for (status, interim, switching) in
        [(100, true, false), (101, false, true), (103, true, false), (200, false, false)]
    {
        let input = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        let (_, meta, _) = response(input.as_bytes(), Method::Get).unwrap();
        assert_eq!((meta.interim, meta.switching), (interim, switching), "{status}");
    }
}

#[test]
fn attack_21_malformed_heads() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 16));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(101));
    for input in [long, many] {
        assert_eq!(response(input.as_bytes(), Method::Get).unwrap_err(), Kind::ResponseHeadTooLarge);
    }
    for input in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 204 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 20 x\r\n\r\n",
        "HTTP/1.1 2000 x\r\n\r\n",
        "HTTP/1.1  200 x\r\n\r\n",
        "HTTP/2.0 200 x\r\n\r\n",
        "HTTP/1.2 200 x\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "<html>\r\n\r\n",
    ] {
        assert_eq!(response(input.as_bytes(), Method::Get).unwrap_err(), Kind::ResponseMalformed, "{input:?}");
    }
}

#[test]
fn what_cannot_become_a_head_is_refused_at_once() {
    let parse = |input: &[u8]| parse_response(input, &Limits::default(), Method::Get, &mut ResponseHead::new(0));
    for input in [&b"S"[..], b"SSH-2.0", b"HTTP/2", b"HTTP/1.1 200 OK\r\nX: 1\n", b"HTTP/1.1 200 OK\rX", b"\r", b"\0"] {
        assert_eq!(parse(input).unwrap_err().kind, Kind::ResponseMalformed, "{input:?}");
    }
    for input in [&b""[..], b"H", b"HTTP/1.", b"HTTP/1.1 200 OK\r\nX: 1\r\n"] {
        assert_eq!(parse(input).unwrap(), Parsed::Partial, "{input:?}");
    }
    assert_eq!(parse(&[b"HTTP/1.1 200 ", &[b'x'; 40_000][..]].concat()).unwrap_err().kind, Kind::ResponseHeadTooLarge);
}
