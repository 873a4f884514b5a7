//! What is written, to the byte.

use glorieta_core::{Fields, Method, Name, RequestHead, ResponseHead};

use super::super::{
    Close, Framing, write_bodiless_response, write_chunk_head, write_last_chunk, write_request, write_response,
};
use super::{request, response};

fn forwarded(input: &[u8], framing: Framing, upgrade: Option<&[u8]>) -> String {
    let (head, ..) = request(input).unwrap();
    let mut out = Vec::new();
    write_request(&head, framing, upgrade, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn requests_are_written_with_host_first_and_framing_anew() {
    let input = b"POST /a?b HTTP/1.1\r\nA: 1\r\nhost: x\r\ncontent-length: 5\r\nB:2\r\nConnection: close\r\nC:  3 \r\nD: \r\n\r\n";
    assert_eq!(
        forwarded(input, Framing::Length(5), None),
        "POST /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: \r\nContent-Length: 5\r\n\r\n"
    );
    assert_eq!(
        forwarded(input, Framing::Chunked, None),
        "POST /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: \r\nTransfer-Encoding: chunked\r\n\r\n"
    );
}

#[test]
fn a_missing_body_is_said_where_the_method_is_about_it() {
    for (method, line) in
        [("POST", true), ("PUT", true), ("PATCH", true), ("GET", false), ("DELETE", false), ("get", false)]
    {
        let written = forwarded(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(), Framing::None, None);
        assert_eq!(written.contains("Content-Length: 0\r\n"), line, "{method}");
    }
}

#[test]
fn upgrades_and_te_are_named_in_connection() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    assert_eq!(
        forwarded(input, Framing::None, Some(b"websocket")),
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    );
    assert_eq!(forwarded(input, Framing::None, None), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";
    assert_eq!(
        forwarded(input, Framing::None, None),
        "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n"
    );
}

#[test]
fn attack_22_nothing_added_breaks_out_of_its_place() {
    let mut head = RequestHead::build("GET", "a", "/x y\r\nEvil: 1", Some("q\n#\u{e9}"));
    head.fields.add(Name::Via, b"1.1 a\r\nEvil: 1");
    head.fields.add_named(b"X\r\nEvil", b"1");
    head.fields.add_named(b"Good", b"tab\tand \xff");
    let mut out = Vec::new();
    write_request(&head, Framing::None, Some(b"a\r\nEvil: 1"), &mut out);
    assert_eq!(out, b"GET /x%20y%0D%0AEvil:%201?q%0A%23%C3%A9 HTTP/1.1\r\nHost: a\r\nGood: tab\tand \xff\r\n\r\n");
    let mut head = ResponseHead::new(302);
    head.fields.add(Name::Location, b"/a\r\nSet-Cookie: evil");
    head.reason = head.fields.push_text(b"a\r\nEvil: 1");
    let mut out = Vec::new();
    write_response(&head, Framing::Length(0), Close::KeepAlive, None, &mut out);
    assert_eq!(out, b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
}

fn answered(input: &[u8], framing: Framing, close: Close, date: Option<&[u8]>) -> String {
    let (head, ..) = response(input, Method::Get).unwrap();
    let mut out = Vec::new();
    write_response(&head, framing, close, date, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn responses_are_written_with_framing_and_connection_anew() {
    let input = b"HTTP/1.0 200 Fine\r\ncontent-length: 5\r\nConnection: close\r\nX:1\r\n\r\n";
    assert_eq!(
        answered(input, Framing::Length(5), Close::KeepAlive, Some(b"now")),
        "HTTP/1.1 200 Fine\r\nX: 1\r\nDate: now\r\nContent-Length: 5\r\n\r\n"
    );
    assert_eq!(
        answered(input, Framing::Chunked, Close::KeepAliveHttp10, None),
        "HTTP/1.1 200 Fine\r\nX: 1\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
    );
    for close in [Close::KeepAlive, Close::Close, Close::KeepAliveHttp10] {
        assert_eq!(
            answered(input, Framing::UntilClose, close, None),
            "HTTP/1.1 200 Fine\r\nX: 1\r\nConnection: close\r\n\r\n"
        );
    }
    let dated = b"HTTP/1.1 200 OK\r\nDate: then\r\n\r\n";
    assert_eq!(
        answered(dated, Framing::Length(0), Close::Close, Some(b"now")),
        "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn bodiless_answers() {
    let write = |status, announced| {
        let mut out = Vec::new();
        write_bodiless_response(&ResponseHead::new(status), announced, Close::KeepAlive, None, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(write(200, Some(7)), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    assert_eq!(write(304, Some(7)), "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
    assert_eq!(write(304, None), "HTTP/1.1 304 Not Modified\r\n\r\n");
    assert_eq!(write(204, Some(7)), "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(write(799, None), "HTTP/1.1 799 \r\n\r\n");
    let early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(answered(early, Framing::Chunked, Close::Close, None), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    assert_eq!(
        answered(switching, Framing::None, Close::KeepAlive, None),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    );
}

#[test]
fn chunk_heads_and_last_chunks() {
    for (length, text) in
        [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (0xabcdef, "abcdef\r\n"), (usize::MAX, "ffffffffffffffff\r\n")]
    {
        let mut out = Vec::new();
        write_chunk_head(length, &mut out);
        assert_eq!(out, text.as_bytes());
    }
    let mut trailers = Fields::default();
    trailers.add_named(b"X", b"1");
    trailers.add_named(b"Y", b"1\r\nZ: 2");
    let mut out = Vec::new();
    write_last_chunk(Some(&trailers), &mut out);
    assert_eq!(out, b"0\r\nX: 1\r\n\r\n");
}
