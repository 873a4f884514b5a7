use std::collections::VecDeque;

use glorieta_core::{Kind, Name};
use glorieta_policy::Coding;

use super::super::encoder::Style;
use super::super::encoder::tests::{decoded, text};
use super::*;

/// What a source says, one after the other; `None`: nothing at the moment.
struct Script(VecDeque<Option<Result<Frame, Error>>>);

impl BodySource for Script {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        match self.0.pop_front() {
            Some(None) => Poll::Pending,
            Some(said) => Poll::Ready(said),
            None => Poll::Ready(None),
        }
    }
}

const CODINGS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

fn data(bytes: &[u8]) -> Option<Result<Frame, Error>> {
    Some(Ok(Frame::Data(Bytes::copy_from_slice(bytes))))
}

fn compressed(coding: Coding, said: Vec<Option<Result<Frame, Error>>>) -> (Compressed, Rc<Volume>) {
    let volume = Rc::new(Volume::default());
    let encoder = Encoder::begin(Style { coding, level: 3 }).unwrap();
    let inner = Body::Stream(Box::new(Script(said.into())));
    (Compressed::new(inner, encoder, volume.clone()), volume)
}

/// Polls once: data, trailers (as their number), the end (`None`), or nothing.
fn poll(body: &mut Compressed) -> Poll<Option<Result<Frame, Error>>> {
    body.poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
}

/// All data up to the end; `Pending` is passed over.
fn all(body: &mut Compressed) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        match poll(body) {
            Poll::Ready(Some(Ok(Frame::Data(bytes)))) => out.extend_from_slice(&bytes),
            Poll::Ready(None) => return out,
            Poll::Pending => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn whatever_pieces_come_the_whole_goes() {
    for coding in CODINGS {
        let plain = text(400_000);
        let mut said: Vec<_> = plain.chunks(9_999).map(data).collect();
        said.insert(3, None);
        said.insert(5, data(b""));
        let (mut body, volume) = compressed(coding, said);
        let out = all(&mut body);
        assert!(decoded(coding, &out) == plain, "{coding:?}");
        assert_eq!((volume.plain.get(), volume.coded.get()), (400_000, out.len() as u64), "{coding:?}");
        assert!(volume.ratio().is_some_and(|ratio| ratio.len() == 4 && ratio.as_str() > "2.00"), "{volume:?}");
    }
}

#[test]
fn what_came_goes_as_soon_as_nothing_more_comes() {
    for coding in CODINGS {
        let (mut body, _) = compressed(coding, vec![data(b"data: 1\n\n"), None, None, data(b"data: 2\n\n"), None]);
        let mut lengths = Vec::new();
        for _ in 0..4 {
            match poll(&mut body) {
                Poll::Ready(Some(Ok(Frame::Data(bytes)))) => lengths.push(Some(bytes.len())),
                Poll::Pending => lengths.push(None),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(lengths[..], [Some(_), None, Some(_), _]), "{coding:?}: {lengths:?}");
    }
}

#[test]
fn trailers_come_behind_all_data_and_errors_end_it() {
    let mut trailers = Fields::default();
    trailers.add(Name::Etag, b"\"a\"");
    let (mut body, _) = compressed(Coding::Gzip, vec![data(b"text"), Some(Ok(Frame::Trailers(trailers)))]);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(Frame::Data(_))))));
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(Frame::Trailers(_))))));
    assert!(matches!(poll(&mut body), Poll::Ready(None)));

    let cut_off = Some(Err(Error::new(Kind::ResponseCutOff)));
    let (mut body, _) = compressed(Coding::Gzip, vec![data(b"text"), cut_off]);
    assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(error))) if error.kind == Kind::ResponseCutOff));
}

#[test]
fn a_source_that_never_waits_leaves_others_their_turn() {
    let zeros = vec![0; 100 << 20];
    let (mut body, volume) = compressed(Coding::Gzip, vec![data(&zeros)]);
    let mut most = 0;
    let mut before = 0;
    let mut polls = 0;
    while !matches!(poll(&mut body), Poll::Ready(None)) {
        most = most.max(volume.plain.get() - before);
        before = volume.plain.get();
        polls += 1;
    }
    assert!(most <= (TURN + SLICE) as u64, "{most}");
    assert!(polls > 800, "{polls}");
}
