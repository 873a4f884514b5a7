//! Requests and their answers, several at once.

use std::task::Poll;

use super::*;

#[test]
fn a_connection_carries_requests_one_after_the_other_and_rests_between_them() {
    on_worker(async {
        let (served, mut client) = serve([echo(), ok("second")]).await;
        let response = client.get("/a?b=c").await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-length"], "3");
        assert_eq!(response.headers()["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(text(response).await, "/a ");
        assert_eq!(text(client.get("/").await.unwrap()).await, "second");
        let rests = served.rests.clone();
        until(|| rests.get().0 > rests.get().1).await;
        client.leave().await.unwrap();
        assert_eq!(served.ended().await, [Told::Out(3), Told::Over, Told::Out(6), Told::Over]);
        assert_eq!(rests.get().0, rests.get().1);
    });
}

#[test]
fn a_slow_answer_holds_no_other_up() {
    on_worker(async {
        let (go, told) = tokio::sync::oneshot::channel::<()>();
        let slow = handler(|_| async move {
            told.await.unwrap();
            full(200, "slow")
        });
        let (_served, mut client) = serve([slow, ok("quick")]).await;
        client.ready().await;
        let request = Request::get("http://a.example/slow").body(()).unwrap();
        let (first, _) = client.send.send_request(request, true).unwrap();
        assert_eq!(text(client.get("/quick").await.unwrap()).await, "quick");
        go.send(()).unwrap();
        assert_eq!(text(first.await.unwrap()).await, "slow");
    });
}

#[test]
fn one_that_never_pauses_holds_up_neither_its_own_connection_nor_another() {
    on_worker(async {
        let enough = Rc::new(Cell::new(0));
        let restless = |enough: Rc<Cell<u32>>| {
            handler(|_| async move {
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if enough.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                full(200, "restless")
            })
        };
        let (_served, mut client) = serve([restless(enough.clone()), ok("beside")]).await;
        let (_other_served, mut other) = serve([ok("other")]).await;
        client.ready().await;
        let request = Request::get("http://a.example/restless").body(()).unwrap();
        let (first, _) = client.send.send_request(request, true).unwrap();
        for (client, expected) in [(&mut client, "beside"), (&mut other, "other")] {
            assert_eq!(text(client.get("/").await.unwrap()).await, expected);
            enough.set(enough.get() + 1);
        }
        assert_eq!(text(first.await.unwrap()).await, "restless");
    });
}

#[test]
fn answers_to_head_and_those_that_have_no_body_end_with_their_head() {
    on_worker(async {
        let announced = Response { announced: Some(9), ..Response::new(304) };
        let (_served, mut client) = serve([ok("text"), answer(Response::new(204)), answer(announced)]).await;
        let head = client.ask(Request::head("http://a.example/").body(()).unwrap()).await.unwrap();
        assert_eq!((head.headers()["content-length"].as_bytes(), head.body().is_end_stream()), (&b"4"[..], true));
        let none = client.get("/").await.unwrap();
        assert!(none.headers().get("content-length").is_none() && none.body().is_end_stream());
        let same = client.get("/").await.unwrap();
        assert_eq!((same.status().as_u16(), same.headers()["content-length"].as_bytes()), (304, &b"9"[..]));
        assert!(same.body().is_end_stream());
    });
}

#[test]
fn interim_answers_go_out_while_the_answer_is_waited_for() {
    on_worker(async {
        let hinting = handler(|exchange| async move {
            let mut hint = ResponseHead::new(103);
            hint.fields.add_named(b"Link", b"</a.css>");
            exchange.wire.interim(&hint);
            // A flood of them goes no further than a client that does not read may cost.
            (0..10_000).for_each(|_| exchange.wire.interim(&hint));
            full(200, "at last")
        });
        let (_served, mut client) = serve([hinting]).await;
        client.ready().await;
        let request = Request::get("http://a.example/").body(()).unwrap();
        let (mut response, _) = client.send.send_request(request, true).unwrap();
        let mut hints = 0;
        while let Some(hint) = poll_fn(|cx| response.poll_informational(cx)).await {
            let hint = hint.unwrap();
            assert_eq!((hint.status().as_u16(), hint.headers()["link"].as_bytes()), (103, &b"</a.css>"[..]));
            hints += 1;
        }
        assert!((1..1000).contains(&hints), "{hints}");
        assert_eq!(text(response.await.unwrap()).await, "at last");
    });
}

#[test]
fn a_request_that_the_client_resets_is_cancelled() {
    on_worker(async {
        let (gone, mut told) = tokio::sync::oneshot::channel::<()>();
        let waiting = handler(|_| async move {
            std::future::pending::<()>().await;
            drop(gone);
            full(200, "never")
        });
        let (served, mut client) = serve([waiting, ok("next")]).await;
        let (response, mut body) = client.post("/").await;
        // The handler has it once another request has been answered behind it.
        assert_eq!(text(client.get("/").await.unwrap()).await, "next");
        assert!(told.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty));
        body.send_reset(Reason::CANCEL);
        drop((response, body));
        assert!(told.await.is_err());
        client.leave().await.unwrap();
        assert_eq!(served.ended().await, [Told::Out(4), Told::Over, Told::Over]);
    });
}

#[test]
fn requests_end_with_their_connection() {
    on_worker(async {
        let waiting = || handler(|_| std::future::pending());
        let endless = Response { body: Script::body(None, [Step::data("x"), Step::Never]), ..Response::new(200) };
        let (served, mut client) = serve([waiting(), answer(endless)]).await;
        client.ready().await;
        let request = Request::get("http://a.example/").body(()).unwrap();
        let first = client.send.send_request(request, true).unwrap();
        let second = client.get("/").await.unwrap();
        client.task.abort();
        drop((first, second, client));
        let mut story = served.ended().await;
        story.sort_by_key(|told| format!("{told:?}"));
        assert_eq!(story, [Told::Failed(Kind::ClientGone), Told::Out(1), Told::Over, Told::Over]);
    });
}

#[test]
fn what_cannot_be_understood_is_answered_and_only_its_stream_ends() {
    on_worker(async {
        let (_served, mut client) = serve([ok("fine")]).await;
        let bad = Request::get("http://a.example/").header("host", "b.example").body(()).unwrap();
        let response = client.ask(bad).await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (400, "host_refused".to_owned()));
        let connect = Request::builder().method("CONNECT").uri("a.example:443").body(()).unwrap();
        client.ready().await;
        let (response, _) = client.send.send_request(connect, true).unwrap();
        // A plain CONNECT is for whoever answers requests to refuse.
        assert_eq!(text(response.await.unwrap()).await, "fine");
    });
}

#[test]
fn heads_beyond_their_limits_are_answered_in_words() {
    on_worker(async {
        let (_served, mut client) = serve([]).await;
        let many = (0..101).fold(Request::get("http://a.example/"), |get, count| get.header(format!("x-{count}"), "y"));
        assert_eq!(client.ask(many.body(()).unwrap()).await.unwrap().status(), 431);
        let large = Request::get("http://a.example/").header("x", "y".repeat(33 << 10)).body(()).unwrap();
        assert_eq!(client.ask(large).await.unwrap().status(), 431);
        let long = Request::get(format!("http://a.example/{}", "x".repeat(9 << 10))).body(()).unwrap();
        assert_eq!(client.ask(long).await.unwrap().status(), 414);
    });
}
