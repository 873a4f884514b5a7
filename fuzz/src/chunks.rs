//! Chunked bodies: however the bytes are cut, the same comes out.

use glorieta_core::{Fields, Kind};
use glorieta_http::h1::codec::{
    ChunkStep, ChunkedDecoder, TrailerLimits, write_chunk_end, write_chunk_head, write_last_chunk,
};

use crate::{assert_writable, end_to_end};

/// Data, and once the body has ended its trailers and how many bytes it took.
#[derive(Debug)]
struct Decoded {
    data: Vec<u8>,
    end: Option<(Option<Fields>, usize)>,
}

/// The first byte chooses how the rest is cut. Whole, cut, and byte by byte it must decode alike;
/// what has been decoded must survive being written and decoded again.
pub fn chunked_body(input: &[u8]) -> bool {
    let Some((&choice, input)) = input.split_first() else { return false };
    let whole = decode(input, input.len().max(1));
    for piece in [1, usize::from(choice) + 1] {
        assert_alike(&whole, &decode(input, piece));
    }
    if let Ok(Decoded { data, end: Some((trailers, taken)) }) = &whole {
        assert!(*taken <= input.len());
        assert_eq!(data, &plainly(&input[..*taken]));
        assert_alike(&whole, &decode(&input[..*taken], input.len()));
        let written = write(data, usize::from(choice) + 1, trailers.as_ref());
        match decode(&written, written.len()) {
            Ok(Decoded { data: again, end: Some((fields, taken)) }) => {
                assert_eq!((&again, taken), (data, written.len()));
                assert_eq!(fields.as_ref().map(end_to_end), trailers.as_ref().map(end_to_end));
            }
            other => panic!("what was written does not decode: {other:?}"),
        }
    }
    whole.is_ok_and(|decoded| decoded.end.is_some())
}

/// The data of a body that was accepted, decoded in the plainest way.
fn plainly(mut input: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let end = input.windows(2).position(|pair| pair == b"\r\n").expect("a line with a size");
        let digits = input[..end].split(|&byte| byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).expect("digits");
        let size = usize::from_str_radix(digits, 16).expect("hexadecimal digits");
        input = &input[end + 2..];
        if size == 0 {
            assert!(input == b"\r\n" || input.ends_with(b"\r\n\r\n"));
            return data;
        }
        data.extend_from_slice(&input[..size]);
        input = input[size..].strip_prefix(b"\r\n").expect("CRLF after the data");
    }
}

fn decode(input: &[u8], piece: usize) -> Result<Decoded, Kind> {
    let mut decoder = ChunkedDecoder::new(Kind::FramingRefused, TrailerLimits::default());
    let mut decoded = Decoded { data: Vec::new(), end: None };
    let mut at = 0;
    while at < input.len() {
        let end = input.len().min(at + piece);
        match decoder.decode(&input[at..end]).map_err(|error| error.kind)? {
            ChunkStep::Need { consumed } => {
                assert_eq!(consumed, end - at, "nothing may be left behind");
                at = end;
            }
            ChunkStep::Data { skip, length } => {
                assert!(length > 0);
                decoded.data.extend_from_slice(&input[at + skip..at + skip + length]);
                at += skip + length;
            }
            ChunkStep::End { consumed, trailers } => {
                trailers.iter().for_each(assert_writable);
                decoded.end = Some((trailers, at + consumed));
                return Ok(decoded);
            }
        }
    }
    Ok(decoded)
}

fn assert_alike(one: &Result<Decoded, Kind>, other: &Result<Decoded, Kind>) {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.data, other.data);
            let end = |decoded: &Decoded| {
                decoded.end.as_ref().map(|(trailers, taken)| (trailers.as_ref().map(end_to_end), *taken))
            };
            assert_eq!(end(one), end(other));
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        _ => panic!("decoded unlike: {one:?} {other:?}"),
    }
}

fn write(data: &[u8], piece: usize, trailers: Option<&Fields>) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in data.chunks(piece) {
        write_chunk_head(chunk.len(), &mut out);
        out.extend_from_slice(chunk);
        write_chunk_end(&mut out);
    }
    write_last_chunk(trailers, &mut out);
    out
}
