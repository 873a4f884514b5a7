//! Input 35 of the attack list: what is stripped, and what nobody may ask to have stripped.

use glorieta_core::{Fields, Method};

use super::super::{strip_hop_by_hop_request, strip_hop_by_hop_response};
use super::{request, response};

fn names(fields: &Fields) -> String {
    fields.iter().map(|(_, name, _)| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>().join(" ")
}

fn left_of_request(lines: &str) -> String {
    let (mut head, ..) = request(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes()).unwrap();
    strip_hop_by_hop_request(&mut head);
    names(&head.fields)
}

#[test]
fn hop_by_hop_fields_of_requests_go() {
    assert_eq!(
        left_of_request(
            "A: 1\r\nConnection: close\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip\r\nTrailer: x\r\n\
             Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: x\r\nContent-Length: 0\r\nB: 2\r\n"
        ),
        "Host A B"
    );
    assert_eq!(left_of_request("A: 1\r\nB: 2\r\n"), "Host A B");
}

#[test]
fn te_and_trailer_stay_where_trailers_are_passed_on() {
    assert_eq!(left_of_request("TE: Trailers\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n"), "Host TE Trailer");
    assert_eq!(left_of_request("TE: trailers, gzip\r\n"), "Host");
    assert_eq!(left_of_request("TE: trailers\r\nTE: gzip\r\n"), "Host");
}

#[test]
fn what_connection_names_goes() {
    assert_eq!(
        left_of_request(
            "X-A: 1\r\nConnection: x-a , close,X-B\r\nx-b: 1\r\nX-C: 1\r\nConnection: x-c\r\nX-D: 1\r\nX-A: 2\r\n"
        ),
        "Host X-D"
    );
}

#[test]
fn attack_35_what_carries_meaning_or_trust_stays_though_named() {
    for name in [
        "X-Auth-User",
        "Authorization",
        "Cookie",
        "X-Forwarded-For",
        "X-Forwarded-Anything",
        "Forwarded",
        "X-Real-IP",
        "Via",
        "X-Request-ID",
        "traceparent",
        "Content-Type",
        "Content-Anything",
        "Cache-Control",
        "X-Client-Cert",
        "Max-Forwards",
    ] {
        assert_eq!(left_of_request(&format!("{name}: 1\r\nConnection: close, {name}\r\n")), format!("Host {name}"));
    }
    assert_eq!(left_of_request("Connection: Host, Content-Length, Connection\r\nContent-Length: 1\r\n"), "Host");
}

#[test]
fn hop_by_hop_fields_of_responses_go() {
    let strip = |input: &str| {
        let (mut head, ..) = response(input.as_bytes(), Method::Get).unwrap();
        strip_hop_by_hop_response(&mut head);
        names(&head.fields)
    };
    let lines =
        "A: 1\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Authenticate: x\r\nTrailer: x\r\n";
    assert_eq!(strip(&format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n")), "A");
    assert_eq!(strip(&format!("HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n")), "A Trailer");
    assert_eq!(strip(&format!("HTTP/1.1 101 x\r\n{lines}\r\n")), "A Upgrade");
}
