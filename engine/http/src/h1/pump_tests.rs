//! Bodies on their way out, by script and without sockets: what is written, in how many pieces, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::h1::codec::{ChunkStep, ChunkedDecoder, TrailerLimits};
use crate::testing::{Script, Step, fields, idle_context, pattern};
use glorieta_core::BodySource;

/// What a connection takes with each write; the last one again and again.
#[derive(Clone, Copy, Debug)]
enum Take {
    AtMost(usize),
    Nothing,
    Zero,
    Fail,
}

/// A connection that takes what its script says.
struct Sink {
    takes: Vec<Take>,
    /// Everything that was taken.
    wire: Vec<u8>,
    writes: usize,
}

impl Sink {
    fn new(takes: &[Take]) -> Sink {
        Sink { takes: takes.to_vec(), wire: Vec::new(), writes: 0 }
    }

    fn write(&mut self, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        let take = self.takes[self.writes.min(self.takes.len() - 1)];
        self.writes += 1;
        match take {
            Take::AtMost(most) => {
                let offered = [first, second].concat();
                assert!(!offered.is_empty(), "a write of nothing");
                let count = offered.len().min(most);
                self.wire.extend_from_slice(&offered[..count]);
                Poll::Ready(Ok(count))
            }
            Take::Nothing => Poll::Pending,
            Take::Zero => Poll::Ready(Ok(0)),
            Take::Fail => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

const ALL: Take = Take::AtMost(usize::MAX);

fn poll_once(pump: &mut Pump, sink: &mut Sink, source: &mut Script) -> Poll<Result<Progress, Broken>> {
    let mut cx = idle_context();
    pump.poll(&mut cx, |_, first, second| sink.write(first, second), |cx| source.poll_frame(cx))
}

/// Polls until it is over. Whatever the script, a few thousand turns are enough.
fn run(pump: &mut Pump, sink: &mut Sink, steps: Vec<Step>) -> Result<(), Broken> {
    let mut source = Script::new(None, steps);
    for _ in 0..1_000_000 {
        if let Poll::Ready(result) = poll_once(pump, sink, &mut source) {
            return result.map(|progress| assert_eq!(progress, Progress::Done));
        }
    }
    panic!("it never ends; {:?} is waited for", pump.waiting);
}

/// The kind with which the source of a message failed.
fn source_error(framing: Framing, steps: Vec<Step>) -> Kind {
    match run(&mut Pump::new(b"HEAD".to_vec(), framing), &mut Sink::new(&[ALL]), steps) {
        Err(Broken::Source(error)) => error.kind,
        other => panic!("{other:?}"),
    }
}

fn written(framing: Framing, steps: Vec<Step>) -> (String, usize) {
    let mut sink = Sink::new(&[ALL]);
    let mut pump = Pump::new(b"HEAD ".to_vec(), framing);
    run(&mut pump, &mut sink, steps).unwrap();
    assert_eq!(pump.moved, sink.wire.len() as u64);
    (String::from_utf8(sink.wire).unwrap(), sink.writes)
}

#[test]
fn each_framing_is_written_as_it_should_be() {
    let pieces = || vec![Step::data("one"), Step::data(""), Step::data("three")];
    assert_eq!(written(Framing::Length(8), pieces()), ("HEAD onethree".to_owned(), 1));
    assert_eq!(written(Framing::UntilClose, pieces()), ("HEAD onethree".to_owned(), 1));
    let chunked = "HEAD 3\r\none\r\n5\r\nthree\r\n0\r\n\r\n";
    assert_eq!(written(Framing::Chunked, pieces()), (chunked.to_owned(), 1));
    assert_eq!(written(Framing::Chunked, vec![]), ("HEAD 0\r\n\r\n".to_owned(), 1));
}

#[test]
fn a_message_without_a_body_asks_for_none() {
    for framing in [Framing::None, Framing::Length(0)] {
        assert_eq!(written(framing, vec![Step::Never]), ("HEAD ".to_owned(), 1));
    }
}

#[test]
fn trailers_follow_the_last_chunk_and_go_nowhere_else() {
    let steps = || vec![Step::data("x"), Step::Trailers(fields(&[("digest", "abc")]))];
    assert_eq!(written(Framing::Chunked, steps()).0, "HEAD 1\r\nx\r\n0\r\ndigest: abc\r\n\r\n");
    assert_eq!(written(Framing::UntilClose, steps()).0, "HEAD x");
}

#[test]
fn small_pieces_are_gathered_and_large_ones_written_from_where_they_lie() {
    let small: Vec<_> = (0..50).map(|_| Step::data("0123456789")).collect();
    assert_eq!(written(Framing::Length(500), small).1, 1);

    let frame = Bytes::from(pattern(SMALL + 1));
    let mut seen = Vec::new();
    let mut pump = Pump::new(b"HEAD".to_vec(), Framing::Chunked);
    let mut source = Script::new(None, [Step::data("small"), Step::Data(frame.clone())]);
    let sink = |_: &mut Context<'_>, first: &[u8], second: &[u8]| {
        seen.push((first.to_vec(), second.as_ptr(), second.len()));
        Poll::Ready(Ok(first.len() + second.len()))
    };
    let done = pump.poll(&mut idle_context(), sink, |cx| source.poll_frame(cx));
    assert!(matches!(done, Poll::Ready(Ok(Progress::Done))));
    // The second write carries the end of the large chunk and the last chunk.
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].0, b"HEAD5\r\nsmall\r\n1001\r\n");
    assert_eq!((seen[0].1, seen[0].2), (frame.as_ptr(), frame.len()));
    assert_eq!(seen[1].0, b"\r\n0\r\n\r\n");
}

#[test]
fn gathering_is_bounded() {
    let steps = (0..100).map(|_| Step::Data(Bytes::from(pattern(SMALL)))).collect();
    let mut largest = 0;
    let mut pump = Pump::new(Vec::new(), Framing::UntilClose);
    let mut source = Script::new(None, Vec::from_iter::<Vec<Step>>(steps));
    let mut total = 0;
    loop {
        let sink = |_: &mut Context<'_>, first: &[u8], second: &[u8]| {
            largest = largest.max(first.len());
            total += first.len() + second.len();
            Poll::Ready(Ok(first.len() + second.len()))
        };
        if pump.poll(&mut idle_context(), sink, |cx| source.poll_frame(cx)).is_ready() {
            break;
        }
    }
    assert_eq!(total, 100 * SMALL);
    assert!(largest < GATHERED + SMALL, "{largest}");
}

#[test]
fn a_body_of_another_length_than_announced_is_an_error() {
    assert_eq!(source_error(Framing::Length(4), vec![Step::data("12345")]), Kind::Internal);
    assert_eq!(source_error(Framing::Length(4), vec![Step::data("12"), Step::data("345")]), Kind::Internal);
    assert_eq!(source_error(Framing::Length(4), vec![Step::data("123")]), Kind::Internal);
    assert_eq!(source_error(Framing::Length(4), vec![]), Kind::Internal);
    let trailers = Step::Trailers(fields(&[("digest", "abc")]));
    assert_eq!(source_error(Framing::Length(4), vec![Step::data("123"), trailers]), Kind::Internal);
}

#[test]
fn a_source_that_fails_at_once_leaves_nothing_written() {
    let mut sink = Sink::new(&[ALL]);
    let mut pump = Pump::new(b"HEAD".to_vec(), Framing::Chunked);
    let steps = vec![Step::data("small"), Step::Fail(Error::new(Kind::ResponseCutOff))];
    let broken = run(&mut pump, &mut sink, steps);
    assert!(matches!(broken, Err(Broken::Source(error)) if error.kind == Kind::ResponseCutOff));
    assert_eq!((pump.moved, pump.written, sink.writes), (0, 0, 0));
}

#[test]
fn a_connection_that_takes_no_more_is_told_from_a_source_that_fails() {
    for last in [Take::Zero, Take::Fail] {
        let mut sink = Sink::new(&[Take::AtMost(6), last]);
        let mut pump = Pump::new(b"HEAD".to_vec(), Framing::Length(10));
        let broken = run(&mut pump, &mut sink, vec![Step::data("0123456789")]);
        assert!(matches!(broken, Err(Broken::Sink)));
        assert_eq!((pump.moved, &sink.wire[..]), (6, &b"HEAD01"[..]));
    }
}

#[test]
fn what_is_waited_for_is_said() {
    let mut source = Script::new(None, [Step::data("a"), Step::Never]);
    let mut sink = Sink::new(&[Take::Nothing, ALL]);
    let mut pump = Pump::new(b"HEAD".to_vec(), Framing::Chunked);
    assert!(poll_once(&mut pump, &mut sink, &mut source).is_pending());
    assert_eq!(pump.waiting, Waiting::Sink);
    assert!(poll_once(&mut pump, &mut sink, &mut source).is_pending());
    assert_eq!(pump.waiting, Waiting::Source);
    // What came before the source fell silent is not held back.
    assert_eq!(sink.wire, b"HEAD1\r\na\r\n");
    assert_eq!(pump.written, 1);
}

#[test]
fn a_source_that_never_pauses_leaves_turns_to_others() {
    let steps: Vec<_> = (0..200).map(|_| Step::Data(Bytes::from(pattern(SMALL + 1)))).collect();
    let (mut source, mut sink) = (Script::new(None, steps), Sink::new(&[ALL]));
    let mut pump = Pump::new(Vec::new(), Framing::UntilClose);
    let mut turns = 1;
    while poll_once(&mut pump, &mut sink, &mut source).is_pending() {
        turns += 1;
    }
    assert!((200 / FRAMES_PER_TURN..=8).contains(&turns), "{turns}");
    assert_eq!(sink.wire.len(), 200 * (SMALL + 1));
}

#[test]
fn a_large_rest_may_take_another_way_once_all_that_was_read_is_written() {
    let total = WORTH_RELAYING + 100;
    let first = || Step::Data(Bytes::from(pattern(100)));
    let mut sink = Sink::new(&[Take::AtMost(60), Take::Nothing, ALL]);
    let mut pump = Pump::new(b"HEAD".to_vec(), Framing::Length(total));
    pump.relays = true;
    let mut source = Script::new(None, [first(), Step::Never]);
    // Not before the head and the first piece have left.
    assert!(poll_once(&mut pump, &mut sink, &mut source).is_pending() && !pump.could_relay());
    let stopped = poll_once(&mut pump, &mut sink, &mut source);
    assert!(matches!(stopped, Poll::Ready(Ok(Progress::Relay))) && pump.could_relay());
    assert_eq!((sink.wire.len(), pump.written, pump.moved), (104, 100, 104));
    // What went another way counts, and the end is the end.
    pump.relayed(WORTH_RELAYING - 10);
    assert!(!pump.could_relay());
    assert!(run(&mut pump, &mut sink, vec![Step::data("the last 1")]).is_ok());
    assert_eq!((pump.written, pump.moved, sink.wire.len()), (total, total + 4, 114));

    // Neither without leave, nor with a little, nor where the length is not known.
    for (relays, framing) in [
        (false, Framing::Length(total)),
        (true, Framing::Length(WORTH_RELAYING + 99)),
        (true, Framing::Chunked),
        (true, Framing::UntilClose),
    ] {
        let mut pump = Pump::new(b"HEAD".to_vec(), framing);
        pump.relays = relays;
        let mut source = Script::new(None, [first(), Step::Never]);
        assert!(poll_once(&mut pump, &mut Sink::new(&[ALL]), &mut source).is_pending(), "{framing:?}");
    }
}

/// The body that the bytes after the head mean, and the names of its trailers.
fn parse_back(mut wire: &[u8], framing: Framing) -> (Vec<u8>, usize) {
    if framing != Framing::Chunked {
        return (wire.to_vec(), 0);
    }
    let mut decoder = ChunkedDecoder::new(Kind::ResponseMalformed, TrailerLimits::default());
    let mut data = Vec::new();
    loop {
        match decoder.decode(wire).unwrap() {
            ChunkStep::Need { .. } => panic!("the message does not end"),
            ChunkStep::Data { skip, length } => {
                data.extend_from_slice(&wire[skip..skip + length]);
                wire = &wire[skip + length..];
            }
            ChunkStep::End { consumed, trailers } => {
                assert_eq!(consumed, wire.len(), "bytes after the message");
                return (data, trailers.map_or(0, |trailers| trailers.iter().count()));
            }
        }
    }
}

fn piece() -> impl Strategy<Value = Option<usize>> {
    // `None`: the source pauses.
    prop_oneof![
        2 => Just(None),
        4 => (0_usize..200).prop_map(Some),
        2 => (SMALL - 2..SMALL + 3).prop_map(Some),
        1 => (0_usize..40_000).prop_map(Some),
    ]
}

fn take() -> impl Strategy<Value = Take> {
    prop_oneof![
        2 => Just(Take::Nothing),
        2 => (1_usize..4).prop_map(Take::AtMost),
        3 => (1_usize..30_000).prop_map(Take::AtMost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn however_a_body_is_cut_and_taken_the_same_arrives(
        pieces in proptest::collection::vec(piece(), 0..40),
        takes in proptest::collection::vec(take(), 0..40),
        last in 1_usize..5_000,
        framing in 0..3,
        with_trailers: bool,
    ) {
        let body = pattern(pieces.iter().flatten().sum());
        let framing = match framing {
            0 => Framing::Length(body.len() as u64),
            1 => Framing::Chunked,
            _ => Framing::UntilClose,
        };
        let mut at = 0;
        let mut steps: Vec<_> = pieces.iter().map(|piece| match piece {
            None => Step::Later,
            Some(length) => {
                at += length;
                Step::data(&body[at - length..at])
            }
        }).collect();
        if with_trailers {
            steps.push(Step::Trailers(fields(&[("digest", "abc"), ("x-count", "7")])));
        }
        let mut sink = Sink::new(&[&takes[..], &[Take::AtMost(last)]].concat());
        let mut pump = Pump::new(b"HEAD".to_vec(), framing);
        prop_assert!(run(&mut pump, &mut sink, steps).is_ok());
        prop_assert_eq!(&sink.wire[..4], b"HEAD");
        let (data, trailers) = parse_back(&sink.wire[4..], framing);
        prop_assert!(data == body);
        prop_assert_eq!(trailers, if with_trailers && framing == Framing::Chunked { 2 } else { 0 });
        prop_assert_eq!(pump.written, body.len() as u64);
        prop_assert_eq!(pump.moved, sink.wire.len() as u64);
    }

    #[test]
    fn one_byte_at_a_time_is_enough(pieces in proptest::collection::vec(0_usize..300, 0..10)) {
        let body = pattern(pieces.iter().sum());
        let mut rest = &body[..];
        let steps = pieces.iter().map(|&length| {
            let (piece, left) = rest.split_at(length);
            rest = left;
            Step::data(piece)
        }).collect();
        let mut sink = Sink::new(&[Take::AtMost(1)]);
        prop_assert!(run(&mut Pump::new(Vec::new(), Framing::Chunked), &mut sink, steps).is_ok());
        prop_assert!(parse_back(&sink.wire, Framing::Chunked).0 == body);
    }
}
