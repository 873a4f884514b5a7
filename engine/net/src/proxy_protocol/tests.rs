use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::testing::{on_worker, tcp_pair};

const LOCAL: &[u8] = b"\x20\x00\x00\x00";

fn block(after_signature: &[&[u8]]) -> Vec<u8> {
    [SIGNATURE.as_slice(), &after_signature.concat()].concat()
}

/// A header of version 2 with this family and these parts.
fn proxied(family: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    block(&[&[0x21, family], &(content.len() as u16).to_be_bytes(), &content])
}

fn value(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], (bytes.len() as u16).to_be_bytes().as_slice(), bytes].concat()
}

const FOUR: &[u8] = b"\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb";

fn internet(client: &str, server: &str) -> Origin {
    Origin::Internet { client: client.parse().unwrap(), server: server.parse().unwrap() }
}

fn whole(bytes: &[u8]) -> Header {
    match parse(bytes) {
        Ok(Parsed::Whole(header, length)) => {
            assert_eq!(length, bytes.len());
            header
        }
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

fn wrong(bytes: &[u8]) -> &'static str {
    match parse(bytes) {
        Err(Malformed(why)) => why,
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

#[test]
fn lines_are_read() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(long.len(), 107);
    for (line, origin) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", internet("192.0.2.1:56324", "198.51.100.1:443")),
        ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", internet("0.0.0.0:0", "0.0.0.0:0")),
        ("PROXY TCP6 :: ::1 65535 1\r\n", internet("[::]:65535", "[::1]:1")),
        ("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n", internet("[2001:db8::1]:1", "[::ffff:192.0.2.1]:2")),
        ("PROXY UNKNOWN\r\n", Origin::Peer),
        ("PROXY UNKNOWN ffff::1 any thing\0 \r at all\r\n", Origin::Peer),
        (&long, Origin::Peer),
    ] {
        assert_eq!(whole(line.as_bytes()), Header { origin, ..Header::default() });
    }
}

#[test]
fn lines_that_break_the_rules_are_refused() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    for (line, why) in [
        ("GET / HTTP/1.1\r\n\r\n", "something else"),
        ("proxy UNKNOWN\r\n", "something else"),
        ("PROXY\tUNKNOWN\r\n", "something else"),
        (" PROXY UNKNOWN\r\n", "something else"),
        ("PROXY UNKNOWN\n", "without a CR"),
        ("PROXY \r\n", "family"),
        ("PROXY UNKNOWNS\r\n", "family"),
        ("PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", "family"),
        ("PROXY TCP4\r\n", "an address"),
        ("PROXY TCP4 1.1.1.1\r\n", "an address"),
        ("PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n", "an address"),
        ("PROXY TCP4 1.1.1.01 2.2.2.2 1 2\r\n", "an address"),
        ("PROXY TCP4 ::1 ::1 1 2\r\n", "an address"),
        ("PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n", "an address"),
        ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "an address"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "a port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", "a port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", "a port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n", "a port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n", "a port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n", "a port"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", "follows"),
        ("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", "follows"),
        ("PROXY TCP4 \u{e9}.1.1.1 2.2.2.2 1 2\r\n", "an address"),
        (&long, "107"),
        (&"PROXY UNKNOWN ".repeat(20), "107"),
    ] {
        let said = wrong(line.as_bytes());
        assert!(said.contains(why), "{line:?}: {said}");
    }
    assert_eq!(wrong(b"PROXY TCP4 \xff\r\n"), "its line is not ASCII");
}

#[test]
fn blocks_are_read() {
    let six = [0x20_u8, 1, 0x0d, 0xb8].iter().copied().chain([0; 11]).chain([1]).chain([0; 15]).chain([1]);
    let six: Vec<u8> = six.chain([0, 80, 0x1f, 0x90]).collect();
    for (bytes, origin) in [
        (proxied(0x11, &[FOUR]), internet("192.0.2.1:56324", "198.51.100.1:443")),
        (proxied(0x12, &[FOUR]), internet("192.0.2.1:56324", "198.51.100.1:443")),
        (proxied(0x21, &[&six]), internet("[2001:db8::1]:80", "[::1]:8080")),
        (proxied(0x31, &[&[b'a'; 216]]), Origin::Unix),
        (proxied(0x00, &[]), Origin::Peer),
        (proxied(0x00, &[b"whatever this is"]), Origin::Peer),
        (block(&[LOCAL]), Origin::Peer),
        (block(&[b"\x20\x11\x00\x0c", FOUR]), Origin::Peer),
        (block(&[b"\x20\xff\x00\x03abc"]), Origin::Peer),
    ] {
        assert_eq!(whole(&bytes), Header { origin, ..Header::default() });
    }
}

#[test]
fn what_else_is_said_is_read() {
    let tls = [&[0x07, 0, 0, 0, 0][..], &value(0x21, b"TLSv1.3"), &value(0x22, b"billing")].concat();
    let parts: &[&[u8]] = &[
        FOUR,
        &value(0x01, b"h2"),
        &value(0x02, b"Shop.Example"),
        &value(0x04, &[0; 7]),
        &value(0x05, b"id-1"),
        &value(0x20, &tls),
        &value(0xea, b"vpce-1"),
    ];
    let header = whole(&proxied(0x11, parts));
    assert_eq!(header.alpn.as_deref(), Some(&b"h2"[..]));
    assert_eq!(header.authority.as_deref(), Some("shop.example"));
    assert_eq!(header.unique_id.as_deref(), Some(&b"id-1"[..]));
    assert_eq!(header.tls, Some(Tls { version: "1.3", certificate: true, verified: true }));
    for (bytes, tls) in [
        (&b"\x00\x00\x00\x00\x00"[..], None),
        (b"\x01\x00\x00\x00\x00", Some(Tls::default())),
        (b"\x03\x00\x00\x00\x01", Some(Tls { version: "", certificate: true, verified: false })),
        (b"\x01\x00\x00\x00\x00\x21\x00\x04SSLv", Some(Tls::default())),
    ] {
        assert_eq!(whole(&proxied(0x11, &[FOUR, &value(0x20, bytes)])).tls, tls);
    }
}

#[test]
fn blocks_that_break_the_rules_are_refused() {
    for (bytes, why) in [
        (block(&[b"\x11\x11\x00\x0c", FOUR]), "version"),
        (block(&[b"\x31"]), "version"),
        (block(&[b"\x22\x11\x00\x0c", FOUR]), "command"),
        (block(&[b"\x2f"]), "command"),
        (proxied(0x11, &[&FOUR[..11]]), "too short"),
        (proxied(0x11, &[]), "too short"),
        (proxied(0x21, &[&[0; 35]]), "too short"),
        (proxied(0x31, &[&[0; 215]]), "too short"),
        (proxied(0x10, &[FOUR]), "family"),
        (proxied(0x13, &[FOUR]), "family"),
        (proxied(0x41, &[FOUR]), "family"),
        (proxied(0x11, &[FOUR, b"\x01"]), "longer than what is left"),
        (proxied(0x11, &[FOUR, b"\x01\x00"]), "longer than what is left"),
        (proxied(0x11, &[FOUR, b"\x01\x00\x02h"]), "longer than what is left"),
        (proxied(0x11, &[FOUR, b"\x01\xff\xffh2"]), "longer than what is left"),
        (proxied(0x11, &[FOUR, &value(0x02, b"")]), "not what its type"),
        (proxied(0x11, &[FOUR, &value(0x02, b"a\r\nb")]), "not what its type"),
        (proxied(0x11, &[FOUR, &value(0x02, b"\xff")]), "not what its type"),
        (proxied(0x11, &[FOUR, &value(0x02, &[b'a'; 256])]), "not what its type"),
        (proxied(0x11, &[FOUR, &value(0x05, &[b'a'; 129])]), "not what its type"),
        (proxied(0x11, &[FOUR, &value(0x02, b"a"), &value(0x02, b"b")]), "twice"),
        (proxied(0x11, &[FOUR, &value(0x20, &[1, 0, 0, 0])]), "TLS is too short"),
        (proxied(0x11, &[FOUR, &value(0x20, &[1, 0, 0, 0, 0, 0x21, 0, 9])]), "longer than what is left"),
        (proxied(0x11, &[FOUR, &value(0x03, &[0; 4])]), "checksum"),
        (proxied(0x11, &[FOUR, &value(0x03, &[0; 3])]), "checksum"),
        (proxied(0x11, &[FOUR, &[0; 4096]]), "4096"),
        (block(&[b"\x20\x00\xff\xff"]), "4096"),
    ] {
        let said = wrong(&bytes);
        assert!(said.contains(why), "{}: {said}", bytes.escape_ascii());
    }
}

#[test]
fn a_checksum_holds_for_every_byte() {
    let ends = Some(("192.0.2.1:5".parse().unwrap(), "192.0.2.2:6".parse().unwrap()));
    let good = announce(Version::V2, &Announcement { ends, authority: Some("shop.example"), ..Default::default() });
    whole(&good);
    for at in SIGNATURE.len() + 4..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(!matches!(parse(&bad), Ok(Parsed::Whole(..))), "byte {at}");
    }
}

#[test]
fn addresses_are_written_in_one_family() {
    for (client, server, text) in [
        ("192.0.2.1:5", "198.51.100.1:6", "PROXY TCP4 192.0.2.1 198.51.100.1 5 6\r\n"),
        ("[::ffff:192.0.2.1]:5", "[::ffff:198.51.100.1]:6", "PROXY TCP4 192.0.2.1 198.51.100.1 5 6\r\n"),
        ("192.0.2.1:5", "[2001:db8::1]:6", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 5 6\r\n"),
        ("[2001:db8::2]:5", "[2001:db8::1]:6", "PROXY TCP6 2001:db8::2 2001:db8::1 5 6\r\n"),
    ] {
        let ends = Some((client.parse().unwrap(), server.parse().unwrap()));
        let written = announce(Version::V1, &Announcement { ends, ..Announcement::default() });
        assert_eq!(String::from_utf8(written.clone()).unwrap(), text);
        let block = announce(Version::V2, &Announcement { ends, ..Announcement::default() });
        assert_eq!(whole(&block).origin, whole(&written).origin);
    }
    for version in [Version::V1, Version::V2] {
        assert_eq!(whole(&announce_own(version)), Header::default());
        assert_eq!(whole(&announce(version, &Announcement::default())), Header::default());
    }
    assert_eq!(announce_own(Version::V2), block(&[LOCAL]));
}

#[test]
fn only_the_header_is_taken() {
    let ends = Some(("192.0.2.1:5".parse().unwrap(), "192.0.2.2:6".parse().unwrap()));
    let announcement = Announcement { ends, authority: Some("shop.example"), ..Announcement::default() };
    for version in [Version::V1, Version::V2] {
        on_worker(async {
            let (mut inside, mut outside) = tcp_pair().await;
            outside.write_all(&announce(version, &announcement)).await.unwrap();
            outside.write_all(b"after").await.unwrap();
            let header = read_header(&mut inside).await.unwrap();
            assert_eq!(header.origin, internet("192.0.2.1:5", "192.0.2.2:6"));
            let mut rest = bytes::BytesMut::with_capacity(64);
            std::future::poll_fn(|cx| inside.poll_read_into(cx, &mut rest, 64)).await.unwrap();
            assert_eq!(&rest[..], b"after");
        });
    }
}

#[test]
fn who_goes_before_the_end_is_gone_and_nonsense_is_told_at_once() {
    on_worker(async {
        let (mut inside, mut outside) = tcp_pair().await;
        outside.write_all(b"PROXY TCP4 192.0").await.unwrap();
        drop(outside);
        assert!(matches!(read_header(&mut inside).await, Err(NoHeader::Gone)));
        // It stays open: what is wrong is known before more comes.
        let (mut inside, mut outside) = tcp_pair().await;
        outside.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert!(matches!(read_header(&mut inside).await, Err(NoHeader::Malformed(_))));
    });
}

fn address() -> impl Strategy<Value = SocketAddr> {
    any::<(std::net::IpAddr, u16)>().prop_map(|(ip, port)| SocketAddr::new(ip.to_canonical(), port))
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        ends in (address(), address()),
        name in proptest::option::of("[a-z0-9.-]{1,60}"),
        id in proptest::option::of("[0-9a-f]{1,128}"),
        tls in proptest::option::of((any::<bool>(), any::<bool>(), prop_oneof![Just("1.2"), Just("1.3"), Just("")])),
    ) {
        let tls = tls.map(|(certificate, verified, version)| Tls { version, certificate, verified: certificate && verified });
        let announcement =
            Announcement { ends: Some(ends), authority: name.as_deref(), tls, unique_id: id.as_deref() };
        let header = whole(&announce(Version::V2, &announcement));
        prop_assert_eq!(header.authority.as_deref(), name.as_deref());
        prop_assert_eq!(header.unique_id.as_deref(), id.as_deref().map(str::as_bytes));
        prop_assert_eq!(header.tls, tls);
        let Origin::Internet { client, server } = header.origin else { panic!("{header:?}") };
        let plain = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
        prop_assert_eq!((plain(client), plain(server)), ends);
        prop_assert_eq!(whole(&announce(Version::V1, &announcement)).origin, header.origin);
    }

    /// However the bytes come, what is asked for next never reaches beyond the header.
    #[test]
    fn no_byte_too_many_is_asked_for(ends in (address(), address()), cut in any::<prop::sample::Index>()) {
        let announcement = Announcement { ends: Some(ends), authority: Some("a.example"), ..Announcement::default() };
        let headers = [Version::V1, Version::V2].map(|version| [announce(version, &announcement), announce_own(version)]);
        for bytes in headers.as_flattened() {
            let begun = cut.index(bytes.len());
            let Ok(Parsed::More(more)) = parse(&bytes[..begun]) else { panic!("{begun}") };
            prop_assert!(more >= 1 && begun + more <= bytes.len(), "{} of {}", begun + more, bytes.len());
        }
    }

    #[test]
    fn no_input_breaks_the_reader(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), how in 0..3) {
        match how {
            1 => bytes.splice(..0, *SIGNATURE).for_each(drop),
            2 => bytes.splice(..0, *b"PROXY ").for_each(drop),
            _ => {}
        }
        if let Ok(Parsed::Whole(_, length)) = parse(&bytes) {
            prop_assert!(length <= bytes.len());
        }
    }
}
