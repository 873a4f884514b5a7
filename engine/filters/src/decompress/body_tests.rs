use super::super::decoder::tests::{CODINGS, encoded};
use super::*;

const BOUNDS: Bounds = Bounds { max_bytes: 10 << 20, ratio: 100 };

/// All data up to the end, and the largest piece.
fn all(mut body: Decompressed) -> Result<(Vec<u8>, usize), Kind> {
    let (mut plain, mut largest) = (Vec::new(), 0);
    loop {
        match body.poll_frame(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(Some(Ok(Frame::Data(bytes)))) => {
                largest = largest.max(bytes.len());
                plain.extend_from_slice(&bytes);
            }
            Poll::Ready(None) => return Ok((plain, largest)),
            Poll::Ready(Some(Err(error))) => return Err(error.kind),
            other => panic!("{other:?}"),
        }
    }
}

fn decoded(coding: Coding, bytes: Vec<u8>, bounds: Bounds) -> Result<(Vec<u8>, usize), Kind> {
    all(Decompressed::new(Body::Full(bytes.into()), coding, bounds).map_err(|error| error.kind)?)
}

#[test]
fn bodies_become_plain_piece_by_piece() {
    let plain: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    for coding in CODINGS {
        let (decoded, largest) = decoded(coding, encoded(coding, &plain), BOUNDS).unwrap();
        assert!(decoded == plain, "{coding:?}");
        assert!(largest <= 2 * PIECE, "{coding:?} {largest}");
    }
}

#[test]
fn bodies_that_become_too_long_are_refused() {
    for coding in CODINGS {
        let bounds = Bounds { max_bytes: 1000, ratio: 1_000_000 };
        assert!(decoded(coding, encoded(coding, &[0; 1000]), bounds).is_ok(), "{coding:?}");
        assert_eq!(decoded(coding, encoded(coding, &[0; 1001]), bounds).unwrap_err(), Kind::BodyTooLarge);
    }
}

#[test]
fn bodies_that_expand_too_much_are_refused_once_they_are_long() {
    for coding in CODINGS {
        let small = vec![0; UNSUSPICIOUS as usize];
        assert!(decoded(coding, encoded(coding, &small), BOUNDS).is_ok(), "{coding:?}");
        let bomb = encoded(coding, &vec![0; 8 << 20]);
        assert_eq!(decoded(coding, bomb, BOUNDS).unwrap_err(), Kind::BodyTooLarge, "{coding:?}");
    }
}

#[test]
fn a_body_that_never_began_is_cut_off() {
    for coding in CODINGS {
        assert_eq!(decoded(coding, Vec::new(), BOUNDS).unwrap_err(), Kind::ContentUndecodable, "{coding:?}");
    }
}

#[test]
fn memory_is_given_back_and_refused_where_there_is_none() {
    let body = || Decompressed::new(Body::Full(encoded(Coding::Gzip, b"a").into()), Coding::Gzip, BOUNDS);
    let all = Reservation::take(crate::memory::MOST).unwrap();
    assert_eq!(body().err().map(|error| error.kind), Some(Kind::DecompressionBusy));
    drop(all);
    drop(body().unwrap());
    assert!(Reservation::take(crate::memory::MOST).is_some());
}

#[test]
fn a_window_counts_as_far_as_it_is_written() {
    let plain = vec![b'a'; 2 << 20];
    let bounds = Bounds { max_bytes: u64::MAX, ratio: u64::MAX };
    let left = 1 << 20;
    let most = Reservation::take(crate::memory::MOST - left).unwrap();
    let outcome = decoded(Coding::Zstd, encoded(Coding::Zstd, &plain), bounds);
    assert_eq!(outcome.unwrap_err(), Kind::DecompressionBusy);
    drop(most);
    assert!(decoded(Coding::Zstd, encoded(Coding::Zstd, &plain), bounds).is_ok());
}
