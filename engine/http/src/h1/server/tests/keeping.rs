//! One request after the other on one connection.

use super::*;

#[test]
fn a_connection_carries_many_requests() {
    on_worker(async {
        let mut served = serve([echo(), echo(), echo()]).await;
        assert_eq!(served.ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await, "/a ");
        assert_eq!(served.ask("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").await, "/b body");
        let chunked =
            "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nch\r\n4\r\nunks\r\n0\r\n\r\n";
        assert_eq!(served.ask(chunked).await, "/c chunks");
        let rests = served.rests.clone();
        until(|| rests.get() == (4, 3)).await;
        served.client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut served.client).await, "");
        let story = served.ended().await;
        assert_eq!(story, [Told::Out(3), Told::Over, Told::Out(7), Told::Over, Told::Out(9), Told::Over]);
        assert_eq!(rests.get(), (4, 4));
    });
}

#[test]
fn requests_sent_at_once_are_answered_in_their_order() {
    on_worker(async {
        let slow = handler(|exchange| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(exchange);
            full(200, "slow")
        });
        let mut served = serve([slow, echo(), ok("third"), echo()]).await;
        served
            .send(
                "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecond\
                 GET /3 HTTP/1.1\r\nHost: x\r\n\r\nPOST /4 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                 6\r\nfourth\r\n0\r\n\r\n",
            )
            .await;
        for expected in ["slow", "/2 second", "third", "/4 fourth"] {
            assert_eq!(served.answer().await.1, expected);
        }
    });
}

#[test]
fn a_request_may_come_byte_by_byte() {
    on_worker(async {
        let mut served = serve([echo(), echo()]).await;
        let request =
            "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nDigest: 1\r\n\r\n";
        for _ in 0..2 {
            for byte in request.as_bytes() {
                served.client.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert_eq!(served.answer().await.1, "/p abcDigest: 1\n");
        }
    });
}

#[test]
fn a_bounded_number_of_requests_is_answered_on_one_connection() {
    on_worker(async {
        let bounded = Settings { requests_per_connection: 2, ..settings() };
        let mut served = serve_with(bounded, [ok("1"), ok("2")]).await;
        served.send(&"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3)).await;
        assert!(!served.answer().await.0.contains("Connection"));
        let (head, body) = served.answer().await;
        assert!(head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(body, "2");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}

#[test]
fn the_wait_for_another_request_ends() {
    on_worker(async {
        let short = Settings { keep_alive: Duration::from_millis(60), ..settings() };
        let mut served = serve_with(short, [ok("1")]).await;
        let began = Moment::now();
        assert_eq!(served.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await, "1");
        assert_eq!(read_all(&mut served.client).await, "");
        assert!(Moment::now().since(began) >= Duration::from_millis(50));
        served.ended().await;
    });
}

#[test]
fn who_sends_nothing_at_all_is_not_answered() {
    on_worker(async {
        let short = Settings { head_timeout: Duration::from_millis(30), ..settings() };
        let mut served = serve_with(short, []).await;
        assert_eq!(read_all(&mut served.client).await, "");
        assert!(served.ended().await.is_empty());
    });
}

#[test]
fn a_waiting_connection_holds_next_to_nothing() {
    on_worker(async {
        let (inside, _client) = tcp_pair().await;
        let service = Scripted::new(settings(), []);
        let peer = Peer { address: None, client: None, scheme: Scheme::Http, trusted: false };
        let future = serve_connection(inside, Timer::new(), peer, service, None);
        assert!(size_of_val(&future) <= 400, "{}", size_of_val(&future));
    });
}
