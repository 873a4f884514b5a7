//! `100 Continue`, and other answers before the answer.

use super::*;
use crate::outgoing::{CONTINUE_WAIT, MOST_INTERIM};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_body_that_waits_for_leave_is_sent_once_it_is_given() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let (head, heard) = (expecting(), Heard::default());
        let request = Request { wire: Some(&heard), ..request(&head) };
        let mut upload = Upload::new(Body::Full(Bytes::from_static(b"the body")));
        let answering = async {
            assert!(read_head(&mut endpoint).await.contains("Expect: 100-continue\r\n"));
            let early = tokio::time::timeout(Duration::from_millis(50), endpoint.read_u8()).await;
            assert!(early.is_err(), "{early:?}");
            endpoint.write_all(CONTINUE).await.unwrap();
            assert_eq!(read_bytes(&mut endpoint, 8).await, b"the body");
            endpoint.write_all(OK).await.unwrap();
        };
        let (arrived, ()) = tokio::join!(client.send(&request, &mut upload), answering);
        assert_eq!(arrived.unwrap().head.status, 200);
        // The client of the proxy learns of it by being asked for its body.
        assert!(heard.0.borrow().is_empty());
    });
}

#[test]
fn a_body_that_is_refused_is_never_asked_for() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = expecting();
        let body = Script::body(Some(5), [Step::Fail(Error::because(Kind::Internal, "it was asked for"))]);
        let place = Place::default();
        let asking = async {
            let arrived = send(client, &head, body).await.unwrap();
            assert_eq!(arrived.head.status, 417);
            let (_, mut body) = arrived.into_body(place.clone(), PATIENCE, None);
            let read = collect(&mut body).await;
            assert_eq!(place.count(), 0);
            read
        };
        let answering = async {
            read_head(&mut endpoint).await;
            let answer = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno";
            endpoint.write_all(answer).await.unwrap();
            // The announced body never comes, so the connection is of no more use.
            assert_eq!(endpoint.read(&mut [0; 8]).await.unwrap(), 0);
        };
        let (read, ()) = tokio::join!(asking, answering);
        assert_eq!(read.unwrap().0, b"no");
    });
}

#[test]
fn a_silent_endpoint_gets_the_body_after_a_while() {
    on_worker(async {
        let (client, mut endpoint) = connected().await;
        let head = expecting();
        let request = request(&head);
        let began = Moment::now();
        let mut upload = Upload::new(Body::Full(Bytes::from_static(b"the body")));
        let answering = async {
            read_head(&mut endpoint).await;
            assert_eq!(read_bytes(&mut endpoint, 8).await, b"the body");
            assert!(Moment::now().since(began) >= CONTINUE_WAIT);
            endpoint.write_all(OK).await.unwrap();
        };
        let (arrived, ()) = tokio::join!(client.send(&request, &mut upload), answering);
        assert_eq!(arrived.unwrap().head.status, 200);
    });
}

#[test]
fn without_a_body_nothing_is_waited_for() {
    on_worker(async {
        let arrived = answered(&expecting(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true).await.unwrap();
        assert_eq!(arrived.head.status, 200);
    });
}

async fn with_interims(count: usize) -> (Result<u16, Kind>, Vec<(u16, Vec<String>)>) {
    let (client, mut endpoint) = connected().await;
    let (head, heard) = (get(), Heard::default());
    let request = Request { wire: Some(&heard), ..request(&head) };
    let mut upload = Upload::new(Body::Empty);
    let answering = async {
        read_head(&mut endpoint).await;
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-secret\r\nX-Secret: 1\r\n\r\n";
        let mut all = hint.repeat(count).into_bytes();
        all.extend_from_slice(OK);
        // One byte after the other at the beginning: heads come in pieces.
        for byte in &all[..all.len().min(100)] {
            endpoint.write_all(&[*byte]).await.unwrap();
        }
        // The other side may have had enough.
        let _refused = endpoint.write_all(&all[all.len().min(100)..]).await;
    };
    let (arrived, ()) = tokio::join!(client.send(&request, &mut upload), answering);
    (arrived.map(|arrived| arrived.head.status).map_err(|error| error.kind), heard.0.take())
}

#[test]
fn interim_answers_are_passed_on_without_what_concerns_one_connection() {
    on_worker(async {
        let (status, heard) = with_interims(2).await;
        assert_eq!(status, Ok(200));
        let hint = (103, vec!["Link".to_owned()]);
        assert_eq!(heard, [hint.clone(), hint]);
    });
}

#[test]
fn interim_answers_are_bounded() {
    on_worker(async {
        let most = MOST_INTERIM as usize;
        let (status, heard) = with_interims(most).await;
        assert_eq!((status, heard.len()), (Ok(200), most));
        let (status, heard) = with_interims(most + 1).await;
        assert_eq!((status, heard.len()), (Err(Kind::ResponseMalformed), most));
    });
}
