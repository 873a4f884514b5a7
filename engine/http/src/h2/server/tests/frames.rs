//! Clients that write frames as no library would.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// GET http://a/ in HPACK: indexed fields, and one literal.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'a'];

/// Reads frames until the connection ends; the code of the last GOAWAY.
async fn goaway(client: &mut TcpStream) -> Option<u32> {
    let mut code = None;
    let mut header = [0_u8; 9];
    while client.read_exact(&mut header).await.is_ok() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; length as usize];
        if client.read_exact(&mut payload).await.is_err() {
            break;
        }
        if header[3] == GOAWAY {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
    code
}

#[test]
fn floods_are_sent_away_and_noted() {
    on_worker(async {
        let ping = frame(PING, 0, 0, &[0; 8]);
        let settings_ack = frame(SETTINGS, 0, 0, &[]);
        let priority = frame(2, 0, 1, &[0, 0, 0, 0, 16]);
        let unknown = frame(0xfa, 0, 0, &[]);
        for flood in [ping, settings_ack, priority, unknown] {
            let (served, client) = serve_raw(settings(), []).await;
            let (mut reader, mut writer) = client.into_split();
            writer.write_all(PREFACE).await.unwrap();
            let flooding = spawn_local(async move {
                let many = flood.repeat(100);
                while writer.write_all(&many).await.is_ok() {}
            });
            let mut all = Vec::new();
            let _ = reader.read_to_end(&mut all).await;
            let goaway = [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0];
            let at = all.windows(9).rposition(|window| window == goaway);
            if let Some(at) = at {
                assert_eq!(all[at + 13..at + 17], ENHANCE_YOUR_CALM.to_be_bytes());
            }
            let broken = served.broken.clone();
            served.ended().await;
            assert_eq!(*broken.borrow(), [Kind::Flood]);
            flooding.abort();
        }
    });
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    on_worker(async {
        let short = Settings { head_timeout: Duration::from_millis(80), ..settings() };
        let (served, mut client) = serve_raw(short, [handler(|_| std::future::pending())]).await;
        let open = frame(1, 0x1, 3, GET);
        client
            .write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &frame(1, 0x5, 1, GET), &open].concat())
            .await
            .unwrap();
        assert_eq!(goaway(&mut client).await, Some(ENHANCE_YOUR_CALM));
        let broken = served.broken.clone();
        served.ended().await;
        assert_eq!(*broken.borrow(), [Kind::HeadTimeout]);
    });
}

#[test]
fn a_preface_that_does_not_come_is_not_waited_for() {
    on_worker(async {
        let short = Settings { head_timeout: Duration::from_millis(50), ..settings() };
        for (bytes, kind) in
            [(&PREFACE[..16], Kind::HeadTimeout), (b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", Kind::ProtocolBroken)]
        {
            let (served, mut client) = serve_raw(short, []).await;
            client.write_all(bytes).await.unwrap();
            goaway(&mut client).await;
            let broken = served.broken.clone();
            served.ended().await;
            assert_eq!(*broken.borrow(), [kind]);
        }
    });
}

#[test]
fn a_client_that_takes_nothing_at_all_is_cut_off() {
    on_worker(async {
        let short = Settings { write_timeout: Duration::from_millis(100), ..settings() };
        let endless = answer(large(pattern(64 << 20)));
        let (served, mut client) = serve_raw(short, [endless]).await;
        // Windows without end: only the socket holds the answer back.
        let window = frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
        let connection = frame(8, 0, 0, &0x7fff_0000_u32.to_be_bytes());
        client.write_all(&[PREFACE, &window, &connection, &frame(1, 0x5, 1, GET)].concat()).await.unwrap();
        let story = served.ended().await;
        assert!(matches!(story[..], [Told::Out(_), Told::Failed(Kind::ClientGone), Told::Over]), "{story:?}");
    });
}

#[test]
fn only_http_2_is_spoken_where_nothing_else_is() {
    on_worker(async {
        let only = Settings { versions: crate::service::Versions { h1: false, h2: true }, ..settings() };
        let (served, mut client) = serve_raw(only, []).await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.starts_with("HTTP/1.1 505 ") && seen.ends_with("version_refused"), "{seen}");
        served.ended().await;

        let other = Settings { versions: crate::service::Versions { h1: true, h2: false }, ..settings() };
        let (served, mut client) = serve_raw(other, []).await;
        client.write_all(PREFACE).await.unwrap();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.starts_with("HTTP/1.1 505 "), "{seen}");
        served.ended().await;
    });
}

#[test]
fn what_the_library_refuses_by_itself_is_written_down() {
    on_worker(async {
        // What was too large still counts as one for a while.
        let few = Settings { streams: 2, ..settings() };
        let (served, mut client) = serve_raw(few, [handler(|_| std::future::pending())]).await;
        // A head with a field of one connection, one that is larger than may be decoded, one that is answered, and one
        // too many.
        let bad = [GET, &[0x00, 0x0a], b"connection", &[0x01, b'x']].concat();
        let large = [GET, &[0x40, 0x01, b'x', 0x04], b"long", &[0xbe_u8; 1200]].concat();
        let frames = [
            PREFACE,
            &frame(SETTINGS, 0, 0, &[]),
            &frame(1, 0x5, 1, &bad),
            &frame(1, 0x5, 3, &large),
            &frame(1, 0x5, 5, GET),
            &frame(1, 0x5, 7, GET),
        ];
        client.write_all(&frames.concat()).await.unwrap();
        let refused = served.refused.clone();
        until(|| refused.borrow().len() == 3).await;
        assert_eq!(*refused.borrow(), [Kind::HeadMalformed, Kind::HeadTooLarge, Kind::TooManyStreams]);
        drop(client);
        served.ended().await;
        assert_eq!(refused.borrow().len(), 3);
    });
}
