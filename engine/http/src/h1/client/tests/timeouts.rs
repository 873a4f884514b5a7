//! Endpoints that keep silent or do not read, each within the step that has a time of its own.

use super::*;

const SHORT: Duration = Duration::from_millis(60);

/// The kind with which a request fails, which takes at least the short time.
async fn fails(client: Box<Client>, request: &Request<'_>, body: Body) -> Kind {
    let began = Moment::now();
    let error = client.send(request, &mut Upload::new(body)).await.err().expect("no answer");
    assert!(Moment::now().since(began) >= SHORT);
    error.kind
}

#[test]
fn an_endpoint_that_does_not_answer() {
    on_worker(async {
        let (client, _endpoint) = connected().await;
        let head = get();
        let request = Request { first_byte: SHORT, ..request(&head) };
        assert_eq!(fails(client, &request, Body::Empty).await, Kind::FirstByteTimeout);
        // Part of a head, or a hint, is no answer.
        for part in ["HTTP/1.1 200 O", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
            let (client, mut endpoint) = connected().await;
            endpoint.write_all(part.as_bytes()).await.unwrap();
            assert_eq!(fails(client, &request, Body::Empty).await, Kind::FirstByteTimeout, "{part}");
        }
    });
}

#[test]
fn an_endpoint_that_does_not_read() {
    on_worker(async {
        let (client, _endpoint) = connected().await;
        let head = put();
        let request = Request { idle: SHORT, ..request(&head) };
        let body = Body::Full(Bytes::from(pattern(32 << 20)));
        assert_eq!(fails(client, &request, body).await, Kind::IdleTimeout);
    });
}

#[test]
fn the_deadline_is_above_every_step() {
    on_worker(async {
        let (get, put) = (get(), put());
        let slow = || Script::body(Some(10), [Step::data("12345"), Step::Never]);
        let unread = Body::Full(Bytes::from(pattern(32 << 20)));
        for (head, body) in [(&get, Body::Empty), (&put, slow()), (&put, unread)] {
            let (client, _endpoint) = connected().await;
            let request = Request { deadline: Some(Moment::now().plus(2 * SHORT)), ..request(head) };
            assert_eq!(fails(client, &request, body).await, Kind::Deadline);
        }
    });
}

#[test]
fn the_wait_for_an_answer_begins_when_the_request_is_sent() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = put();
        let first_byte = Duration::from_millis(1500);
        let request = Request { first_byte, idle: SHORT, ..request(&head) };
        // The client sends its body slowly: that is timed where it is read, not here.
        let pause = || Step::Sleep(Duration::from_millis(600));
        let body = Script::body(Some(6), [pause(), Step::data("abc"), pause(), Step::data("def"), pause()]);
        let mut upload = Upload::new(body);
        let answering = async {
            read_head(&mut endpoint).await;
            assert_eq!(read_bytes(&mut endpoint, 6).await, b"abcdef");
            tokio::time::sleep(Duration::from_millis(400)).await;
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        };
        let (arrived, ()) = tokio::join!(client.send(&request, &mut upload), answering);
        assert_eq!(arrived.unwrap().head.status, 200);
    });
}

async fn body_fails(idle: Duration, deadline: Option<Moment>) -> Kind {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning";
    let arrived = answered(&get(), answer, true).await.unwrap();
    let began = Moment::now();
    let place = Place::default();
    let (_, mut body) = arrived.into_body(place.clone(), idle, deadline);
    assert_eq!(body.length(), Some(100));
    let error = collect(&mut body).await.unwrap_err();
    assert!(Moment::now().since(began) >= SHORT);
    assert_eq!(place.count(), 0);
    // Who asks again after an error gets no endless wait.
    assert!(poll_fn(|cx| body.poll_frame(cx)).await.is_none());
    error.kind
}

#[test]
fn a_body_that_pauses_too_long_fails() {
    on_worker(async {
        assert_eq!(body_fails(SHORT, None).await, Kind::IdleTimeout);
        assert_eq!(body_fails(PATIENCE, Some(Moment::now().plus(3 * SHORT))).await, Kind::Deadline);
    });
}

#[test]
fn each_piece_of_a_body_grants_time_anew() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = get();
        let idle = Duration::from_millis(1500);
        let asking = async {
            let arrived = send(client, &head, Body::Empty).await.unwrap();
            let (_, mut body) = arrived.into_body(Place::default(), idle, None);
            collect(&mut body).await.unwrap().0
        };
        let answering = async {
            read_head(&mut endpoint).await;
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n").await.unwrap();
            for piece in [b"a", b"b", b"c", b"d"] {
                tokio::time::sleep(Duration::from_millis(450)).await;
                endpoint.write_all(piece).await.unwrap();
            }
        };
        assert_eq!(tokio::join!(asking, answering).0, b"abcd");
    });
}
