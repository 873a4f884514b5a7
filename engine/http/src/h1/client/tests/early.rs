//! Endpoints that answer while the request's body is still being sent.

use super::*;

const LENGTH: usize = 4 << 20;

#[test]
fn the_rest_is_sent_while_an_early_answer_is_read() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let (place, sent) = (Place::default(), pattern(LENGTH));
        let (head, body) = (put(), Body::Full(Bytes::from(sent.clone())));
        let asking = async {
            let arrived = send(client, &head, body).await.unwrap();
            assert_eq!(arrived.head.status, 200);
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            assert_eq!(collect(&mut body).await.unwrap().0, b"thanks");
            assert_eq!(place.count(), 1);
        };
        let answering = async {
            read_head(&mut endpoint).await;
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await.unwrap();
            assert!(read_bytes(&mut endpoint, LENGTH).await == sent);
            endpoint.write_all(b"thanks").await.unwrap();
        };
        tokio::join!(asking, answering);
    });
}

#[test]
fn a_connection_with_an_unsent_rest_does_not_come_home() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let place = Place::default();
        let head = put();
        let body = Script::body(Some(100), [Step::data("the beginning"), Step::Never]);
        let asking = async {
            let arrived = send(client, &head, body).await.unwrap();
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            assert_eq!(collect(&mut body).await.unwrap().0, b"no");
            assert_eq!(place.count(), 0);
        };
        let answering = async {
            read_head(&mut endpoint).await;
            assert_eq!(read_bytes(&mut endpoint, 13).await, b"the beginning");
            endpoint.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
            // What was begun cannot be ended: the connection is closed.
            assert_eq!(endpoint.read(&mut [0; 8]).await.unwrap(), 0);
        };
        tokio::join!(asking, answering);
    });
}

#[test]
fn an_endpoint_that_takes_no_more_may_still_have_answered() {
    on_worker(async {
        let (inside, mut endpoint) = tokio::net::UnixStream::pair().unwrap();
        let client = Client::new(Stream::Unix(inside), Moment::now());
        // It has answered and gone before the request begins: every write fails.
        endpoint.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
        drop(endpoint);
        let place = Place::default();
        let arrived = send(client, &put(), Body::Full(Bytes::from(pattern(LENGTH)))).await.unwrap();
        assert_eq!(arrived.head.status, 413);
        let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
        assert_eq!(collect(&mut body).await.unwrap().0, b"big");
        assert_eq!(place.count(), 0);
    });
}

#[test]
fn a_request_body_that_fails_during_an_early_answer_ends_the_answer() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = put();
        let (started, go) = tokio::sync::oneshot::channel();
        let fail = Step::Fail(Error::new(Kind::BodyCutOff));
        let body = Script::body(Some(100), [Step::data("x"), Step::Sleep(Duration::from_millis(50)), fail]);
        let asking = async {
            let arrived = send(client, &head, body).await.unwrap();
            started.send(()).unwrap();
            let place = Place::default();
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            assert_eq!(collect(&mut body).await.unwrap_err().kind, Kind::BodyCutOff);
            assert_eq!(place.count(), 0);
        };
        let answering = async {
            read_head(&mut endpoint).await;
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").await.unwrap();
            go.await.unwrap();
            assert_eq!(read_bytes(&mut endpoint, 1).await, b"x");
            assert_eq!(endpoint.read(&mut [0; 8]).await.unwrap(), 0);
        };
        tokio::join!(asking, answering);
    });
}

#[test]
fn while_the_request_is_being_sent_its_answer_may_pause() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = put();
        let idle = Duration::from_millis(1200);
        let steps = (0..5).flat_map(|_| [Step::Sleep(Duration::from_millis(300)), Step::data("x")]);
        let asking = async {
            let arrived = send(client, &head, Script::body(Some(5), steps)).await.unwrap();
            let (_, mut body) = arrived.into_body(Place::default(), idle, None);
            assert_eq!(collect(&mut body).await.unwrap().0, b"thanks");
        };
        let answering = async {
            read_head(&mut endpoint).await;
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await.unwrap();
            read_bytes(&mut endpoint, 5).await;
            endpoint.write_all(b"thanks").await.unwrap();
        };
        tokio::join!(asking, answering);
    });
}
