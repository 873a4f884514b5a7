//! Endpoints that break the rules.

use super::*;

/// What comes of a request that is answered with these frames.
async fn answered_with(frames: Vec<Vec<u8>>) -> Result<(u16, Vec<u8>, String), Error> {
    let (client, driver, mut endpoint) = by_hand().await;
    spawn_local(driver);
    spawn_local(async move {
        next_frame(&mut endpoint, 1).await;
        endpoint.write_all(&frames.concat()).await.unwrap();
        let mut rest = Vec::new();
        // It may be reset by then.
        let _ = endpoint.read_to_end(&mut rest).await;
    });
    ask(&client, &head("GET"), Body::Empty).await
}

/// `:status: 200` and these fields, none of them in a table.
fn head_of(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x88];
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    block
}

#[test]
fn what_breaks_the_rules_is_malformed() {
    on_worker(async {
        let ok = |fields| frame(1, 4, 1, &head_of(fields));
        let length = [("content-length", "4")];
        for (name, frames) in [
            ("more than was announced", vec![ok(&length), frame(0, 1, 1, b"longer")]),
            ("less than was announced", vec![ok(&length), frame(0, 1, 1, b"s")]),
            ("nothing of what was announced", vec![frame(1, 5, 1, &head_of(&length))]),
            ("two lengths", vec![ok(&[("content-length", "4"), ("content-length", "5")]), frame(0, 1, 1, b"four")]),
            ("a field of one connection", vec![ok(&[("connection", "close")]), frame(0, 1, 1, b"")]),
            ("transfer-encoding", vec![ok(&[("transfer-encoding", "chunked")]), frame(0, 1, 1, b"")]),
            ("an upper-case name", vec![ok(&[("X-A", "1")]), frame(0, 1, 1, b"")]),
            ("a pushed answer", vec![frame(5, 4, 1, b"\0\0\0\x02\x82\x84\x86\x41\x01a")]),
            ("data before a head", vec![frame(0, 1, 1, b"early")]),
            ("a frame that is too large", vec![frame(0, 0, 1, &[0; 20_000])]),
            (
                "a window that overflows",
                vec![frame(8, 0, 0, &[0x7f, 255, 255, 255]), frame(8, 0, 0, &[0x7f, 255, 255, 255])],
            ),
            ("a window of nothing", vec![frame(8, 0, 0, &[0, 0, 0, 0])]),
            ("data on no stream", vec![frame(0, 0, 0, b"x")]),
            ("101", vec![frame(1, 4, 1, b"\x08\x03101"), frame(1, 5, 1, &[0x88])]),
            ("a bad table size", vec![frame(1, 5, 1, &[0x3f, 0xe1, 0xff, 0xff, 0x0f, 0x88])]),
        ] {
            match answered_with(frames).await {
                Err(error) => assert_eq!(error.kind, Kind::ResponseMalformed, "{name}: {error}"),
                Ok(answer) => panic!("{name}: {answer:?}"),
            }
        }
    });
}

#[test]
fn heads_that_are_too_large_say_so() {
    on_worker(async {
        let value = "x".repeat(120);
        let names: Vec<_> = (0..30).map(|number| format!("x-{number}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let long: Vec<_> = names[..20].iter().cycle().take(36).map(|name| (name.as_str(), value.as_str())).collect();
        for fields in [many, long] {
            let error = answered_with(vec![frame(1, 5, 1, &head_of(&fields))]).await.unwrap_err();
            assert_eq!(error.kind, Kind::ResponseHeadTooLarge, "{error}");
        }
    });
}

#[test]
fn a_head_that_never_ends_is_no_head() {
    on_worker(async {
        let mut frames = vec![frame(1, 0, 1, &head_of(&[]))];
        frames.extend((0..2000).map(|_| frame(9, 0, 1, &head_of(&[("x-a", &"y".repeat(100))])[1..])));
        let error = answered_with(frames).await.unwrap_err();
        assert!(matches!(error.kind, Kind::ResponseMalformed | Kind::UpstreamReset), "{error}");
    });
}

#[test]
fn interim_answers_without_end_are_refused() {
    on_worker(async {
        let frames = (0..100).map(|_| frame(1, 4, 1, b"\x08\x03103")).collect();
        assert_eq!(answered_with(frames).await.unwrap_err().detail(), "too many interim answers");
    });
}

#[test]
fn who_speaks_something_else_is_told_apart() {
    on_worker(async {
        let settings = frame(4, 0, 0, b"");
        for (said, kind, text) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Kind::ResponseMalformed, "does not speak HTTP/2"),
            (b"220 mail.example ESMTP\r\n", Kind::ResponseMalformed, "does not speak HTTP/2"),
            (b"", Kind::UpstreamReset, "before it spoke HTTP/2"),
            (&settings[..5], Kind::UpstreamReset, "before it spoke HTTP/2"),
        ] {
            let (inside, mut outside) = tcp_pair().await;
            outside.write_all(said).await.unwrap();
            outside.shutdown().await.unwrap();
            let error = Client::open(inside, &SETTINGS).await.err().unwrap();
            assert_eq!((error.kind, error.retry), (kind, Retry::NotSent), "{error}");
            assert!(error.detail().contains(text), "{error}");
        }
    });
}
