use proptest::prelude::*;

use super::*;

/// `:method GET`, `:scheme https`, `:authority x`, `:path /`.
const SECTION: &[u8] = &[0, 0, 0xd1, 0xd7, 0x50, 1, b'x', 0xc1];
/// `accept: */*`.
const TRAILERS: &[u8] = &[0, 0, 0xdd];
const LONGEST_HEAD: usize = 64;

fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = number(kind);
    frame.extend_from_slice(&number(payload.len() as u64));
    frame.extend_from_slice(payload);
    frame
}

fn number(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (0x4000 | value as u16).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (0x8000_0000 | value as u32).to_be_bytes().to_vec(),
        _ => (0xc000_0000_0000_0000 | value).to_be_bytes().to_vec(),
    }
}

/// Everything that comes out, when it comes in pieces of so many bytes.
fn passed(input: &[u8], pieces: usize) -> (Vec<Vec<u8>>, Result<(), Violation>) {
    let mut frames = Frames::new(LONGEST_HEAD);
    let mut out = Vec::new();
    for piece in input.chunks(pieces) {
        frames.push(piece);
        loop {
            match frames.next() {
                Ok(Some(piece)) => out.push(piece.to_vec()),
                Ok(None) => break,
                Err(violation) => return (out, Err(violation)),
            }
        }
    }
    (out, frames.end())
}

#[test]
fn frames_pass_whole_and_bodies_apart_from_their_headers() {
    let input = [frame(HEADERS, SECTION), frame(DATA, b"body"), frame(HEADERS, TRAILERS)].concat();
    let (out, end) = passed(&input, usize::MAX);
    assert_eq!(out, [frame(HEADERS, SECTION), vec![0, 4], b"body".to_vec(), frame(HEADERS, TRAILERS)]);
    assert_eq!(end, Ok(()));
}

#[test]
fn empty_bodies_and_frames_without_meaning_do_not_pass() {
    let grease = frame(0x21, b"grease");
    let parts =
        [frame(DATA, b""), grease.clone(), frame(HEADERS, SECTION), grease, frame(DATA, b""), frame(DATA, b"x")];
    let (out, end) = passed(&parts.concat(), 3);
    assert_eq!(out.concat(), [frame(HEADERS, SECTION), frame(DATA, b"x")].concat());
    assert_eq!(end, Ok(()));
}

#[test]
fn a_stream_that_is_cut_inside_a_frame_has_not_ended_well() {
    for input in [frame(HEADERS, SECTION), frame(DATA, b"body"), frame(0x21, b"grease")] {
        for cut in 1..input.len() {
            let (_, end) = passed(&input[..cut], usize::MAX);
            assert_eq!(end, Err(Violation::Connection(Code::H3_FRAME_ERROR)), "{cut} of {input:02x?}");
        }
    }
}

#[test]
fn a_head_that_is_too_large_is_replaced_and_not_kept() {
    let mut frames = Frames::new(LONGEST_HEAD);
    frames.push(&[&number(HEADERS)[..], &number(1 << 40), &[0; 100]].concat());
    assert_eq!(frames.next(), Ok(Some(Bytes::from_static(STAND_IN))));
    assert!(frames.is_too_large());
    for _ in 0..100 {
        frames.push(&[0; 1000]);
        assert_eq!(frames.next(), Ok(None));
        assert!(frames.input.is_empty());
    }
    // The stand-in is a head as any other.
    let (out, end) = passed(STAND_IN, usize::MAX);
    assert_eq!((out.concat(), end), (STAND_IN.to_vec(), Ok(())));
    // Trailers have no stand-in.
    let input = [frame(HEADERS, SECTION), frame(HEADERS, &[0; LONGEST_HEAD + 1])].concat();
    assert_eq!(passed(&input, usize::MAX).1, Err(Violation::Stream(Code::H3_EXCESSIVE_LOAD)));
}

#[test]
fn what_is_sent_to_keep_us_busy_is_not_read_for_ever() {
    let excess = Err(Violation::Connection(Code::H3_EXCESSIVE_LOAD));
    assert_eq!(passed(&frame(DATA, b"").repeat(5000), usize::MAX).1, excess);
    assert_eq!(passed(&frame(0x21, b"").repeat(5000), usize::MAX).1, excess);
    assert_eq!(passed(&frame(0x21, &[0; 1000]).repeat(70), usize::MAX).1, excess);
    let settings = frame(0x04, &[0; LONGEST_OTHER as usize + 1]);
    assert_eq!(passed(&settings, usize::MAX).1, Err(Violation::Connection(Code::H3_FRAME_UNEXPECTED)));
}

#[test]
fn pseudo_headers_out_of_place_are_the_streams_end() {
    let twice = frame(HEADERS, &[0, 0, 0xd1, 0xd1]);
    assert_eq!(passed(&twice, usize::MAX), (Vec::new(), Err(Violation::Stream(Code::H3_MESSAGE_ERROR))));
    let in_trailers = [frame(HEADERS, SECTION), frame(HEADERS, SECTION)].concat();
    assert_eq!(passed(&in_trailers, usize::MAX).1, Err(Violation::Stream(Code::H3_MESSAGE_ERROR)));
}

proptest! {
    /// However bytes are cut, the same comes out; and never more is kept than a head may be long.
    #[test]
    fn pieces_make_no_difference(
        parts in proptest::collection::vec((0u64..0x30, proptest::collection::vec(any::<u8>(), 0..90)), 0..8),
        pieces in 1usize..40,
    ) {
        let input = parts.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect::<Vec<u8>>();
        let (once, cut) = (passed(&input, usize::MAX), passed(&input, pieces));
        prop_assert_eq!(once.0.concat(), cut.0.concat());
        prop_assert_eq!(once.1, cut.1);
    }

    #[test]
    fn noise_does_no_harm(noise in proptest::collection::vec(any::<u8>(), 0..600), pieces in 1usize..40) {
        let _ = passed(&noise, pieces);
    }
}

#[test]
fn what_an_extended_connect_asks_for_is_taken_out_of_its_head() {
    let connect = |protocol: &[u8]| {
        let line = [&[0x27, 2][..], b":protocol", &[protocol.len() as u8], protocol].concat();
        [&SECTION[..4], &line, &SECTION[4..]].concat()
    };
    // A length that takes more bytes than it must is a length, too (RFC 9000 §16).
    let head = [&[HEADERS as u8, 0x80, 0, 0, SECTION.len() as u8], SECTION].concat();
    for (protocol, expected) in [(&b"websocket"[..], Protocol::WebSocket), (b"connect-udp", Protocol::Other)] {
        let mut frames = Frames::new(LONGEST_HEAD);
        frames.push(&[frame(HEADERS, &connect(protocol)), frame(DATA, b"x")].concat());
        assert_eq!(frames.protocol(), None);
        assert_eq!(frames.next().unwrap().unwrap(), head);
        assert_eq!(frames.protocol(), Some(expected));
        assert_eq!(frames.next().unwrap().unwrap(), &[0, 1][..]);
        assert_eq!(frames.next().unwrap().unwrap(), &b"x"[..]);
    }
    // As the last of its kind, in pieces.
    let (out, end) = passed(&frame(HEADERS, &[SECTION, &[0x27, 2], b":protocol", &[1, b'x']].concat()), 5);
    assert_eq!((out, end), (vec![head], Ok(())));
    let late = [SECTION, TRAILERS.get(2..).unwrap(), &[0x27, 2], b":protocol", &[1, b'x']].concat();
    assert_eq!(passed(&frame(HEADERS, &late), 5), (vec![], Err(Violation::Stream(Code::H3_MESSAGE_ERROR))));
}
