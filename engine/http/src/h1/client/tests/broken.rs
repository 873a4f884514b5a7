//! Endpoints that break off, or send what is no answer.

use super::*;

#[test]
fn what_is_no_answer_is_refused() {
    on_worker(async {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(33 << 10));
        for (answer, kind) in [
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", Kind::ResponseMalformed),
            ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Kind::ResponseMalformed),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Kind::ResponseMalformed),
            (&many, Kind::ResponseHeadTooLarge),
            (&long, Kind::ResponseHeadTooLarge),
        ] {
            let error = answered(&get(), answer, true).await.err().expect(answer);
            assert_eq!((error.kind, error.retry), (kind, Retry::No), "{answer:.40}");
        }
    });
}

#[test]
fn a_connection_that_ends_before_its_answer_may_be_tried_again_but_not_within_one() {
    on_worker(async {
        for (answer, retry) in [("", Retry::IfIdempotent), ("HTTP/1.1 200 O", Retry::No)] {
            let error = answered(&get(), answer, false).await.err().unwrap();
            assert_eq!((error.kind, error.retry), (Kind::UpstreamReset, retry), "{answer:?}");
        }
        let (client, mut endpoint) = connected().await;
        spawn_local(async move {
            read_head(&mut endpoint).await;
            reset(endpoint);
        });
        let error = send(client, &get(), Body::Empty).await.err().unwrap();
        assert_eq!((error.kind, error.retry), (Kind::UpstreamReset, Retry::IfIdempotent));
    });
}

#[test]
fn a_body_that_is_cut_off_is_no_body() {
    on_worker(async {
        for (answer, kind) in [
            ("Content-Length: 10\r\n\r\nshort", Kind::ResponseCutOff),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n", Kind::ResponseCutOff),
            ("Transfer-Encoding: chunked\r\n\r\n9\r\nshort", Kind::ResponseCutOff),
            ("Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n", Kind::ResponseCutOff),
            ("Transfer-Encoding: chunked\r\n\r\nno size\r\n", Kind::ResponseMalformed),
        ] {
            let place = Place::default();
            let arrived = answered(&get(), &format!("HTTP/1.1 200 OK\r\n{answer}"), false).await.unwrap();
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            assert_eq!(collect(&mut body).await.unwrap_err().kind, kind, "{answer:?}");
            assert_eq!(place.count(), 0);
        }
    });
}

#[test]
fn a_reset_within_a_body_is_never_taken_for_its_end() {
    on_worker(async {
        for framing in ["Content-Length: 100", "Transfer-Encoding: chunked", "X-Until: close"] {
            let (client, mut endpoint) = connected().await;
            let head = get();
            let (read, go) = tokio::sync::oneshot::channel();
            let asking = async {
                let arrived = send(client, &head, Body::Empty).await.unwrap();
                let (_, mut body) = arrived.into_body(Place::default(), PATIENCE, None);
                let first = poll_fn(|cx| body.poll_frame(cx)).await;
                assert!(first.unwrap().is_ok());
                read.send(()).unwrap();
                assert_eq!(collect(&mut body).await.unwrap_err().kind, Kind::ResponseCutOff, "{framing}");
            };
            let answering = async {
                read_head(&mut endpoint).await;
                endpoint.write_all(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n9\r\n12345").as_bytes()).await.unwrap();
                go.await.unwrap();
                reset(endpoint);
            };
            tokio::join!(asking, answering);
        }
    });
}
