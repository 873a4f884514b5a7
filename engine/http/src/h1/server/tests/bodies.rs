//! Request bodies: asked for, left unread, too slow, cut off.

use super::*;

const NEXT: &str = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";

fn post(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_short_body_that_nobody_read_is_forgotten() {
    on_worker(async {
        for (sent_before, length) in [(0, 1), (100, 1000), (1000, 1000), (10, 64 << 10)] {
            let mut served = serve([ok("unread"), echo()]).await;
            let body = "x".repeat(length);
            served.send(&(post(length) + &body[..sent_before])).await;
            let (head, text) = served.answer().await;
            assert!(!head.contains("Connection"), "{head}");
            assert_eq!(text, "unread");
            served.send(&(body[sent_before..].to_owned() + NEXT)).await;
            assert_eq!(served.answer().await.1, "/next ", "{length}");
        }
    });
}

#[test]
fn a_long_or_endless_body_that_nobody_read_closes_the_connection() {
    on_worker(async {
        let endless = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        for request in [post((64 << 10) + 1), endless.to_owned()] {
            let mut served = serve([ok("unread")]).await;
            served.send(&request).await;
            let (head, text) = served.answer().await;
            assert!(head.contains("Connection: close\r\n"), "{head}");
            assert_eq!(text, "unread");
            // It ends with an end, not with a reset that could destroy the answer.
            served.send("1000\r\nmore of it, and no request").await;
            assert_eq!(read_all(&mut served.client).await, "");
        }
    });
}

#[test]
fn a_body_that_was_given_up_closes_the_connection() {
    on_worker(async {
        let part = handler(|mut exchange| async move {
            let first = poll_fn(|cx| exchange.body.poll_frame(cx)).await;
            assert!(first.unwrap().is_ok());
            full(200, "enough")
        });
        let mut served = serve([part]).await;
        served.send(&(post(1000) + "the beginning")).await;
        let (head, text) = served.answer().await;
        assert!(head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "enough");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn a_body_is_read_while_it_is_answered() {
    on_worker(async {
        // The answer is the rest of the request's body: neither has to end before the other goes on.
        let mirror = handler(|mut exchange| async move {
            let first = poll_fn(|cx| exchange.body.poll_frame(cx)).await;
            assert!(first.unwrap().is_ok());
            Response { body: exchange.body, ..Response::new(200) }
        });
        let mut served = serve([mirror, echo()]).await;
        served.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
        let head = read_head(&mut served.client).await;
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        for piece in ["1\r\na\r\n", "2\r\nbc\r\n", "0\r\n\r\n"] {
            served.send(piece).await;
            assert_eq!(read_bytes(&mut served.client, piece.len()).await, piece.as_bytes());
        }
        assert_eq!(served.ask(NEXT).await, "/next ");
    });
}

#[test]
fn a_body_is_read_no_faster_than_it_is_used() {
    on_worker(async {
        let (go, started) = tokio::sync::oneshot::channel::<()>();
        let waiting = handler(|mut exchange| async move {
            started.await.unwrap();
            let (data, _) = collect(&mut exchange.body).await.unwrap();
            full(200, &data.len().to_string())
        });
        let mut served = serve([waiting]).await;
        let length = 64 << 20;
        served.send(&post(length)).await;
        let bytes = vec![b'x'; length];
        let mut taken = 0;
        while let Ok(count) =
            tokio::time::timeout(Duration::from_millis(200), served.client.write(&bytes[taken..])).await
        {
            taken += count.unwrap();
            assert!(taken < 32 << 20, "it is read although nobody asked");
        }
        go.send(()).unwrap();
        served.client.write_all(&bytes[taken..]).await.unwrap();
        assert_eq!(served.answer().await.1, length.to_string());
    });
}

const EXPECTING: &str = "POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[test]
fn a_client_that_waits_is_asked_once_its_body_is_wanted() {
    on_worker(async {
        let mut served = serve([echo(), echo()]).await;
        served.send(EXPECTING).await;
        assert_eq!(read_head(&mut served.client).await, "HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(served.ask("body").await, "/e body");
        assert_eq!(served.ask(NEXT).await, "/next ");
    });
}

#[test]
fn a_client_that_did_not_wait_is_not_asked() {
    on_worker(async {
        let mut served = serve([echo(), echo()]).await;
        served.send(&format!("{EXPECTING}body{NEXT}")).await;
        assert_eq!(served.answer().await.1, "/e body");
        assert_eq!(served.answer().await.1, "/next ");
        // HTTP/1.0 knows no interim answers.
        let mut served = serve([echo()]).await;
        served.send("POST /e HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
        assert_eq!(served.ask("body").await, "/e body");
    });
}

#[test]
fn a_client_whose_body_is_unwanted_is_answered_and_the_connection_closed() {
    on_worker(async {
        let mut served = serve([answer(full(413, "no"))]).await;
        served.send(EXPECTING).await;
        let (head, text) = served.answer().await;
        assert!(head.starts_with("HTTP/1.1 413 ") && head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "no");
        // Whether it sends the body after all cannot be known: it must not become a request.
        served.send(NEXT).await;
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn a_client_that_stops_sending_is_told() {
    on_worker(async {
        let short = Settings { body_timeout: Duration::from_millis(60), ..settings() };
        let mut served = serve_with(short, [echo()]).await;
        let began = Moment::now();
        served.send(&(post(10) + "half")).await;
        let (head, text) = served.answer().await;
        assert!(Moment::now().since(began) >= Duration::from_millis(60));
        assert!(head.starts_with("HTTP/1.1 408 ") && head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "body_timeout");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn a_body_that_ends_early_or_badly_fails() {
    on_worker(async {
        for (bytes, reason) in [
            (post(10) + "half", "body_cut_off"),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf".to_owned(), "body_cut_off"),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nsize?\r\n".to_owned(), "framing_refused"),
        ] {
            let mut served = serve([echo()]).await;
            served.send(&bytes).await;
            served.client.shutdown().await.unwrap();
            let (head, text) = served.answer().await;
            assert!(head.starts_with("HTTP/1.1 400 ") && head.contains("Connection: close\r\n"), "{head}");
            assert_eq!(text, reason);
            assert_eq!(read_all(&mut served.client).await, "");
        }
    });
}

#[test]
fn bytes_of_the_body_are_counted_as_they_come() {
    on_worker(async {
        let counting = || {
            handler(|mut exchange| async move {
                assert_eq!(collect(&mut exchange.body).await.unwrap().0.len(), 5);
                full(200, &exchange.wire.bytes_in().to_string())
            })
        };
        let mut served = serve([counting(), counting(), counting()]).await;
        assert_eq!(served.ask(&(post(5) + "12345")).await, "5");
        let chunked =
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n0\r\n\r\n";
        assert_eq!(served.ask(chunked).await, "5");
        served.send(&post(5)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(served.ask("12345").await, "5");
    });
}
