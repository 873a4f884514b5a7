//! Interim answers, and connections that change their protocol.

use super::*;

#[test]
fn interim_answers_go_out_while_the_answer_is_waited_for() {
    on_worker(async {
        let (go, told) = tokio::sync::oneshot::channel::<()>();
        let hinting = handler(|exchange| async move {
            let mut hint = ResponseHead::new(103);
            hint.fields.add_named(b"Link", b"</a.css>");
            exchange.wire.interim(&hint);
            told.await.unwrap();
            exchange.wire.interim(&hint);
            full(200, "at last")
        });
        let mut served = serve([hinting]).await;
        served.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
        assert_eq!(read_head(&mut served.client).await, hint);
        go.send(()).unwrap();
        assert_eq!(read_head(&mut served.client).await, hint);
        assert_eq!(served.answer().await.1, "at last");
    });
}

#[test]
fn http_1_0_sees_no_interim_answers() {
    on_worker(async {
        let hinting = handler(|exchange| async move {
            exchange.wire.interim(&ResponseHead::new(103));
            full(200, "only")
        });
        let mut served = serve([hinting]).await;
        served.send("GET / HTTP/1.0\r\n\r\n").await;
        let (head, text) = served.answer().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(text, "only");
    });
}

#[test]
fn a_switched_connection_becomes_a_tunnel_with_nothing_lost() {
    on_worker(async {
        let (upstream, mut endpoint) = tcp_pair().await;
        let switch: Handler = Box::new(|exchange, record| {
            Box::pin(async move {
                assert!(exchange.upgrade);
                let mut head = ResponseHead::new(101);
                head.fields.add_named(b"Upgrade", b"chat");
                let leftover = Bytes::from_static(b"welcome");
                Reply::Switch { head, upstream: Box::new(upstream), leftover, idle: PATIENCE, record }
            })
        });
        let mut served = serve([switch]).await;
        let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
        // The client does not wait: what it says early is not lost, nor taken for a request.
        served.send(&format!("{request}early")).await;
        let head = read_head(&mut served.client).await;
        assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("Connection: upgrade\r\n"), "{head}");
        assert_eq!(read_bytes(&mut served.client, 7).await, b"welcome");
        assert_eq!(read_bytes(&mut endpoint, 5).await, b"early");
        served.send("question").await;
        served.client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut endpoint).await, "question");
        endpoint.write_all(b"answer").await.unwrap();
        drop(endpoint);
        assert_eq!(read_all(&mut served.client).await, "answer");
        assert_eq!(served.ended().await, [Told::Tunnelled(13, 13), Told::Over]);
    });
}

#[test]
fn only_a_request_without_a_body_may_switch() {
    on_worker(async {
        let looking = || handler(|exchange| async move { full(200, &exchange.upgrade.to_string()) });
        let mut served = serve([looking(), looking()]).await;
        let upgrade = "Host: x\r\nConnection: upgrade\r\nUpgrade: chat\r\n";
        assert_eq!(served.ask(&format!("GET / HTTP/1.1\r\n{upgrade}\r\n")).await, "true");
        assert_eq!(served.ask(&format!("POST / HTTP/1.1\r\n{upgrade}Content-Length: 1\r\n\r\nx")).await, "false");
    });
}

#[test]
fn after_connect_nothing_more_is_understood() {
    on_worker(async {
        let mut served = serve([answer(full(405, "no"))]).await;
        served
            .send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let (head, text) = served.answer().await;
        assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("Connection: close\r\n"), "{head}");
        assert_eq!(text, "no");
        assert_eq!(read_all(&mut served.client).await, "");
    });
}
