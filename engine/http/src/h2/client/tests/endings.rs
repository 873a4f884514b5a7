//! How requests and connections end, and what may be sent again.

use ::h2::Reason;

use super::*;

#[test]
fn what_is_dropped_is_reset_and_the_connection_lives_on() {
    on_worker(async {
        let resets = Rc::new(RefCell::new(Vec::new()));
        let seen = resets.clone();
        let client = connected(move |(asked, mut respond): Asked| {
            let seen = seen.clone();
            async move {
                if asked.method() == "DELETE" {
                    respond.send_response(answer(204), true).unwrap();
                    return;
                }
                if asked.method() == "POST" {
                    let mut stream = respond.send_response(answer(200), false).unwrap();
                    stream.send_data(Bytes::from_static(b"begun"), false).unwrap();
                    let reason = poll_fn(|cx| stream.poll_reset(cx)).await.unwrap();
                    seen.borrow_mut().push(reason);
                } else {
                    let reason = poll_fn(|cx| respond.poll_reset(cx)).await.unwrap();
                    seen.borrow_mut().push(reason);
                }
            }
        })
        .await;
        // While the answer is waited for, and while its body is read.
        let (slot, get) = (client.take(), head("GET"));
        let (asking, mut upload) = (request(&get), Upload::new(Body::Empty));
        tokio::select! {
            biased;
            _ = slot.send(&asking, &mut upload) => panic!("answered"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        drop(slot);
        let (slot, post) = (client.take(), head("POST"));
        let arrived = slot.send(&request(&post), &mut Upload::new(Body::Empty)).await.unwrap();
        let (_, mut body) = arrived.into_body(slot, PATIENCE, None);
        assert!(poll_fn(|cx| body.poll_frame(cx)).await.is_some());
        assert!(client.idle_since().is_none());
        drop(body);
        assert!(client.idle_since().is_some());
        while resets.borrow().len() < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(*resets.borrow(), [Reason::CANCEL, Reason::CANCEL]);
        assert_eq!(ask(&client, &head("DELETE"), Body::Empty).await.unwrap().0, 204);
    });
}

#[test]
fn what_a_reset_means_depends_on_its_reason() {
    on_worker(async {
        for (reason, retry) in [
            (Reason::REFUSED_STREAM, Retry::NotSent),
            (Reason::INTERNAL_ERROR, Retry::IfIdempotent),
            (Reason::CANCEL, Retry::IfIdempotent),
            (Reason::HTTP_1_1_REQUIRED, Retry::No),
        ] {
            let client = connected(move |(_, mut respond): Asked| async move { respond.send_reset(reason) }).await;
            let error = fails(&client).await;
            assert_eq!((error.kind, error.retry), (Kind::UpstreamReset, retry), "{error}");
            assert!(client.is_open());
        }
    });
}

#[test]
fn streams_above_the_last_one_of_a_goaway_were_not_begun() {
    on_worker(async {
        let (client, driver, mut endpoint) = by_hand().await;
        spawn_local(driver);
        let asking: Vec<_> = (0..2)
            .map(|_| {
                let client = client.clone();
                spawn_local(async move { ask(&client, &head("POST"), Body::Empty).await })
            })
            .collect();
        for _ in 0..2 {
            next_frame(&mut endpoint, 1).await;
        }
        // Stream 1 is still answered, with the indexed field `:status: 200`; stream 3 was not begun.
        endpoint.write_all(&frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])).await.unwrap();
        let mut answers = asking.into_iter();
        let (first, second) = (answers.next().unwrap(), answers.next().unwrap());
        let error = second.await.unwrap().unwrap_err();
        assert_eq!((error.kind, error.retry), (Kind::UpstreamReset, Retry::NotSent), "{error}");
        assert!(!client.is_open());
        endpoint.write_all(&frame(1, 5, 1, &[0x88])).await.unwrap();
        assert_eq!(first.await.unwrap().unwrap().0, 200);
        // With the last stream the connection ends.
        let mut rest = Vec::new();
        endpoint.read_to_end(&mut rest).await.unwrap();
    });
}

#[test]
fn a_connection_that_ends_fails_its_requests() {
    on_worker(async {
        let (client, driver, mut endpoint) = by_hand().await;
        let driving = spawn_local(driver);
        let asking = {
            let client = client.clone();
            spawn_local(async move { fails(&client).await })
        };
        next_frame(&mut endpoint, 1).await;
        drop(endpoint);
        let error = asking.await.unwrap();
        assert_eq!((error.kind, error.retry), (Kind::UpstreamReset, Retry::IfIdempotent), "{error}");
        driving.await.unwrap();
        assert!(!client.is_open());
        // Nothing can have been sent by one that has ended.
        assert_eq!(fails(&client).await.retry, Retry::NotSent);
    });
}

#[test]
fn an_answer_that_is_whole_is_not_reset_though_its_end_comes_later() {
    on_worker(async {
        let resets = Rc::new(Cell::new(0));
        let seen = resets.clone();
        let client = connected(move |(asked, mut respond): Asked| {
            let seen = seen.clone();
            async move {
                let mut response = answer(200);
                response.headers_mut().insert("content-length", "4".parse().unwrap());
                let mut stream = respond.send_response(response, false).unwrap();
                if asked.method() == "GET" {
                    write(&mut stream, Bytes::from_static(b"body"), false).await;
                }
                tokio::select! {
                    _ = poll_fn(|cx| stream.poll_reset(cx)) => seen.set(seen.get() + 1),
                    () = tokio::time::sleep(Duration::from_millis(50)) => stream.send_data(Bytes::new(), true).unwrap(),
                }
            }
        })
        .await;
        for method in ["GET", "HEAD"] {
            let (slot, head) = (client.take(), head(method));
            let arrived = slot.send(&request(&head), &mut Upload::new(Body::Empty)).await.unwrap();
            let (_, mut body) = arrived.into_body(slot, PATIENCE, None);
            if method == "GET" {
                assert!(poll_fn(|cx| body.poll_frame(cx)).await.is_some());
            }
        }
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert_eq!(resets.get(), 0);
        assert!(client.is_open() && client.idle_since().is_some());
    });
}

#[test]
fn an_endpoint_that_needs_no_more_of_the_request_has_answered_well() {
    on_worker(async {
        let (client, driver, mut endpoint) = by_hand().await;
        spawn_local(driver);
        let answering = spawn_local(async move {
            next_frame(&mut endpoint, 1).await;
            let answer = [frame(1, 4, 1, &[0x88]), frame(0, 1, 1, b"enough"), frame(3, 0, 1, &[0, 0, 0, 0])];
            endpoint.write_all(&answer.concat()).await.unwrap();
            endpoint
        });
        let body = Script::body(None, [Step::data("x"), Step::Never]);
        assert_eq!(ask(&client, &head("POST"), body).await.unwrap().1, b"enough");
        assert!(client.idle_since().is_some());
        drop(answering.await);
    });
}

#[test]
fn a_body_that_has_been_sent_can_be_sent_again() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let mut body = asked.into_body();
            let first = body.data().await.unwrap().unwrap();
            if first.len() > 3 {
                respond.send_response(answer(200), true).unwrap();
            } else {
                respond.send_reset(Reason::REFUSED_STREAM);
            }
        })
        .await;
        let mut upload = Upload::new(Script::body(None, [Step::data("one"), Step::Later, Step::data("two")]));
        let head = head("POST");
        let error = client.take().send(&request(&head), &mut upload).await.err().unwrap();
        assert_eq!(error.retry, Retry::NotSent);
        assert!(upload.is_replayable() && upload.is_begun());
        drop(client.take().send(&request(&head), &mut upload).await);
        assert!(upload.is_replayable());
    });
}
