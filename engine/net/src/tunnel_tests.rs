//! Tunnels over real sockets: bytes, ends, resets, silence, and a side that does not read.

use std::io::ErrorKind;
use std::time::Instant;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::*;
use crate::testing::{on_worker, pattern, reset, tcp_pair, unix_pair};

/// Long enough to never matter.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tunnel under way and its two outer ends.
async fn joined(idle: Duration) -> (TcpStream, TcpStream, JoinHandle<TunnelReport>) {
    let ((client, client_end), (upstream, upstream_end)) = (tcp_pair().await, tcp_pair().await);
    let running = spawn_local(tunnel(client, upstream, Bytes::new(), Bytes::new(), TunnelOptions { idle }));
    (client_end, upstream_end, running)
}

async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).await.unwrap();
    seen
}

/// Reads to the end, whichever it is.
async fn how_it_ends(stream: &mut TcpStream) -> Result<(), ErrorKind> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.kind()),
        }
    }
}

/// Bounds what the system keeps of what one end sends to the other.
fn keep_small(streams: &[&TcpStream]) {
    for stream in streams {
        let socket = SockRef::from(*stream);
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.set_send_buffer_size(64 << 10).unwrap();
    }
}

/// Writes up to `most` bytes, until nothing has been taken for a while; how many were.
async fn write_until_stuck(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        let writing = stream.write(&bytes[taken..]);
        match tokio::time::timeout(Duration::from_millis(300), writing).await {
            Ok(count) => taken += count.unwrap(),
            Err(_) => break,
        }
    }
    taken
}

#[test]
fn each_side_may_end_its_direction_and_still_be_answered() {
    on_worker(async {
        let (mut client, mut upstream, running) = joined(PATIENCE).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut upstream).await, b"question");
        upstream.write_all(b"a longer answer").await.unwrap();
        upstream.shutdown().await.unwrap();
        assert_eq!(read_all(&mut client).await, b"a longer answer");
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 8, bytes_out: 15, end: End::Closed });

        let (mut client, mut upstream, running) = joined(PATIENCE).await;
        upstream.write_all(b"greeting").await.unwrap();
        upstream.shutdown().await.unwrap();
        assert_eq!(read_all(&mut client).await, b"greeting");
        client.write_all(b"thanks").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut upstream).await, b"thanks");
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 6, bytes_out: 8, end: End::Closed });
    });
}

#[test]
fn what_was_read_before_goes_first_and_counts() {
    on_worker(async {
        let ((client, mut client_end), (upstream, mut upstream_end)) = (tcp_pair().await, tcp_pair().await);
        let (to_upstream, to_client) = (Bytes::from_static(b"early "), Bytes::from_static(b"101 "));
        let running =
            spawn_local(tunnel(client, upstream, to_upstream, to_client, TunnelOptions { idle: Duration::ZERO }));
        client_end.write_all(b"late").await.unwrap();
        client_end.shutdown().await.unwrap();
        upstream_end.write_all(b"frame").await.unwrap();
        upstream_end.shutdown().await.unwrap();
        assert_eq!(read_all(&mut upstream_end).await, b"early late");
        assert_eq!(read_all(&mut client_end).await, b"101 frame");
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 10, bytes_out: 9, end: End::Closed });
    });
}

#[test]
fn megabytes_arrive_intact_at_a_slow_reader_in_both_directions_at_once() {
    on_worker(async {
        let (client, upstream, running) = joined(PATIENCE).await;
        keep_small(&[&client, &upstream]);
        let sent = pattern(16 << 20);
        let (mut client_reads, mut client_writes) = client.into_split();
        let (mut upstream_reads, mut upstream_writes) = upstream.into_split();
        let fast = async {
            client_writes.write_all(&sent).await.unwrap();
            client_writes.shutdown().await.unwrap();
        };
        let slow = async {
            let mut seen = Vec::with_capacity(sent.len());
            let mut pieces = 0;
            while upstream_reads.read_buf(&mut seen).await.unwrap() > 0 {
                pieces += 1;
                if pieces % 64 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            assert!(seen == sent);
        };
        let answer = async {
            upstream_writes.write_all(&sent[..4 << 20]).await.unwrap();
            upstream_writes.shutdown().await.unwrap();
        };
        let answered = async {
            let mut seen = Vec::new();
            client_reads.read_to_end(&mut seen).await.unwrap();
            assert!(seen == sent[..4 << 20]);
        };
        tokio::join!(fast, slow, answer, answered);
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 16 << 20, bytes_out: 4 << 20, end: End::Closed });
    });
}

#[test]
fn nothing_is_read_for_a_side_that_takes_nothing() {
    on_worker(async {
        let ((client, mut client_end), (upstream, mut upstream_end)) = (tcp_pair().await, tcp_pair().await);
        if let (Stream::Tcp(client), Stream::Tcp(upstream)) = (&client, &upstream) {
            keep_small(&[client, upstream, &client_end, &upstream_end]);
        }
        let running =
            spawn_local(tunnel(client, upstream, Bytes::new(), Bytes::new(), TunnelOptions { idle: PATIENCE }));
        let bytes = pattern(32 << 20);
        let taken = write_until_stuck(&mut client_end, &bytes).await;
        // Four socket buffers, one pipe, and what the system adds to them.
        assert!(taken < 4 << 20, "{taken}");
        client_end.shutdown().await.unwrap();
        let mut seen = Vec::new();
        upstream_end.read_to_end(&mut seen).await.unwrap();
        assert!(seen == bytes[..taken]);
        drop(upstream_end);
        assert_eq!(how_it_ends(&mut client_end).await, Ok(()));
        assert_eq!(running.await.unwrap().bytes_in, taken as u64);
    });
}

#[test]
fn a_tunnel_in_which_nothing_moves_ends_after_its_time() {
    on_worker(async {
        let began = Instant::now();
        let (mut client, mut upstream, running) = joined(Duration::from_millis(80)).await;
        let report = running.await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(80));
        assert_eq!(report, TunnelReport { bytes_in: 0, bytes_out: 0, end: End::Idle });
        // Neither side lacks anything, so both see an ordinary end.
        assert_eq!(how_it_ends(&mut client).await, Ok(()));
        assert_eq!(how_it_ends(&mut upstream).await, Ok(()));
    });
}

#[test]
fn bytes_in_one_direction_keep_a_tunnel_alive() {
    on_worker(async {
        let (client, mut upstream, running) = joined(Duration::from_millis(1200)).await;
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1500) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            upstream.write_all(b".").await.unwrap();
        }
        assert!(!running.is_finished());
        drop((client, upstream));
        assert_ne!(running.await.unwrap().end, End::Idle);
    });
}

#[test]
fn who_lacks_bytes_when_time_is_up_gets_a_reset() {
    on_worker(async {
        let (mut client, mut upstream, running) = joined(Duration::from_millis(400)).await;
        let bytes = pattern(64 << 20);
        let writing = spawn_local(async move {
            let _cut_off = client.write_all(&bytes).await;
            client
        });
        assert_eq!(running.await.unwrap().end, End::Idle);
        assert_eq!(how_it_ends(&mut upstream).await, Err(ErrorKind::ConnectionReset));
        drop(writing.await);
    });
}

#[test]
fn a_reset_is_passed_on_as_a_reset() {
    on_worker(async {
        let (mut client, mut upstream, running) = joined(PATIENCE).await;
        client.write_all(b"half a mess").await.unwrap();
        upstream.read_exact(&mut [0; 11]).await.unwrap();
        reset(client);
        assert_eq!(how_it_ends(&mut upstream).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 11, bytes_out: 0, end: End::ClientError });

        let (mut client, mut upstream, running) = joined(PATIENCE).await;
        upstream.write_all(b"half an ans").await.unwrap();
        client.read_exact(&mut [0; 11]).await.unwrap();
        reset(upstream);
        assert_eq!(how_it_ends(&mut client).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 0, bytes_out: 11, end: End::UpstreamError });
    });
}

#[test]
fn a_client_that_was_told_everything_may_close_in_a_hurry() {
    on_worker(async {
        let (mut client, mut upstream, running) = joined(PATIENCE).await;
        upstream.write_all(b"all of it").await.unwrap();
        upstream.shutdown().await.unwrap();
        assert_eq!(read_all(&mut client).await, b"all of it");
        reset(client);
        assert_eq!(running.await.unwrap().end, End::Closed);
    });
}

#[test]
fn an_upstream_that_refuses_the_rest_has_its_answer_passed_on() {
    on_worker(async {
        let ((client, mut client_end), (upstream, mut upstream_end)) = (unix_pair(), unix_pair());
        upstream_end.write_all(b"no, and no more").await.unwrap();
        drop(upstream_end);
        client_end.write_all(b"the rest").await.unwrap();
        let running =
            spawn_local(tunnel(client, upstream, Bytes::new(), Bytes::new(), TunnelOptions { idle: PATIENCE }));
        let mut seen = Vec::new();
        client_end.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"no, and no more");
        assert_eq!(running.await.unwrap(), TunnelReport { bytes_in: 8, bytes_out: 15, end: End::UpstreamError });
    });
}

#[test]
fn an_upstream_that_breaks_off_its_answer_is_named_although_the_client_had_no_more_to_say() {
    on_worker(async {
        let (mut client, mut upstream, running) = joined(PATIENCE).await;
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut upstream).await, b"");
        upstream.write_all(b"half an ans").await.unwrap();
        client.read_exact(&mut [0; 11]).await.unwrap();
        reset(upstream);
        assert_eq!(how_it_ends(&mut client).await, Err(ErrorKind::ConnectionReset));
        assert_eq!(running.await.unwrap().end, End::UpstreamError);
    });
}
