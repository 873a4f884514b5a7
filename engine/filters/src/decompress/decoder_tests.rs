use std::io::Write;

use super::*;

pub const CODINGS: [Coding; 4] = Coding::ALL;

pub fn encoded(coding: Coding, plain: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Zstd => {
            let mut out = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
            zstd_safe::compress(&mut out, plain, 3).unwrap();
            out
        }
        Coding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(plain).unwrap();
            encoder.into_inner()
        }
    }
}

/// Decodes it in pieces of that size, into room of that size.
fn decoded(coding: Coding, bytes: &[u8], piece: usize, room: usize) -> Result<Vec<u8>, Kind> {
    let mut decoder = Decoder::new(coding).unwrap();
    let mut plain = Vec::new();
    for mut piece in bytes.chunks(piece) {
        loop {
            let mut out = Vec::with_capacity(room);
            let used = decoder.step(piece, &mut out).map_err(|error| error.kind)?;
            piece = &piece[used..];
            let full = out.len() == out.capacity();
            plain.append(&mut out);
            if piece.is_empty() && !full {
                break;
            }
            assert!(plain.len() < 100 << 20);
        }
    }
    decoder.end().map_err(|error| error.kind)?;
    Ok(plain)
}

#[test]
fn what_was_encoded_is_decoded_in_whatever_pieces() {
    let plain: Vec<u8> = (0..200_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
    for coding in CODINGS {
        for plain in [&b""[..], b"a", &plain[..16 << 10], &plain] {
            let bytes = encoded(coding, plain);
            for (piece, room) in [(1, 16 << 10), (1000, 1000), (usize::MAX, 16 << 10)] {
                let same = decoded(coding, &bytes, piece, room).unwrap() == plain;
                assert!(same, "{coding:?} {} {piece} {room}", plain.len());
            }
        }
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    for coding in CODINGS {
        let bytes = encoded(coding, b"hello, hello, hello, hello, hello");
        for end in 1..bytes.len() {
            assert_eq!(decoded(coding, &bytes[..end], 100, 100), Err(Kind::ContentUndecodable), "{coding:?} {end}");
        }
    }
}

#[test]
fn what_stands_behind_the_end_is_refused() {
    for coding in CODINGS {
        for piece in [1, 1000] {
            let bytes = [encoded(coding, b"hello"), b"garbage".to_vec()].concat();
            assert_eq!(decoded(coding, &bytes, piece, 100), Err(Kind::ContentUndecodable), "{coding:?}");
        }
    }
}

#[test]
fn what_is_changed_is_refused_or_stays_what_it_was() {
    for coding in [Coding::Gzip, Coding::Deflate] {
        let bytes = encoded(coding, b"hello, hello, hello, hello, hello");
        for at in bytes.len() - 4..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(decoded(coding, &changed, 100, 100), Err(Kind::ContentUndecodable), "{coding:?} {at}");
        }
    }
    for coding in CODINGS {
        assert_eq!(decoded(coding, b"\xffno such coding", 100, 100), Err(Kind::ContentUndecodable), "{coding:?}");
    }
}

#[test]
fn members_follow_each_other_within_bounds() {
    let member = encoded(Coding::Gzip, b"hello");
    assert_eq!(decoded(Coding::Gzip, &member.repeat(3), 7, 4).as_deref(), Ok(&b"hellohellohello"[..]));
    let most = MOST_MEMBERS as usize;
    assert!(decoded(Coding::Gzip, &member.repeat(most), 1000, 100).is_ok());
    assert_eq!(decoded(Coding::Gzip, &member.repeat(most + 1), 1000, 100), Err(Kind::ContentUndecodable));
    let frame = encoded(Coding::Zstd, b"hello");
    assert_eq!(decoded(Coding::Zstd, &frame.repeat(3), 7, 4).as_deref(), Ok(&b"hellohellohello"[..]));
}

#[test]
fn windows_that_would_take_too_much_are_refused() {
    // A frame that says that it looks back 2 GiB, and one of 16 MiB (RFC 8878 §3.1.1.1.2).
    for exponent in [21u8, 14] {
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3][..], &[0x09, 0, 0, b'a']].concat();
        assert_eq!(decoded(Coding::Zstd, &frame, 100, 100), Err(Kind::ContentUndecodable), "{exponent}");
    }
    // Large windows of brotli, which are no part of RFC 7932, begin so.
    assert_eq!(decoded(Coding::Brotli, &[0x11, 0x1e, 0x03, 0x00], 100, 100), Err(Kind::ContentUndecodable));
}
