use std::future::poll_fn;
use std::sync::Arc;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::testing::{on_worker, pattern};
use crate::tls::testing::Both;
use crate::tls::{Absent, Originator, Terminator, http};

/// A client's end, the engine's, and what holds the certificates.
async fn pair() -> (Stream, Stream, Both) {
    let both = Both::new();
    let terminator = Terminator::build(&both.server, http(true, false), None, Absent::Wrong).unwrap();
    let originator = Originator::build(&both.client, &[], None, Absent::Wrong).unwrap();
    let (outside, inside) = join(&terminator, &originator).await;
    (outside, inside, both)
}

async fn join(terminator: &Arc<Terminator>, originator: &Arc<Originator>) -> (Stream, Stream) {
    let (one, other) = tokio::net::UnixStream::pair().unwrap();
    let target = originator.target(Some("shop.example")).unwrap();
    let (connected, accepted) =
        tokio::join!(target.connect(Stream::Unix(one)), terminator.accept(Stream::Unix(other), None));
    (connected.unwrap(), accepted.unwrap().0)
}

fn is_silent(stream: &mut Stream) -> bool {
    stream.poll_silence_broken(&mut Context::from_waker(std::task::Waker::noop())).is_pending()
}

async fn broken_by(stream: &mut Stream) -> Silence {
    poll_fn(|cx| stream.poll_silence_broken(cx)).await
}

fn session(stream: &Stream) -> &Session {
    let Stream::Tls(session) = stream else { panic!("not encrypted") };
    session
}

#[test]
fn what_is_written_arrives_in_order_whatever_its_size() {
    on_worker(async {
        let (mut outside, mut inside, _both) = pair().await;
        let sent = pattern(3 << 20);
        let sending = async {
            let mut at = 0;
            for size in [1, 100, 5_000, 16_384, 16_385, 100_000, 1 << 20, usize::MAX] {
                let end = at + size.min(sent.len() - at);
                outside.write_all(&sent[at..end]).await.unwrap();
                at = end;
            }
            outside.shutdown().await.unwrap();
            outside
        };
        let reading = async {
            let mut seen = Vec::new();
            // Buffers of any size, so that records are taken in pieces.
            for size in [1, 7, 20_000, 3, 64_000].iter().cycle() {
                let mut buffer = vec![0; *size];
                match inside.read(&mut buffer).await.unwrap() {
                    0 => break,
                    count => seen.extend_from_slice(&buffer[..count]),
                }
                tokio::task::yield_now().await;
            }
            (seen, inside)
        };
        let (mut outside, (seen, mut inside)) = tokio::join!(sending, reading);
        assert!(seen == sent);
        // The other direction is still open.
        inside.write_all(b"an answer").await.unwrap();
        let mut answer = [0; 9];
        outside.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"an answer");
    });
}

#[test]
fn two_pieces_leave_as_one_record() {
    on_worker(async {
        let (mut outside, mut inside, _both) = pair().await;
        assert_eq!(poll_fn(|cx| inside.poll_write_two(cx, b"head", b"body")).await.unwrap(), 8);
        let mut seen = [0; 8];
        outside.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"headbody");
    });
}

#[test]
fn tickets_break_no_silence_and_what_does_is_told_apart() {
    on_worker(async {
        let (mut outside, mut inside, _both) = pair().await;
        // The server has sent its tickets behind the handshake.
        assert!(is_silent(&mut outside) && is_silent(&mut inside));
        inside.write_all(b"!").await.unwrap();
        assert_eq!(broken_by(&mut outside).await, Silence::Bytes);
        assert_eq!(outside.read(&mut [0; 8]).await.unwrap(), 1);
        assert!(is_silent(&mut outside));
        inside.shutdown().await.unwrap();
        assert_eq!(broken_by(&mut outside).await, Silence::Ended);
        drop(outside);
        let (outside, mut inside, _both) = pair().await;
        drop(outside);
        assert_eq!(broken_by(&mut inside).await, Silence::Broken);
    });
}

#[test]
fn a_stream_that_is_cut_off_is_not_taken_for_whole() {
    on_worker(async {
        let (mut outside, mut inside, _both) = pair().await;
        outside.write_all(b"half of").await.unwrap();
        // Tickets that nobody has read would make it a reset.
        inside.write_all(b"!").await.unwrap();
        outside.read_exact(&mut [0]).await.unwrap();
        drop(outside);
        let mut seen = [0; 100];
        assert_eq!(inside.read(&mut seen).await.unwrap(), 7);
        assert_eq!(inside.read(&mut seen).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_reader_that_stands_still_bounds_what_is_held() {
    on_worker(async {
        let (mut outside, mut inside, _both) = pair().await;
        let bytes = pattern(64 << 10);
        let mut taken = 0;
        // Until neither the socket nor the session takes more.
        while let Poll::Ready(count) =
            Pin::new(&mut inside).poll_write(&mut Context::from_waker(std::task::Waker::noop()), &bytes)
        {
            taken += count.unwrap();
            assert!(taken < 8 << 20, "{taken} bytes were taken");
        }
        // What is held goes out while the session is only read from.
        let mut seen = vec![0; taken];
        let reading = async {
            outside.read_exact(&mut seen).await.unwrap();
            outside.write_all(b"done").await.unwrap();
        };
        let mut word = [0; 4];
        let (_, read) = tokio::join!(reading, inside.read_exact(&mut word));
        read.unwrap();
        assert_eq!(&word, b"done");
    });
}

#[test]
fn an_idle_session_keeps_no_buffer_of_ours() {
    on_worker(async {
        let (mut outside, mut inside, _both) = pair().await;
        outside.write_all(&pattern(50_000)).await.unwrap();
        let mut seen = vec![0; 50_000];
        inside.read_exact(&mut seen).await.unwrap();
        assert!(is_silent(&mut inside));
        assert_eq!((session(&inside).unread.len(), session(&inside).plain), (0, 0));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However a stream is cut into writes and reads, what arrives is what was sent.
    #[test]
    fn pieces_of_any_size_make_the_same_stream(
        writes in prop::collection::vec(1_usize..40_000, 1..12),
        reads in prop::collection::vec(1_usize..50_000, 1..8),
    ) {
        on_worker(async {
            let (mut outside, mut inside, _both) = pair().await;
            let sent = pattern(writes.iter().sum());
            let sending = async {
                let mut at = 0;
                for size in &writes {
                    outside.write_all(&sent[at..at + size]).await.unwrap();
                    at += size;
                }
                outside.shutdown().await.unwrap();
                outside
            };
            let reading = async {
                let mut seen = Vec::new();
                for size in reads.iter().cycle() {
                    let mut buffer = vec![0; *size];
                    match inside.read(&mut buffer).await.unwrap() {
                        0 => return seen,
                        count => seen.extend_from_slice(&buffer[..count]),
                    }
                }
                seen
            };
            let (_open, seen) = tokio::join!(sending, reading);
            assert!(seen == sent, "{writes:?} {reads:?}");
        });
    }
}
