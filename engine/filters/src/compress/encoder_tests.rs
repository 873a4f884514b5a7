use std::io::Read;

use super::*;

pub fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        Coding::Gzip | Coding::Deflate => {
            flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        }
        Coding::Brotli => {
            brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain).unwrap();
        }
        Coding::Zstd => {
            plain.reserve(16 << 20);
            zstd_safe::decompress(&mut plain, bytes).unwrap();
        }
    }
    plain
}

pub fn styles() -> impl Iterator<Item = Style> {
    let levels = |coding| (1..=9).map(move |level| Style { coding, level });
    [Coding::Zstd, Coding::Brotli, Coding::Gzip].into_iter().flat_map(levels)
}

/// Text that is neither trivial nor random.
pub fn text(length: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut state = 1u32;
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(format!("{{\"id\":{},\"name\":\"item {}\"}},", state >> 12, state >> 28).as_bytes());
    }
    text.truncate(length);
    text
}

#[test]
fn what_is_encoded_is_decoded_as_it_was() {
    for style in styles() {
        for length in [0, 1, 100, 40_000, 300_000] {
            let plain = text(length);
            let (mut out, mut encoder) = (Vec::new(), Encoder::begin(style).unwrap());
            for piece in plain.chunks(7_000) {
                encoder.take(piece, &mut out).unwrap();
            }
            encoder.finish(&mut out).unwrap();
            assert!(decoded(style.coding, &out) == plain, "{style:?} {length}");
            assert!(length < 1000 || out.len() < length / 2, "{style:?} {length}: {}", out.len());
        }
    }
}

#[test]
fn an_encoder_that_is_used_again_knows_nothing_of_before() {
    for style in styles() {
        let mut sizes = Vec::new();
        for end in [true, false, true] {
            let (mut out, mut encoder) = (Vec::new(), Encoder::begin(style).unwrap());
            encoder.take(&text(5_000), &mut out).unwrap();
            if end {
                encoder.finish(&mut out).unwrap();
                assert!(decoded(style.coding, &out) == text(5_000), "{style:?}");
                sizes.push(out.len());
            }
        }
        assert_eq!(sizes[0], sizes[1], "{style:?}");
    }
    assert!(IDLE.with_borrow(Vec::len) <= KEPT);
}

#[test]
fn what_was_flushed_can_be_decoded_at_once() {
    for style in styles().filter(|style| style.coding == Coding::Gzip) {
        let (mut out, mut encoder) = (Vec::new(), Encoder::begin(style).unwrap());
        for (count, piece) in [&b"one"[..], b"two", &text(100_000)].into_iter().enumerate() {
            encoder.take(piece, &mut out).unwrap();
            encoder.flush(&mut out).unwrap();
            let mut decoder = flate2::Decompress::new_gzip(15);
            let mut plain = Vec::with_capacity(200_000);
            decoder.decompress_vec(&out, &mut plain, flate2::FlushDecompress::None).unwrap();
            let expected = [&b"one"[..], b"two", &text(100_000)][..=count].concat();
            assert!(plain == expected, "{style:?}");
        }
    }
}

#[test]
fn encoders_are_refused_where_they_would_take_too_much() {
    let style = Style { coding: Coding::Gzip, level: 3 };
    let all = Reservation::take(crate::memory::MOST).unwrap();
    assert!(Encoder::begin(style).is_none());
    drop(all);
    assert!(Encoder::begin(style).is_some());
}

#[test]
fn levels_and_codings_that_there_are_not_are_refused() {
    let levels = CompressLevels { zstd: 0, br: 10, gzip: 9 };
    assert!(Style::read(Coding::Gzip, &levels).is_ok());
    for coding in [Coding::Zstd, Coding::Brotli, Coding::Deflate] {
        assert!(Style::read(coding, &levels).is_err(), "{coding:?}");
    }
}
