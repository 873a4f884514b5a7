//! Which connections carry another request, and which must not.

use super::*;

/// Whether the connection came home after this answer had been read.
async fn comes_home(head: &RequestHead, answer: &str, open: bool) -> bool {
    let place = Place::default();
    let arrived = answered(head, answer, open).await.unwrap();
    let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
    collect(&mut body).await.unwrap();
    place.count() == 1
}

#[test]
fn a_connection_carries_one_request_after_the_other() {
    on_worker(async {
        let (mut client, mut endpoint) = connected().await;
        let answering = spawn_local(async move {
            for (number, answer) in [
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\nDigest: x\r\n\r\n",
                "HTTP/1.1 204 No Content\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nfourth",
            ]
            .into_iter()
            .enumerate()
            {
                let head = read_head(&mut endpoint).await;
                assert_eq!(head, format!("GET /{number} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
                endpoint.write_all(answer.as_bytes()).await.unwrap();
            }
            endpoint
        });
        let place = Place::default();
        for (number, expected) in ["first", "second", "", "fourth"].into_iter().enumerate() {
            assert_eq!(client.reused, number > 0);
            assert!(client.is_alive());
            let head = RequestHead::build("GET", "a.example", &format!("/{number}"), None);
            let arrived = send(client, &head, Body::Empty).await.unwrap();
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            let (data, trailers) = collect(&mut body).await.unwrap();
            assert_eq!((data, trailers.is_empty()), (expected.as_bytes().to_vec(), number != 1));
            client = place.take();
        }
        drop(answering.await);
    });
}

#[test]
fn only_what_ended_well_comes_home() {
    on_worker(async {
        let (get, head) = (get(), RequestHead::build("HEAD", "a.example", "/", None));
        for (request, answer, open, home) in [
            (&get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, true),
            (&get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, true),
            (&get, "HTTP/1.1 204 No Content\r\n\r\n", true, true),
            (&get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", true, true),
            (&head, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", true, true),
            (&head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, true),
            (&get, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true, true),
            (&get, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", true, false),
            (&get, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true, false),
            (&get, "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, false),
            (&get, "HTTP/1.1 200 OK\r\n\r\nuntil the end", false, false),
            // Bytes behind the answer belong to nobody.
            (&get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", true, false),
            (&get, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", true, false),
            (&head, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, false),
            (&get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK", true, false),
        ] {
            assert_eq!(comes_home(request, answer, open).await, home, "{answer:?}");
        }
    });
}

#[test]
fn a_body_that_lasts_until_the_end_is_read_to_it() {
    on_worker(async {
        let place = Place::default();
        let arrived = answered(&get(), "HTTP/1.1 200 OK\r\n\r\nall there is", false).await.unwrap();
        let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
        assert_eq!(body.length(), None);
        assert_eq!(collect(&mut body).await.unwrap().0, b"all there is");
        assert_eq!(place.count(), 0);
    });
}

#[test]
fn a_body_that_is_dropped_unread_closes_its_connection() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = get();
        let asking = async {
            let arrived = send(client, &head, Body::Empty).await.unwrap();
            let place = Place::default();
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            let first = poll_fn(|cx| body.poll_frame(cx)).await;
            assert!(first.unwrap().is_ok());
            drop(body);
            assert_eq!(place.count(), 0);
        };
        let answering = async {
            read_head(&mut endpoint).await;
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning").await.unwrap();
            assert_eq!(endpoint.read(&mut [0; 8]).await.unwrap(), 0);
        };
        tokio::join!(asking, answering);
    });
}

#[test]
fn a_connection_that_does_not_rest_is_dead() {
    on_worker(async {
        let (mut client, mut endpoint) = connected().await;
        assert!(client.is_alive());
        endpoint.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
        poll_fn(|cx| client.stream.poll_silence_broken(cx)).await;
        assert!(!client.is_alive());

        let (mut client, endpoint) = connected().await;
        drop(endpoint);
        poll_fn(|cx| client.stream.poll_silence_broken(cx)).await;
        assert!(!client.is_alive());
    });
}

#[test]
fn a_switched_connection_is_handed_over_with_what_came_behind_the_head() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = get();
        let request = Request { upgrade: Some(b"chat"), ..request(&head) };
        let answering = async {
            let head = read_head(&mut endpoint).await;
            assert!(head.contains("Upgrade: chat\r\nConnection: upgrade\r\n"), "{head}");
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nhello";
            endpoint.write_all(answer).await.unwrap();
            assert_eq!(read_bytes(&mut endpoint, 6).await, b"answer");
        };
        let asking = async {
            let arrived = client.send(&request, &mut Upload::new(Body::Empty)).await.unwrap();
            assert!(arrived.meta.switching);
            let (head, mut stream, leftover) = arrived.into_tunnel();
            assert_eq!((head.status, &leftover[..]), (101, &b"hello"[..]));
            stream.write_all(b"answer").await.unwrap();
        };
        tokio::join!(answering, asking);
        let refused = answered(&get(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n\r\n", true).await;
        assert_eq!(refused.err().unwrap().kind, Kind::ResponseMalformed);
    });
}
