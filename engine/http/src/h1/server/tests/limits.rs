//! Clients that are too slow, or send what is no request.

use super::*;

#[test]
fn a_head_that_does_not_end_in_time_is_answered_408() {
    on_worker(async {
        let short = Settings { head_timeout: Duration::from_millis(80), ..settings() };
        let mut served = serve_with(short, [ok("1")]).await;
        assert_eq!(served.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await, "1");
        let began = Moment::now();
        served.send("GET / HTTP/1.1\r\nHo").await;
        let rests = served.rests.clone();
        until(|| rests.get().1 == 2).await;
        // A further byte grants no further time.
        served.send("s").await;
        let (head, text) = served.answer().await;
        assert!(Moment::now().since(began) >= Duration::from_millis(80));
        assert!(head.starts_with("HTTP/1.1 408 ") && head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "head_timeout");
        assert_eq!(read_all(&mut served.client).await, "");
        assert_eq!(served.ended().await, [Told::Out(1), Told::Over, Told::Out(12), Told::Over]);
    });
}

#[test]
fn what_is_no_request_is_refused_and_nothing_after_it_is_read() {
    on_worker(async {
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(101));
        for (request, status, reason) in [
            ("NONSENSE\r\n\r\n", 400, "head_malformed"),
            ("GET / HTTP/1.1\r\n\r\n", 400, "host_refused"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "framing_refused"),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "coding_unknown"),
            (&many, 431, "headers_too_many"),
        ] {
            let mut served = serve([]).await;
            // There is no handler: were the second one taken for a request, the task would panic.
            served.send(&format!("{request}GET /evil HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            let (head, text) = served.answer().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            assert!(head.contains("Connection: close\r\n"), "{head}");
            assert_eq!(text, reason);
            assert_eq!(read_all(&mut served.client).await, "");
            assert_eq!(served.ended().await.len(), 2);
        }
    });
}

#[test]
fn a_client_that_goes_within_a_head_is_not_answered() {
    on_worker(async {
        let mut served = serve([]).await;
        served.send("GET / HTTP/1.1\r\nHo").await;
        served.client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut served.client).await, "");
        assert!(served.ended().await.is_empty());
    });
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    on_worker(async {
        let short = Settings { write_timeout: Duration::from_millis(80), ..settings() };
        let large = Response { body: Body::Full(Bytes::from(pattern(64 << 20))), ..Response::new(200) };
        let mut served = serve_with(short, [answer(large)]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let Served { client, story, task, .. } = served;
        task.await.unwrap();
        drop(client);
        let story = story.take();
        let [Told::Out(bytes), Told::Failed(Kind::ClientGone), Told::Over] = story[..] else { panic!("{story:?}") };
        assert!(bytes < 64 << 20);
    });
}

#[test]
fn a_client_that_reads_slowly_is_served() {
    on_worker(async {
        let patient = Settings { write_timeout: Duration::from_millis(1200), ..settings() };
        let large = pattern(32 << 20);
        let response = Response { body: Body::Full(Bytes::from(large.clone())), ..Response::new(200) };
        let mut served = serve_with(patient, [answer(response)]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        read_head(&mut served.client).await;
        let mut seen = Vec::with_capacity(large.len());
        while seen.len() < large.len() {
            let wanted = (seen.len() + (8 << 20)).min(large.len());
            tokio::time::sleep(Duration::from_millis(400)).await;
            while seen.len() < wanted {
                served.client.read_buf(&mut seen).await.unwrap();
            }
        }
        assert!(seen == large);
    });
}

/// While the request's body is waited for, an answer of so many KiB; then what the body says.
struct Meanwhile(Body, usize);

impl glorieta_core::BodySource for Meanwhile {
    fn poll_frame(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Option<Result<glorieta_core::Frame, Error>>> {
        let polled = self.0.poll_frame(cx);
        if polled.is_pending() && self.1 > 0 {
            self.1 -= 1;
            return Poll::Ready(Some(Ok(glorieta_core::Frame::Data(Bytes::from(vec![b'x'; 1024])))));
        }
        polled
    }
}

fn meanwhile(kib: usize) -> Handler {
    handler(move |exchange| async move {
        Response { body: Body::Stream(Box::new(Meanwhile(exchange.body, kib))), ..Response::new(200) }
    })
}

#[test]
fn an_answer_that_was_stuck_takes_no_time_from_the_body() {
    on_worker(async {
        let short = Settings { write_timeout: Duration::from_millis(600), ..settings() };
        let mut served = serve_with(short, [meanwhile(16 << 10)]).await;
        served.send("POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\n").await;
        read_head(&mut served.client).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        read_bytes(&mut served.client, 16 << 20).await;
        tokio::time::sleep(Duration::from_millis(1000)).await;
        served.send("body").await;
        assert_eq!(read_all(&mut served.client).await, "body");
    });
}

#[test]
fn bytes_of_the_body_grant_no_time_to_who_does_not_read() {
    on_worker(async {
        let short = Settings { write_timeout: Duration::from_millis(300), ..settings() };
        let mut served = serve_with(short, [meanwhile(64 << 10)]).await;
        served.send("POST / HTTP/1.0\r\nContent-Length: 1000000\r\n\r\n").await;
        // Until the connection has been given up, and a write to it fails.
        while served.client.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let Served { story, task, .. } = served;
        task.await.unwrap();
        let story = story.take();
        assert!(matches!(story[..], [Told::Out(_), Told::Failed(Kind::ClientGone), Told::Over]), "{story:?}");
    });
}
