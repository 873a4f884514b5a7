//! Inputs 7–9 and 14 of the attack list, trailers, and cuts at every byte.

use glorieta_core::Kind;
use proptest::prelude::*;

use super::super::{ChunkStep, ChunkedDecoder, TrailerLimits, write_chunk_end, write_chunk_head, write_last_chunk};

/// Data, trailers as text, and how much input was left over; `None` while the end has not come.
type Decoded = Result<(Vec<u8>, Option<(String, usize)>), Kind>;

/// Decodes `input` given in pieces that end at `cuts`.
fn decode(input: &[u8], cuts: &[usize]) -> Decoded {
    let mut decoder = ChunkedDecoder::new(Kind::FramingRefused, TrailerLimits::default());
    let mut data = Vec::new();
    let mut at = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        while at < end {
            match decoder.decode(&input[at..end]).map_err(|error| error.kind)? {
                ChunkStep::Need { consumed } => {
                    assert_eq!(at + consumed, end, "nothing may be left behind");
                    at = end;
                }
                ChunkStep::Data { skip, length } => {
                    assert!(length > 0);
                    data.extend_from_slice(&input[at + skip..at + skip + length]);
                    at += skip + length;
                }
                ChunkStep::End { consumed, trailers } => {
                    assert!(decoder.is_done());
                    let trailers = trailers.map_or(String::new(), |fields| format!("{fields:?}"));
                    return Ok((data, Some((trailers, input.len() - at - consumed))));
                }
            }
        }
    }
    Ok((data, None))
}

fn whole(input: &[u8]) -> Decoded {
    decode(input, &[])
}

fn ended(data: &[u8], trailers: &str, left: usize) -> Decoded {
    Ok((data.to_vec(), Some((trailers.to_owned(), left))))
}

#[test]
fn good_bodies() {
    assert_eq!(whole(b"0\r\n\r\n"), ended(b"", "", 0));
    assert_eq!(whole(b"0000\r\n\r\nGET"), ended(b"", "", 3));
    assert_eq!(whole(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), ended(b"hello world", "", 0));
    assert_eq!(whole(b"A;a=b;c=\"d\"\r\n0123456789\r\n0;x\r\n\r\n"), ended(b"0123456789", "", 0));
    assert_eq!(whole(b"0000000000000001\r\nx\r\n0\r\n\r\n"), ended(b"x", "", 0));
    assert_eq!(whole(b"5\r\nhel"), Ok((b"hel".to_vec(), None)));
}

#[test]
fn attack_7_sizes() {
    for size in [
        &b"0_2e"[..],
        b"0x1",
        b"-0x0",
        b"+1",
        b" 0",
        b"0 ",
        b"1 ",
        b"1these-bytes",
        b"",
        b";a",
        b"ffffffffffffffff",
        b"8000000000000001",
        b"00000000000000001",
        b"g",
        b"\t1",
        b"1\t;a",
        b"\xb2",
        b"1\0",
    ] {
        let input = [size, b"\r\nx\r\n0\r\n\r\n"].concat();
        assert_eq!(whole(&input), Err(Kind::FramingRefused), "{:?}", String::from_utf8_lossy(size));
    }
    let mut largest = ChunkedDecoder::new(Kind::ResponseMalformed, TrailerLimits::default());
    assert!(matches!(largest.decode(b"8000000000000000\r\nx"), Ok(ChunkStep::Data { skip: 18, length: 1 })));
}

#[test]
fn attacks_8_and_9_line_ends() {
    for input in [
        &b"2\r\r;a\r\nxx\r\n0\r\n\r\n"[..],
        b"1;a=b\r\rXx\r\n0\r\n\r\n",
        b"1;a\rb\r\nx\r\n0\r\n\r\n",
        b"1;a\nx\r\n0\r\n\r\n",
        b"1;\0\r\nx\r\n0\r\n\r\n",
        b"1\nx\r\n0\r\n\r\n",
        b"1\r\nx\n0\r\n\r\n",
        b"1\r\nx\rX0\r\n\r\n",
        b"1\r\nxXX\r\n0\r\n\r\n",
        b"1\r\nx0\r\n\r\n",
        b"\r\n1\r\nx\r\n0\r\n\r\n",
        b"1\r\nx\r\n\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\n\r\n",
        b"0\r\n\rX",
        b"0\r\nX:POST\n\r\n",
        b"0\r\nX: a\rb\r\n\r\n",
    ] {
        assert_eq!(whole(input), Err(Kind::FramingRefused), "{:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn extensions_are_bounded() {
    let chunk = |length: usize| format!("1;{}\r\nx\r\n", "e".repeat(length));
    assert!(whole(format!("{}0\r\n\r\n", chunk(256)).as_bytes()).is_ok());
    assert_eq!(whole(chunk(257).as_bytes()), Err(Kind::FramingRefused));
    assert!(whole(chunk(256).repeat(64).as_bytes()).is_ok());
    assert_eq!(whole(chunk(256).repeat(65).as_bytes()), Err(Kind::FramingRefused));
}

#[test]
fn attack_14_data_that_looks_like_an_end_stays_data() {
    let smuggled = b"0\r\n\r\nGET /evil HTTP/1.1\r\n";
    let input = [format!("{:x}\r\n", smuggled.len()).as_bytes(), smuggled, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(whole(&input), ended(smuggled, "", 0));
}

#[test]
fn trailers_are_read_strictly_and_the_dangerous_ones_dropped() {
    assert_eq!(whole(b"0\r\nX-Sum: 1\r\nETag: \"e\"\r\n\r\n"), ended(b"", r#"{"X-Sum": "1", "ETag": "\"e\""}"#, 0));
    let dropped = b"0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\nCookie: c\r\n\
        Set-Cookie: s\r\nContent-Type: t\r\ncontent-anything: t\r\nX-Forwarded-For: 1\r\nConnection: x\r\nIf-None: x\r\n\
        Age: 1\r\nTE: x\r\nTrailer: x\r\nCache-Control: x\r\nSec-Anything: x\r\nX: kept\r\n\r\n";
    assert_eq!(whole(dropped), ended(b"", r#"{"X": "kept"}"#, 0));
    assert_eq!(whole(b"0\r\nHost: b\r\n\r\n"), ended(b"", "", 0));
    for lines in ["X : 1", " X: 1", "X: 1\r\n folded", "X", ": 1", "X\0: 1", "X: \x07"] {
        assert_eq!(whole(format!("0\r\n{lines}\r\n\r\n").as_bytes()), Err(Kind::FramingRefused), "{lines:?}");
    }
    assert_eq!(whole(format!("0\r\nX: {}\r\n\r\n", "x".repeat(9000)).as_bytes()), Err(Kind::FramingRefused));
    assert_eq!(whole(format!("0\r\n{}\r\n", "X: 1\r\n".repeat(33)).as_bytes()), Err(Kind::FramingRefused));
    assert!(whole(format!("0\r\n{}\r\n", "X: 1\r\n".repeat(32)).as_bytes()).is_ok());
}

#[test]
fn a_failed_decoder_stays_failed_and_a_finished_one_finished() {
    let mut decoder = ChunkedDecoder::new(Kind::ResponseMalformed, TrailerLimits::default());
    assert_eq!(decoder.decode(b"x").unwrap_err().kind, Kind::ResponseMalformed);
    assert_eq!(decoder.decode(b"0\r\n\r\n").unwrap_err().kind, Kind::ResponseMalformed);
    let mut decoder = ChunkedDecoder::new(Kind::ResponseMalformed, TrailerLimits::default());
    assert!(matches!(decoder.decode(b"0\r\n\r\nx"), Ok(ChunkStep::End { consumed: 5, .. })));
    assert!(matches!(decoder.decode(b"x"), Ok(ChunkStep::End { consumed: 0, .. })));
}

#[test]
fn every_cut_in_two_gives_the_same() {
    for input in [
        &b"5;a=b\r\nhello\r\n00a\r\n0123456789\r\n0;e\r\nX: 1\r\nY:2 \r\n\r\nGET / HTTP/1.1"[..],
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"0\r\nX: 1\n\r\n",
    ] {
        let expected = whole(input);
        for cut in 1..input.len() {
            assert_eq!(decode(input, &[cut]), expected, "cut at {cut}");
        }
        let bytes: Vec<usize> = (1..input.len()).collect();
        assert_eq!(decode(input, &bytes), expected, "byte by byte");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut written = Vec::new();
        for chunk in &chunks {
            write_chunk_head(chunk.len(), &mut written);
            written.extend_from_slice(chunk);
            write_chunk_end(&mut written);
        }
        write_last_chunk(None, &mut written);
        cuts.sort_by_key(|cut| cut.index(written.len()));
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(written.len())).collect();
        prop_assert_eq!(decode(&written, &cuts), ended(&chunks.concat(), "", 0));
    }

    #[test]
    fn garbage_gives_the_same_however_it_is_cut(
        input in prop::collection::vec(prop::sample::select(b"0123aF;x: \r\n\r\n\r\n\t\0".to_vec()), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = whole(&input);
        if !input.is_empty() {
            prop_assert_eq!(decode(&input, &[cut.index(input.len())]), whole);
        }
    }
}
