//! What follows a 101.

use glorieta_net::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::upstreams::{call_of, calling, endpoint};
use super::*;

/// Switches a request; the client's end of the stream that leads to the handler.
async fn switched(house: &House, process: &Fake) -> (u32, UnixStream, Tunnel) {
    let asking = house.ask(&handler(|_| {}));
    let (call, _) = process.begun().await;
    process.answer_as(call, 101, &[("upgrade", "websocket")], glorieta_carrier::Body::Stream);
    match asking.await.unwrap().unwrap() {
        Answered::Switched { head, stream: Stream::Unix(stream), tunnel } => {
            assert_eq!(head.fields.get(glorieta_core::Name::Upgrade), Some(&b"websocket"[..]));
            (call, stream, tunnel)
        }
        _ => panic!("not switched"),
    }
}

#[test]
fn bytes_pass_in_both_directions_until_both_have_ended() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (call, mut client, tunnel) = switched(&house, &process).await;
        process.send(FromHandler::Credit { call, bytes: 1000 });
        client.write_all(b"ping").await.unwrap();
        let data = Bytes::from_static(b"ping");
        assert_eq!(process.receive_but_credit().await, ToHandler::Body { call, data, last: false });
        process.piece(call, b"pong", false);
        let mut got = [0; 4];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"pong");
        process.piece(call, b"bye", true);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"bye");
        drop((client, tunnel));
        until(|| process.process.calls() == 0).await;
        assert_eq!(broken(&house), []);
    });
}

#[test]
fn a_client_that_goes_is_told_with_all_that_it_had_said() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (call, mut client, tunnel) = switched(&house, &process).await;
        process.send(FromHandler::Credit { call, bytes: 1000 });
        client.write_all(b"last").await.unwrap();
        // The credit is on its way to the worker, the bytes are on theirs to the handler.
        tokio::time::sleep(Duration::from_millis(5)).await;
        client.write_all(b"word").await.unwrap();
        drop((client, tunnel));
        let mut said = Vec::new();
        loop {
            let ToHandler::Body { data, last, .. } = process.receive_but_credit().await else { panic!("no piece") };
            said.extend_from_slice(&data);
            if last {
                break;
            }
        }
        assert_eq!(said, b"lastword");
        assert_eq!(process.receive().await, ToHandler::Cancel { call });
        assert_eq!(process.process.calls(), 0);
    });
}

#[test]
fn a_process_that_ends_ends_its_tunnels() {
    on_worker(async {
        let house = House::new();
        let process = house.process("one");
        let (_, mut client, _tunnel) = switched(&house, &process).await;
        house.has_ended(&process);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    });
}

#[test]
fn a_switched_upstream_speaks_with_the_handler() {
    on_worker(async {
        let house = House::new();
        let address = endpoint(|mut stream, head| async move {
            assert!(head.contains("Upgrade: chat\r\nConnection: upgrade"), "{head}");
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\nhello";
            stream.write_all(answer).await.unwrap();
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await.unwrap();
            stream.write_all(&said.to_ascii_uppercase()).await.unwrap();
        })
        .await;
        let process = house.process("one");
        let asking = house.ask(&calling(&address));
        let (call, _) = process.begun().await;
        process.send(call_of(call, |request| {
            request.headers = vec![
                (Bytes::from_static(b"connection"), Bytes::from_static(b"upgrade")),
                (Bytes::from_static(b"upgrade"), Bytes::from_static(b"chat")),
            ];
        }));
        match process.receive_but_credit().await {
            ToHandler::Result { outcome, .. } => match *outcome {
                glorieta_carrier::Outcome::Response { status, body, .. } => {
                    assert_eq!((status, body), (101, glorieta_carrier::Body::Stream));
                }
                failed => panic!("{failed:?}"),
            },
            other => panic!("{other:?}"),
        }
        process.send(FromHandler::CallCredit { call, part: 5, bytes: 1000 });
        process.send(FromHandler::CallBody { call, part: 5, data: Bytes::from_static(b"aloud"), last: true });
        let mut said = Vec::new();
        loop {
            let ToHandler::ResultBody { data, last, .. } = process.receive_but_credit().await else {
                panic!("no piece")
            };
            said.extend_from_slice(&data);
            if last {
                break;
            }
        }
        assert_eq!(said, b"helloALOUD");
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(broken(&house), []);
    });
}
