//! Heads, bodies and trailers, both ways.

use super::*;

#[test]
fn requests_and_answers_pass_with_bodies_and_trailers() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let (head, mut body) = asked.into_parts();
            assert_eq!((head.uri.to_string().as_str(), head.method.as_str()), ("http://a.example/", "POST"));
            let data = read(&mut body).await;
            let trailers = body.trailers().await.unwrap().unwrap();
            let mut stream = respond.send_response(answer(200), false).unwrap();
            write(&mut stream, Bytes::from(data), false).await;
            stream.send_trailers(trailers).unwrap();
        })
        .await;
        let sent = pattern(1 << 20);
        let pieces = sent.chunks(70_000).map(|piece| Step::Data(Bytes::copy_from_slice(piece)));
        let body = Script::body(None, pieces.chain([Step::Trailers(fields(&[("Digest", "x")]))]));
        let (status, data, trailers) = ask(&client, &head("POST"), body).await.unwrap();
        assert!(status == 200 && data == sent);
        assert_eq!(trailers, "digest: x\n");
    });
}

#[test]
fn trailers_follow_a_body_whose_length_was_announced() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let length = asked.headers().get("content-length").cloned().unwrap();
            let mut body = asked.into_body();
            let data = read(&mut body).await;
            let trailers = body.trailers().await.unwrap();
            let said = format!("{} {} {trailers:?}", length.to_str().unwrap(), data.len());
            let mut stream = respond.send_response(answer(200), false).unwrap();
            write(&mut stream, Bytes::from(said), true).await;
        })
        .await;
        let end = || Step::Trailers(fields(&[("digest", "x")]));
        for (steps, expected) in [
            (vec![Step::data("body"), end()], r#"4 4 Some({"digest": "x"})"#),
            (vec![Step::data("bo"), Step::Later, Step::data("dy"), Step::Later, end()], r#"4 4 Some({"digest": "x"})"#),
            (vec![Step::data("body")], "4 4 None"),
            (vec![Step::data("body"), Step::Later, Step::data("")], "4 4 None"),
        ] {
            let body = Script::body(Some(4), steps);
            let (_, data, _) = ask(&client, &head("POST"), body).await.unwrap();
            assert_eq!(String::from_utf8(data).unwrap(), expected);
        }
    });
}

#[test]
fn a_body_that_goes_on_beyond_what_was_announced_is_an_error_of_ours() {
    on_worker(async {
        let client = connected(async |(asked, _respond): Asked| read_all(asked.into_body()).await).await;
        for steps in [vec![Step::data("body"), Step::data("x")], vec![Step::data("bodyx")], vec![Step::data("bod")]] {
            let error = ask(&client, &head("POST"), Script::body(Some(4), steps)).await.unwrap_err();
            assert_eq!(error.kind, Kind::Internal);
        }
    });
}

/// Reads to an end of whichever kind.
async fn read_all(mut body: RecvStream) {
    while let Some(Ok(_)) = body.data().await {}
}

#[test]
fn many_requests_share_one_connection() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            // Answered in turn only once all have come: one after the other they would wait for ever.
            let number: u64 = asked.headers()["x-number"].to_str().unwrap().parse().unwrap();
            tokio::time::sleep(Duration::from_millis(50 - number)).await;
            let mut stream = respond.send_response(answer(200), false).unwrap();
            write(&mut stream, Bytes::from(number.to_string()), true).await;
        })
        .await;
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let client = client.clone();
                spawn_local(async move {
                    let mut head = head("GET");
                    head.fields.add_named(b"X-Number", number.to_string().as_bytes());
                    let (_, data, _) = ask(&client, &head, Body::Empty).await.unwrap();
                    assert_eq!(data, number.to_string().into_bytes());
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(client.idle_since().is_some() && client.is_open());
    });
}

#[test]
fn answers_without_a_body_have_none() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let status = asked.headers()["x-status"].to_str().unwrap().parse().unwrap();
            let mut response = answer(status);
            response.headers_mut().insert("content-length", "7".parse().unwrap());
            respond.send_response(response, true).unwrap();
        })
        .await;
        for (method, status) in [("HEAD", "200"), ("GET", "304")] {
            let mut head = head(method);
            head.fields.add_named(b"X-Status", status.as_bytes());
            let slot = client.take();
            let arrived = slot.send(&request(&head), &mut Upload::new(Body::Empty)).await.unwrap();
            assert_eq!(arrived.announced, Some(7));
            assert!(arrived.into_body(slot, PATIENCE, None).1.is_empty());
            assert!(client.idle_since().is_some());
        }
    });
}

#[test]
fn an_answer_that_nobody_reads_holds_up_no_other() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let length = if asked.method() == "POST" { 8 << 20 } else { 4 };
            let mut stream = respond.send_response(answer(200), false).unwrap();
            write(&mut stream, Bytes::from(vec![b'x'; length]), true).await;
        })
        .await;
        let mut unread = Vec::new();
        for _ in 0..20 {
            let slot = client.take();
            let head = head("POST");
            let arrived = slot.send(&request(&head), &mut Upload::new(Body::Empty)).await.unwrap();
            unread.push(arrived.into_body(slot, PATIENCE, None).1);
        }
        for _ in 0..5 {
            assert_eq!(ask(&client, &head("GET"), Body::Empty).await.unwrap().1, b"xxxx");
        }
        for mut body in unread {
            assert_eq!(collect(&mut body).await.unwrap().0.len(), 8 << 20);
        }
    });
}

#[test]
fn an_early_answer_is_read_while_the_body_still_goes_out() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let mut stream = respond.send_response(answer(200), false).unwrap();
            let mut body = asked.into_body();
            // Speaks and listens in turn, as calls of gRPC do that stream both ways.
            while let Some(piece) = body.data().await {
                let piece = piece.unwrap();
                body.flow_control().release_capacity(piece.len()).unwrap();
                write(&mut stream, piece, false).await;
            }
            stream.send_data(Bytes::new(), true).unwrap();
        })
        .await;
        let steps = (0..5).flat_map(|_| [Step::Sleep(Duration::from_millis(5)), Step::data("ping ")]);
        let (_, data, _) = ask(&client, &head("POST"), Script::body(None, steps)).await.unwrap();
        assert_eq!(data, b"ping ping ping ping ping ");
    });
}

#[test]
fn a_body_must_be_as_long_as_was_announced() {
    on_worker(async {
        let client = connected(async |(asked, mut respond): Asked| {
            let mut body = asked.into_body();
            while let Some(Ok(_)) = body.data().await {}
            // Who asked has gone by then.
            let _ = respond.send_response(answer(200), true);
        })
        .await;
        for steps in [vec![Step::data("longer")], vec![Step::data("s")]] {
            let error = ask(&client, &head("PUT"), Script::body(Some(4), steps)).await.unwrap_err();
            assert_eq!(error.kind, Kind::Internal);
        }
        assert!(client.is_open());
    });
}
