//! How answers are framed for whom.

use super::*;

fn stream(steps: Vec<Step>) -> Response {
    Response { body: Script::body(None, steps), ..Response::new(200) }
}

fn pieces() -> Response {
    stream(vec![Step::data("one "), Step::Later, Step::data("two")])
}

/// The whole answer to one request on a connection that its client then ends.
async fn whole(request: &str, response: Response) -> String {
    let mut served = serve([answer(response)]).await;
    served.send(request).await;
    served.client.shutdown().await.unwrap();
    read_all(&mut served.client).await
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";

#[test]
fn an_answer_of_known_length_says_it() {
    on_worker(async {
        let expected = format!(
            "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: 5\r\n\r\nhello",
            std::str::from_utf8(DATE).unwrap()
        );
        assert_eq!(whole(GET, full(200, "hello")).await, expected);
        assert!(whole(GET, Response::new(200)).await.ends_with("Content-Length: 0\r\n\r\n"));
        let known = Response { body: Script::body(Some(7), [Step::data("one "), Step::data("two")]), ..pieces() };
        assert!(whole(GET, known).await.ends_with("Content-Length: 7\r\n\r\none two"));
    });
}

#[test]
fn an_answer_of_unknown_length_is_chunked_or_ends_with_the_connection() {
    on_worker(async {
        let answer = whole(GET, pieces()).await;
        assert!(answer.contains("Transfer-Encoding: chunked\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"), "{answer}");
        for old in [OLD, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"] {
            let answer = whole(old, pieces()).await;
            assert!(!answer.contains("Transfer-Encoding"), "{answer}");
            assert!(answer.contains("Connection: close\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
        }
    });
}

#[test]
fn http_1_0_is_kept_alive_only_where_it_asks() {
    on_worker(async {
        let mut served = serve([ok("1"), ok("2")]).await;
        served.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let (head, _) = served.answer().await;
        assert!(head.contains("Connection: keep-alive\r\n"), "{head}");
        served.send(OLD).await;
        let (head, body) = served.answer().await;
        assert!(head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(body, "2");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn a_client_may_ask_for_the_end() {
    on_worker(async {
        let mut served = serve([ok("last")]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let (head, _) = served.answer().await;
        assert!(head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn answers_without_a_body_by_rule_have_none_and_the_connection_lives_on() {
    on_worker(async {
        let announced = Response { announced: Some(99), ..Response::new(200) };
        let not_modified = Response { announced: Some(7), ..full(304, "ignored") };
        let mut served = serve([
            answer(announced),
            answer(full(200, "five!")),
            answer(pieces()),
            answer(not_modified),
            answer(full(204, "ignored")),
            ok("end"),
        ])
        .await;
        let head = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n";
        for (request, length) in [
            (head, Some("Content-Length: 99\r\n")),
            (head, Some("Content-Length: 5\r\n")),
            (head, None),
            (GET, Some("Content-Length: 7\r\n")),
            (GET, None),
        ] {
            served.send(request).await;
            let seen = read_head(&mut served.client).await;
            assert_eq!(seen.contains("Content-Length"), length.is_some(), "{seen}");
            assert!(seen.contains(length.unwrap_or_default()), "{seen}");
            assert!(!seen.contains("Transfer-Encoding"), "{seen}");
        }
        // Had any of them sent a body, this would not be the next head.
        assert_eq!(served.ask(GET).await, "end");
    });
}

#[test]
fn trailers_reach_who_can_have_them() {
    on_worker(async {
        let with_trailers = || {
            let trailers = crate::testing::fields(&[("digest", "abc")]);
            stream(vec![Step::data("x"), Step::Trailers(trailers)])
        };
        assert!(whole(GET, with_trailers()).await.ends_with("1\r\nx\r\n0\r\ndigest: abc\r\n\r\n"));
        assert!(whole(OLD, with_trailers()).await.ends_with("\r\n\r\nx"));
    });
}

#[test]
fn an_answer_that_fails_before_its_first_byte_is_another_answer() {
    on_worker(async {
        let fail = || Step::Fail(Error::new(Kind::ResponseCutOff));
        for steps in [vec![fail()], vec![Step::Later, fail()], vec![Step::data("small"), fail()]] {
            let late = matches!(steps[0], Step::Later);
            let mut served = serve([answer(stream(steps))]).await;
            served.send(GET).await;
            let seen = read_all(&mut served.client).await;
            if late {
                // The head had gone out while the body was waited for.
                assert!(seen.starts_with("HTTP/1.1 200 OK") && seen.ends_with("\r\n\r\n"), "{seen}");
                let story = served.ended().await;
                assert_eq!(story, [Told::Out(0), Told::Failed(Kind::ResponseCutOff), Told::Over]);
                continue;
            }
            assert!(seen.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{seen}");
            assert!(seen.contains("Connection: close\r\n") && seen.ends_with("\r\n\r\ninstead"), "{seen}");
            let kind = Kind::ResponseCutOff;
            let story = [Told::Out(0), Told::Failed(kind), Told::Instead(kind), Told::Out(7), Told::Over];
            assert_eq!(served.ended().await, story);
        }
    });
}

#[test]
fn an_answer_that_breaks_off_is_never_taken_for_a_whole_one() {
    on_worker(async {
        let broken = |length: Option<u64>| {
            let fail = Step::Fail(Error::new(Kind::ResponseCutOff));
            let body = Script::body(length, [Step::data("part"), Step::Later, fail]);
            Response { body, ..Response::new(200) }
        };
        let mut served = serve([answer(broken(None))]).await;
        served.send(GET).await;
        let seen = read_all(&mut served.client).await;
        assert!(seen.ends_with("4\r\npart\r\n"), "{seen}");
        assert_eq!(served.ended().await, [Told::Out(4), Told::Failed(Kind::ResponseCutOff), Told::Over]);

        let mut served = serve([answer(broken(Some(100)))]).await;
        served.send(GET).await;
        assert!(read_all(&mut served.client).await.ends_with("Content-Length: 100\r\n\r\npart"));

        // Where the end of the connection is the end of the body, only a reset tells.
        let mut served = serve([answer(broken(None))]).await;
        served.send(OLD).await;
        let error = served.client.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    });
}
