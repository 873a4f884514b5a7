//! Bodies both ways: no faster than they are used, and not for ever.

use super::*;

#[test]
fn a_body_and_its_trailers_pass_both_ways() {
    on_worker(async {
        let trailing =
            Script::body(None, [Step::data("answer"), Step::Later, Step::Trailers(fields(&[("x-sum", "7")]))]);
        let (_served, mut client) = serve([echo(), answer(Response { body: trailing, ..Response::new(200) })]).await;
        let (response, mut body) = client.post("/up").await;
        body.send_data(Bytes::from_static(b"one "), false).unwrap();
        body.send_data(Bytes::from_static(b"two "), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("digest", "1".parse().unwrap());
        body.send_trailers(trailers).unwrap();
        assert_eq!(text(response.await.unwrap()).await, "/up one two digest: 1\n");

        let response = client.get("/").await.unwrap();
        assert!(response.headers().get("content-length").is_none());
        let (data, trailers) = read(&mut response.into_body()).await.unwrap();
        assert_eq!((&data[..], trailers.unwrap()["x-sum"].as_bytes()), (&b"answer"[..], &b"7"[..]));
    });
}

#[test]
fn large_bodies_arrive_as_they_were_sent() {
    on_worker(async {
        let sent = pattern(3 << 20);
        let whole = large(sent.clone());
        let (served, mut client) = serve([answer(whole), echo()]).await;
        let response = client.get("/").await.unwrap();
        assert_eq!(response.headers()["content-length"], (3 << 20).to_string());
        assert!(read(&mut response.into_body()).await.unwrap().0 == sent);

        let (response, mut body) = client.post("/").await;
        let text = "0123456789abcdef".repeat(100_000);
        let mut rest = Bytes::from(text.clone().into_bytes());
        while !rest.is_empty() {
            body.reserve_capacity(rest.len());
            let room = poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
            let piece = rest.split_to(room.min(rest.len()));
            body.send_data(piece, rest.is_empty()).unwrap();
        }
        assert!(super::text(response.await.unwrap()).await == format!("/ {text}"));
        drop(body);
        client.leave().await.unwrap();
        assert_eq!(served.ended().await[..2], [Told::Out(3 << 20), Told::Over]);
    });
}

#[test]
fn no_more_of_a_body_is_let_in_than_somebody_reads() {
    on_worker(async {
        let unread = handler(|exchange| async move {
            std::future::pending::<()>().await;
            drop(exchange);
            full(200, "never")
        });
        let (_served, mut client) = serve([unread]).await;
        let (_response, mut body) = client.post("/").await;
        let mut sent = 0;
        loop {
            body.reserve_capacity(16 << 10);
            let room = tokio::time::timeout(Duration::from_millis(200), poll_fn(|cx| body.poll_capacity(cx))).await;
            let Ok(room) = room else { break };
            let room = room.unwrap().unwrap();
            body.send_data(Bytes::from(vec![0; room]), false).unwrap();
            sent += room;
        }
        assert_eq!(sent, 64 << 10);
    });
}

#[test]
fn a_client_that_does_not_read_is_given_up_and_nobody_else() {
    on_worker(async {
        let patience = Settings { write_timeout: Duration::from_millis(100), ..settings() };
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1000);
        let whole = || answer(large(pattern(100_000)));
        let (served, mut client) = serve_with(patience, builder, [whole(), ok("small")]).await;
        let mut stuck = client.get("/").await.unwrap();
        assert_eq!(text(client.get("/").await.unwrap()).await, "small");
        let first = stuck.body_mut().data().await.unwrap().unwrap();
        assert_eq!(first.len(), 1000);
        let error = stuck.body_mut().data().await.unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(Reason::CANCEL));
        drop(stuck);
        client.leave().await.unwrap();
        let story = served.ended().await;
        assert_eq!(story[2..], [Told::Out(1000), Told::Failed(Kind::ClientGone), Told::Over]);
    });
}

#[test]
fn a_body_that_does_not_come_fails() {
    on_worker(async {
        let patience = Settings { body_timeout: Duration::from_millis(50), ..settings() };
        let (_served, mut client) = serve_with(patience, h2::client::Builder::new(), [echo()]).await;
        let (response, mut body) = client.post("/").await;
        body.send_data(Bytes::from_static(b"begun"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (408, "body_timeout".to_owned()));
    });
}

#[test]
fn an_answer_that_breaks_off_is_reset_and_one_that_never_began_is_replaced() {
    on_worker(async {
        let broken = |steps: Vec<Step>| answer(Response { body: Script::body(None, steps), ..Response::new(200) });
        let fail = || Step::Fail(glorieta_core::Error::new(Kind::ResponseCutOff));
        let (served, mut client) = serve([
            broken(vec![fail()]),
            broken(vec![Step::data("some"), Step::Sleep(Duration::from_millis(50)), fail()]),
        ])
        .await;
        let response = client.get("/").await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (502, "instead".to_owned()));
        let response = client.get("/").await.unwrap();
        let error = read(&mut response.into_body()).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
        client.leave().await.unwrap();
        let cut = Told::Failed(Kind::ResponseCutOff);
        let story = [cut.clone(), Told::Instead(Kind::ResponseCutOff), Told::Out(7), Told::Over];
        let ended = served.ended().await;
        assert_eq!(ended[..4], story);
        assert_eq!(ended[4..], [Told::Out(4), cut, Told::Over]);
    });
}

#[test]
fn a_body_is_asked_for_once_somebody_wants_it() {
    on_worker(async {
        let refusing = answer(full(403, "no"));
        let (_served, mut client) = serve([echo(), refusing]).await;
        for (path, hints, expected) in [("/", 1, "/ body"), ("/", 0, "no")] {
            client.ready().await;
            let uri = format!("http://a.example{path}");
            let request = Request::post(uri).header("expect", "100-continue").body(()).unwrap();
            let (mut response, mut body) = client.send.send_request(request, false).unwrap();
            let mut seen = 0;
            while let Some(hint) = poll_fn(|cx| response.poll_informational(cx)).await {
                assert_eq!(hint.unwrap().status(), 100);
                seen += 1;
                body.send_data(Bytes::from_static(b"body"), true).unwrap();
            }
            assert_eq!(seen, hints);
            assert_eq!(text(response.await.unwrap()).await, expected);
        }
    });
}

#[test]
fn a_little_that_nobody_wants_is_forgotten_and_much_is_stopped() {
    on_worker(async {
        let (_served, mut client) = serve([ok("one"), ok("two")]).await;
        let (response, mut body) = client.post("/").await;
        assert_eq!(text(response.await.unwrap()).await, "one");
        // Its stream is still open.
        body.send_data(Bytes::from(vec![0; 1000]), true).unwrap();

        let (response, mut body) = client.post("/").await;
        assert_eq!(text(response.await.unwrap()).await, "two");
        let stopped = async {
            loop {
                body.reserve_capacity(16 << 10);
                match poll_fn(|cx| body.poll_capacity(cx)).await {
                    Some(Ok(room)) if body.send_data(Bytes::from(vec![0; room]), false).is_ok() => {}
                    _ => return poll_fn(|cx| body.poll_reset(cx)).await,
                }
            }
        };
        assert_eq!(stopped.await.unwrap(), Reason::NO_ERROR);
    });
}
