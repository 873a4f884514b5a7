use std::future::poll_fn;
use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::listen::Accepted;
use crate::testing::{on_worker, reset, tcp_pair, unix_pair};

async fn broken_by(stream: &mut Stream) -> Silence {
    poll_fn(|cx| stream.poll_silence_broken(cx)).await
}

fn is_silent(stream: &mut Stream) -> bool {
    stream.poll_silence_broken(&mut Context::from_waker(std::task::Waker::noop())).is_pending()
}

#[test]
fn silence_is_broken_by_bytes_which_stay_to_be_read() {
    on_worker(async {
        let (mut inside, mut outside) = tcp_pair().await;
        assert!(is_silent(&mut inside));
        assert_eq!(inside.peek(), Silence::Unbroken);
        outside.write_all(b"one").await.unwrap();
        assert_eq!(broken_by(&mut inside).await, Silence::Bytes);
        assert_eq!(inside.peek(), Silence::Bytes);
        let mut read = BytesMut::with_capacity(16);
        assert_eq!(poll_fn(|cx| inside.poll_read_into(cx, &mut read, usize::MAX)).await.unwrap(), 3);
        assert_eq!(&read[..], b"one");
        assert!(is_silent(&mut inside));
    });
}

#[test]
fn an_end_and_a_reset_are_told_apart() {
    on_worker(async {
        let (mut inside, mut outside) = tcp_pair().await;
        outside.shutdown().await.unwrap();
        assert_eq!(broken_by(&mut inside).await, Silence::Ended);

        let (mut inside, outside) = tcp_pair().await;
        reset(outside);
        assert_eq!(broken_by(&mut inside).await, Silence::Broken);

        let (mut inside, outside) = unix_pair();
        drop(outside);
        assert_eq!(broken_by(&mut inside).await, Silence::Ended);
    });
}

#[test]
fn reads_append_and_say_the_end() {
    on_worker(async {
        let (mut inside, mut outside) = unix_pair();
        let mut read = BytesMut::with_capacity(64);
        read.extend_from_slice(b"before ");
        outside.write_all(b"after").await.unwrap();
        drop(outside);
        assert_eq!(poll_fn(|cx| inside.poll_read_into(cx, &mut read, usize::MAX)).await.unwrap(), 5);
        assert_eq!(poll_fn(|cx| inside.poll_read_into(cx, &mut read, usize::MAX)).await.unwrap(), 0);
        assert_eq!(&read[..], b"before after");
    });
}

#[test]
fn no_more_is_read_than_is_wanted() {
    on_worker(async {
        let (mut inside, mut outside) = tcp_pair().await;
        outside.write_all(b"head and body").await.unwrap();
        let mut read = BytesMut::with_capacity(64);
        assert_eq!(poll_fn(|cx| inside.poll_read_into(cx, &mut read, 4)).await.unwrap(), 4);
        assert_eq!(inside.peek(), Silence::Bytes);
        assert_eq!(poll_fn(|cx| inside.poll_read_into(cx, &mut read, usize::MAX)).await.unwrap(), 9);
        assert_eq!(&read[..], b"head and body");
    });
}

#[test]
fn two_pieces_leave_in_order_and_either_may_be_empty() {
    on_worker(async {
        let tcp = tcp_pair().await;
        let unix = unix_pair();
        for (mut inside, mut outside) in [(tcp.0, Stream::Tcp(tcp.1)), (unix.0, Stream::Unix(unix.1))] {
            for (first, second) in [(&b"head"[..], &b"body"[..]), (b"", b"body"), (b"head", b"")] {
                let count = poll_fn(|cx| inside.poll_write_two(cx, first, second)).await.unwrap();
                let expected = [first, second].concat();
                assert_eq!(count, expected.len());
                let mut seen = vec![0; count];
                outside.read_exact(&mut seen).await.unwrap();
                assert_eq!(seen, expected);
            }
        }
    });
}

#[test]
fn closing_can_say_reset() {
    on_worker(async {
        let (inside, mut outside) = tcp_pair().await;
        inside.reset_on_close();
        drop(inside);
        let error = outside.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);

        let (inside, mut outside) = tcp_pair().await;
        drop(inside);
        assert_eq!(outside.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn accepted_connections_of_both_kinds_are_taken_over() {
    on_worker(async {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (tcp, peer) = listener.accept().unwrap();
        tcp.set_nonblocking(true).unwrap();
        for accepted in [Accepted::Unix(one), Accepted::Tcp(tcp, peer)] {
            let mut stream = Stream::from_accepted(accepted).unwrap();
            assert!(is_silent(&mut stream));
            stream.write_all(b"!").await.unwrap();
        }
        let mut seen = [0; 2];
        std::io::Read::read_exact(&mut &other, &mut seen[..1]).unwrap();
        std::io::Read::read_exact(&mut &client, &mut seen[1..]).unwrap();
        assert_eq!(&seen, b"!!");
    });
}
