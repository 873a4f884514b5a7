use std::future::poll_fn;
use std::net::UdpSocket as StdSocket;

use super::*;
use crate::activation::Activation;
use crate::listen::{self, Socket, Transport};
use crate::testing::{on_worker, pattern};

fn entry(bind: &str) -> Entry {
    let opened = listen::open(bind, Transport::Datagram, 1, &Activation::default()).unwrap();
    let Some(Socket::Udp(group)) = opened.sockets.into_iter().next() else { panic!("no socket") };
    Entry::new(group.socket(0).unwrap()).unwrap()
}

type Seen = (Vec<u8>, SocketAddr, Option<IpAddr>);

async fn received(entry: &Entry, wanted: usize) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    while seen.len() < wanted {
        let take = |each: Datagram<'_>| seen.push((each.bytes.to_vec(), each.client, each.server));
        let mut take = Some(take);
        poll_fn(|cx| entry.poll_receive(cx, |each| take.as_mut().unwrap()(each))).await.unwrap();
    }
    seen
}

#[test]
fn datagrams_of_every_size_arrive_whole_and_in_order() {
    on_worker(async {
        let entry = entry("127.0.0.1:0");
        let client = StdSocket::bind("127.0.0.1:0").unwrap();
        let sizes = [0, 1, 512, 1472, 9000, 65_507];
        let sent: Vec<Vec<u8>> = sizes.into_iter().map(pattern).collect();
        for bytes in &sent {
            client.send_to(bytes, entry.local_address().unwrap()).unwrap();
        }
        let seen = received(&entry, sizes.len()).await;
        assert_eq!(seen.iter().map(|(bytes, ..)| bytes.clone()).collect::<Vec<_>>(), sent);
        assert!(seen.iter().all(|(_, from, to)| *from == client.local_addr().unwrap() && to.is_none()));
    });
}

#[test]
fn more_than_a_batch_arrives() {
    on_worker(async {
        let entry = entry("127.0.0.1:0");
        let clients: Vec<StdSocket> = (0..5).map(|_| StdSocket::bind("127.0.0.1:0").unwrap()).collect();
        let to = entry.local_address().unwrap();
        for number in 0..100_u8 {
            clients[usize::from(number % 5)].send_to(&[number], to).unwrap();
        }
        let seen = received(&entry, 100).await;
        assert_eq!(seen.iter().map(|(bytes, ..)| bytes[0]).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_socket_at_every_address_answers_from_the_one_that_was_asked() {
    on_worker(async {
        for (bind, asked) in [("0.0.0.0:0", "127.0.0.7"), ("*:0", "127.0.0.8"), ("*:0", "::1")] {
            let entry = entry(bind);
            let port = entry.local_address().unwrap().port();
            let asked: IpAddr = asked.parse().unwrap();
            // A machine without IPv6 has no such address.
            let Ok(client) = StdSocket::bind((if asked.is_ipv4() { "127.0.0.1" } else { "::1" }, 0)) else { continue };
            // It takes answers from that address only.
            client.connect((asked, port)).unwrap();
            client.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            client.send(b"question").unwrap();
            let (bytes, from, to) = received(&entry, 1).await.remove(0);
            assert_eq!((bytes.as_slice(), to.unwrap().to_canonical()), (&b"question"[..], asked));
            entry.send(b"answer", from, to).unwrap();
            let mut buffer = [0; 16];
            let count = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"answer");
        }
    });
}

#[test]
fn a_line_goes_both_ways_and_hears_of_refusals() {
    on_worker(async {
        let server = StdSocket::bind("127.0.0.1:0").unwrap();
        let line = Line::to(server.local_addr().unwrap()).unwrap();
        line.send(b"question").unwrap();
        let mut buffer = [0; 16];
        let (count, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"question");
        for answer in [&b"one"[..], b"", b"three"] {
            server.send_to(answer, from).unwrap();
        }
        let mut seen: Vec<Vec<u8>> = Vec::new();
        while seen.len() < 3 {
            poll_fn(|cx| line.poll_receive(cx, |bytes| seen.push(bytes.to_vec()))).await.unwrap();
        }
        assert_eq!(seen, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
        drop(server);
        line.send(b"is anybody there").unwrap();
        let error = poll_fn(|cx| line.poll_receive(cx, |_| panic!("nobody is there"))).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn an_address_is_shared_with_no_other_program() {
    let taken = StdSocket::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let error = listen::open(&bind, Transport::Datagram, 2, &Activation::default()).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    // TCP has ports of its own.
    assert!(listen::open(&bind, Transport::Stream, 2, &Activation::default()).is_ok());
    drop(taken);
    let first = listen::open(&bind, Transport::Datagram, 2, &Activation::default()).unwrap();
    assert_eq!((first.address.to_string(), first.sockets.len()), (bind.clone(), 2));
    assert!(listen::open(&bind, Transport::Datagram, 2, &Activation::default()).is_err());
    for (bind, part) in [("unix:/run/a.sock", "datagrams"), ("systemd:dns", "bind an address")] {
        let error = listen::open(bind, Transport::Datagram, 1, &Activation::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
