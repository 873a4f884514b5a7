//! Inputs 1–17, 20 and 31 of the attack list: each must be refused, and as what.

use glorieta_core::Kind;

use super::super::Framing;
use super::{refused, request};

fn with_field(line: &[u8]) -> Vec<u8> {
    [b"POST / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat()
}

fn fields_refused(kind: Kind, lines: &[&[u8]]) {
    for line in lines {
        refused(kind, &[&with_field(line)]);
    }
}

#[test]
fn attack_1_both_lengths() {
    fields_refused(
        Kind::FramingRefused,
        &[
            b"Content-Length: 5\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 5",
            b"content-length: 0\r\ntransfer-encoding: CHUNKED",
        ],
    );
}

#[test]
fn attacks_2_to_4_lengths() {
    fields_refused(
        Kind::FramingRefused,
        &[
            b"Content-Length: 0\r\nContent-Length: 31",
            b"Content-Length: 31\r\nContent-Length: 31\r\nContent-Length: 0",
            b"Content-Length: ",
            b"content-length: \r\ncontent-length: 59",
            b"Content-Length: +1_0",
            b"Content-Length: +1",
            b"Content-Length: 0x10",
            b"Content-Length: 010",
            b"Content-Length: 00",
            b"Content-Length: 1Z",
            b"Content-Length: -48",
            b"Content-Length: 5,5",
            b"Content-Length: 5, 5",
            b"Content-Length: 1 0",
            b"Content-Length: 18446744073709551616",
            b"Content-Length: 18446744073709551615",
            b"Content-Length: \xb2",
        ],
    );
    let (_, meta, _) = request(&with_field(b"Content-Length: 31\r\nContent-Length: 31")).unwrap();
    assert_eq!(meta.framing, Framing::Length(31));
    let (_, meta, _) = request(&with_field(b"Content-Length: 9999999999999999999")).unwrap();
    assert_eq!(meta.framing, Framing::Length(9_999_999_999_999_999_999));
}

#[test]
fn attack_5_transfer_codings() {
    fields_refused(
        Kind::FramingRefused,
        &[
            b"Transfer-Encoding: ,chunked",
            b"Transfer-Encoding: chunked,",
            b"Transfer-Encoding: ",
            b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: \"chunked\"",
            b"Transfer-Encoding: chunked;a=b",
            b"Transfer-Encoding: \xffchunked\xff",
            b"Transfer-Encoding: \xa0chunked",
            b"Transfer-Encoding: \x85chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        ],
    );
    fields_refused(Kind::HeadMalformed, &[b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: chunked\x0c"]);
    fields_refused(
        Kind::CodingUnknown,
        &[b"Transfer-Encoding: xchunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity"],
    );
}

#[test]
fn attack_6_bodies_in_http_1_0() {
    refused(
        Kind::FramingRefused,
        &[
            b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
            b"POST / HTTP/1.0\r\nHost: a\r\n\r\nbody until the end",
            b"PUT / HTTP/1.0\r\nHost: a\r\n\r\nbody until the end",
        ],
    );
}

#[test]
fn attack_10_line_ends() {
    refused(
        Kind::HeadMalformed,
        &[
            b"GET / HTTP/1.1\nHost: a\n\n",
            b"GET / HTTP/1.1\r\nHost: a\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n",
            b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: va\rlue\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nVisible: :/\rSmuggled: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
            b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn attacks_11_and_12_field_lines() {
    fields_refused(
        Kind::HeadMalformed,
        &[
            b"He\0ader: x",
            b"Header: x\0y",
            b"Header\x85: x",
            b"Header\xa0: x",
            b"Content-Length : 34",
            b"Content-Length\t: 34",
            b" X: 1",
            b"X: 1\r\n folded",
            b"X: 1\r\n\tfolded",
            b"Te\r\nst: test",
            b"Content-Length 10",
            b": x",
            b":",
            b"X: \x7f",
            b"X: \x08",
            b"X Y: 1",
            b"X\"Y: 1",
        ],
    );
    refused(Kind::HeadMalformed, &[b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"]);
}

#[test]
fn attack_11_only_blanks_are_trimmed() {
    let (head, ..) = request(&with_field(b"X: \t \xa0v\x85 \t ")).unwrap();
    assert_eq!(head.fields.get_named(b"x"), Some(&b"\xa0v\x85"[..]));
}

#[test]
fn attack_13_request_lines() {
    refused(
        Kind::HeadMalformed,
        &[
            b"GET / HTTP/1.32\r\nHost: a\r\n\r\n",
            b"GET / HTTP/4294967295.255\r\nHost: a\r\n\r\n",
            b"GET / \rHTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            b"GET / http/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.\r\nHost: a\r\n\r\n",
            b"GET / HTTP/11\r\nHost: a\r\n\r\n",
            b"GET /\r\nHost: a\r\n\r\n",
            b"GET\r\nHost: a\r\n\r\n",
            b"GET? / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"G=\":<> / HTTP/1.1\r\nHost: a\r\n\r\n",
            b" / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET ! HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /a b HTTP/2.0\r\nHost: a\r\n\r\n",
            b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /a\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"G\xc3\xa9T / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    refused(
        Kind::VersionRefused,
        &[
            b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
            b"GET / HTTP/0.9\r\nHost: a\r\n\r\n",
            b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
    );
}

#[test]
fn attack_15_a_body_of_get_keeps_its_length() {
    let (_, meta, consumed) = request(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").unwrap();
    assert_eq!((meta.framing, consumed), (Framing::Length(3), 46));
}

#[test]
fn attack_16_what_follows_an_upgrade_is_not_consumed() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\nGET /evil HTTP/1.1\r\n";
    let (_, meta, consumed) = request(input).unwrap();
    assert!(meta.upgrade);
    assert_eq!(&input[consumed..], b"GET /evil HTTP/1.1\r\n");
}

#[test]
fn attack_20_hosts() {
    refused(
        Kind::HostRefused,
        &[
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
            b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: google.com%00.x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: \xffa\r\n\r\n",
            b"GET http://good/ HTTP/1.1\r\n\r\n",
            b"GET http://good/ HTTP/1.1\r\nHost: good\r\nHost: evil\r\n\r\n",
            b"GET http://user:word@good/ HTTP/1.1\r\nHost: good\r\n\r\n",
            b"GET http:/// HTTP/1.1\r\nHost: good\r\n\r\n",
            b"GET http://good\\@evil/ HTTP/1.1\r\nHost: good\r\n\r\n",
        ],
    );
    refused(
        Kind::HeadMalformed,
        &[
            b"GET / HTTP/1.1\r\nHost: google.com\x00.x\r\n\r\n",
            b"GET http://good#@evil/ HTTP/1.1\r\nHost: good\r\n\r\n",
            b"GET /a#b HTTP/1.1\r\nHost: good\r\n\r\n",
        ],
    );
}
