//! One direction of a tunnel: when it copies, when it splices, and how it ends.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::testing::{on_worker, pattern, tcp_pair, unix_pair};

async fn pair(kind: &str) -> (Stream, Stream) {
    if kind == "tcp" {
        let (inside, outside) = tcp_pair().await;
        return (inside, Stream::Tcp(outside));
    }
    let (inside, outside) = unix_pair();
    (inside, Stream::Unix(outside))
}

/// Polls a direction until it has read `bytes` in all and holds none of them back.
async fn move_until(way: &mut Way, from: &mut Stream, to: &mut Stream, bytes: usize) {
    poll_fn(|cx| {
        assert!(way.poll(cx, from, to).is_ok());
        if way.bytes == bytes as u64 && !way.holds_bytes() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn much_in_a_row_is_spliced_and_little_is_copied_again() {
    on_worker(async {
        for kind in ["tcp", "unix"] {
            let ((mut from, mut source), (mut to, mut drain)) = (pair(kind).await, pair(kind).await);
            let mut way = Way::new(Bytes::new(), true);
            assert!(!way.bulk);
            let sent = pattern(1 << 20);
            let mut seen = vec![0; sent.len()];
            let writing = async { source.write_all(&sent).await.unwrap() };
            let reading = async { drain.read_exact(&mut seen).await.unwrap() };
            tokio::join!(writing, reading, move_until(&mut way, &mut from, &mut to, sent.len()));
            assert!(seen == sent, "{kind}");
            assert!(way.bulk && !way.splice_refused, "{kind}");
            let mut total = sent.len();
            for turn in 0..SMALL_TURNS {
                assert!(way.bulk, "{kind} {turn}");
                source.write_all(b"small").await.unwrap();
                total += 5;
                move_until(&mut way, &mut from, &mut to, total).await;
                let mut small = [0; 5];
                drain.read_exact(&mut small).await.unwrap();
                assert_eq!(&small, b"small");
            }
            assert!(!way.bulk, "{kind}");
            assert_eq!((way.bytes, way.moved), (total as u64, 2 * total as u64));
        }
    });
}

#[test]
fn a_destination_that_takes_no_more_leaves_the_source_to_be_read_and_forgotten() {
    on_worker(async {
        let ((mut from, mut source), (mut to, drain)) = (unix_pair(), unix_pair());
        drop(drain);
        let mut way = Way::new(Bytes::new(), true);
        source.write_all(b"for nobody").await.unwrap();
        poll_fn(|cx| {
            assert!(way.poll(cx, &mut from, &mut to).is_ok());
            if way.is_refused() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(way.is_over() && !way.is_done() && !way.holds_bytes());
        let writing = async {
            // Far more than a socket holds: it can only end because it is read.
            source.write_all(&pattern(4 << 20)).await.unwrap();
            drop(source);
        };
        let forgetting = poll_fn(|cx| {
            assert!(way.poll(cx, &mut from, &mut to).is_ok());
            Poll::<()>::Pending
        });
        tokio::select! {
            () = writing => {}
            () = forgetting => {}
        }
    });
}

#[test]
fn the_end_follows_the_last_byte() {
    on_worker(async {
        let ((mut from, mut source), (mut to, mut drain)) = (unix_pair(), unix_pair());
        let mut way = Way::new(Bytes::from_static(b"read before, "), true);
        source.write_all(b"read now").await.unwrap();
        drop(source);
        poll_fn(|cx| {
            assert!(way.poll(cx, &mut from, &mut to).is_ok());
            if way.is_done() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let mut seen = Vec::new();
        drain.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"read before, read now");
        assert_eq!(way.bytes, 21);
    });
}
