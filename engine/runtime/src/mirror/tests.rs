//! Copies of bodies of all shapes: what is kept, when it is sent, and when it is given up.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Body, BodySource, Error, Fields, Frame, Kind, RequestHead};
use glorieta_net::tls::Absent;
use glorieta_upstream::{Host, Observer, Timeouts, Upstream};

use super::{Copy, Fate, Mirror};
use crate::metrics::{Dropped, Registry};

struct Deaf;

impl Observer for Deaf {
    fn tried(&self, _: glorieta_upstream::Outcome, _: u64) {}
    fn retried(&self, _: Kind) {}
}

fn upstream() -> Arc<Upstream> {
    let plan = serde_json::json!({
        "id": "shadow", "endpoints": [], "tls": null, "version": "h1", "proxy_protocol": null, "version": "h1", "balance": "random",
        "pool": {"max_connections": 1, "idle_ms": 1, "max_age_ms": 1, "max_streams": 1}, "queue": {"max": 0, "timeout_ms": 1},
        "retry_budget": {"percent": 0, "window_ms": 1, "floor_per_second": 0, "backoff_ms": 1},
        "health": null, "outlier": null, "panic_percent": 0, "response_head_bytes": 1024, "response_header_count": 10,
    });
    let plan: glorieta_plan::Upstream = serde_json::from_value(plan).unwrap();
    Arc::new(Upstream::build(&plan, None, Arc::new(Deaf), Absent::Wrong).unwrap())
}

/// A copy that comes to nothing as soon as it is to be sent, so that no runtime is needed: none may be in flight.
/// So `in_flight` means that it was whole.
fn copy(max_body: u64) -> (Copy, Rc<Cell<Fate>>) {
    let second = Duration::from_secs(1);
    let plan = glorieta_plan::Mirror {
        upstream: "shadow".to_owned(),
        share_percent: 100,
        methods: vec!["GET".to_owned()],
        max_body_bytes: max_body,
        in_flight: 0,
        timeout_ms: 1000,
        host: glorieta_plan::HostHeader::Preserve,
        timeouts: glorieta_plan::UpstreamTimeouts { connect_ms: 1, first_byte_ms: 1, idle_ms: 1, tunnel_ms: 1 },
    };
    let timeouts = Timeouts { connect: second, first_byte: second, idle: second, tunnel: second };
    let series = Registry::new(1).mirror("web", "/a", "shadow");
    let mirror = Arc::new(Mirror::build(&plan, upstream(), Host::Preserve, timeouts, series).unwrap());
    let fate = Rc::new(Cell::new(Fate::Pending));
    (Copy { mirror, head: RequestHead::default(), key: None, fate: fate.clone() }, fate)
}

/// Gives these frames, and then its end; `None`: it is not ready once.
struct Scripted {
    frames: VecDeque<Option<Result<Frame, Error>>>,
    left: Option<u64>,
}

impl BodySource for Scripted {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        match self.frames.pop_front() {
            None => Poll::Ready(None),
            Some(None) => Poll::Pending,
            Some(Some(frame)) => {
                if let (Ok(Frame::Data(data)), Some(left)) = (&frame, &mut self.left) {
                    *left -= data.len() as u64;
                }
                Poll::Ready(Some(frame))
            }
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }
}

fn data(text: &'static str) -> Option<Result<Frame, Error>> {
    Some(Ok(Frame::Data(Bytes::from_static(text.as_bytes()))))
}

fn stream(frames: Vec<Option<Result<Frame, Error>>>, length: Option<u64>) -> Body {
    Body::Stream(Box::new(Scripted { frames: frames.into(), left: length }))
}

/// Reads so many frames; what came of the data.
fn read(body: &mut Body, most: usize) -> String {
    let mut context = Context::from_waker(Waker::noop());
    let mut text = String::new();
    for _ in 0..most {
        match body.poll_frame(&mut context) {
            Poll::Ready(Some(Ok(Frame::Data(data)))) => text.push_str(std::str::from_utf8(&data).unwrap()),
            Poll::Ready(None) => break,
            _ => {}
        }
    }
    text
}

const WHOLE: Fate = Fate::Dropped(Dropped::InFlight);

#[test]
fn a_body_passes_unchanged_and_its_copy_is_sent_at_its_end() {
    let (copy, fate) = copy(100);
    let mut body = copy.with(stream(vec![data("ab"), None, data("c")], None));
    assert_eq!(body.length(), None);
    assert_eq!(read(&mut body, 3), "abc");
    assert_eq!(fate.get(), Fate::Pending);
    assert_eq!(read(&mut body, 1), "");
    assert_eq!(fate.get(), WHOLE);
}

#[test]
fn a_known_length_says_when_it_is_whole_without_asking_for_the_end() {
    let (copy, fate) = copy(100);
    let mut body = copy.with(stream(vec![data("ab"), data("c")], Some(3)));
    assert_eq!(body.length(), Some(3));
    read(&mut body, 1);
    assert_eq!(fate.get(), Fate::Pending);
    read(&mut body, 1);
    assert_eq!(fate.get(), WHOLE);
}

#[test]
fn trailers_end_it_too() {
    let (copy, fate) = copy(100);
    let mut body = copy.with(stream(vec![data("ab"), Some(Ok(Frame::Trailers(Fields::default())))], None));
    read(&mut body, 2);
    assert_eq!(fate.get(), WHOLE);
}

#[test]
fn what_is_short_is_sent_at_once() {
    for body in [Body::Empty, Body::Full(Bytes::from_static(b"abc"))] {
        let (copy, fate) = copy(3);
        let length = body.length();
        assert_eq!(copy.with(body).length(), length);
        assert_eq!(fate.get(), WHOLE);
    }
}

#[test]
fn a_body_beyond_the_bound_passes_without_a_copy() {
    let too_large = Fate::Dropped(Dropped::BodyTooLarge);
    let (whole, fate) = copy(2);
    assert_eq!(read(&mut whole.with(Body::Full(Bytes::from_static(b"abc"))), 2), "abc");
    assert_eq!(fate.get(), too_large);
    let (known, fate) = copy(2);
    assert_eq!(read(&mut known.with(stream(vec![data("abc")], Some(3))), 2), "abc");
    assert_eq!(fate.get(), too_large);
    let (unknown, fate) = copy(2);
    let mut body = unknown.with(stream(vec![data("ab"), data("c"), data("d")], None));
    assert_eq!(read(&mut body, 5), "abcd");
    assert_eq!(fate.get(), too_large);
}

#[test]
fn a_body_that_breaks_off_or_is_not_read_has_no_copy() {
    let unread = Fate::Dropped(Dropped::BodyUnread);
    let (broken, fate) = copy(100);
    let mut body = broken.with(stream(vec![data("a"), Some(Err(Error::new(Kind::BodyCutOff)))], None));
    read(&mut body, 2);
    assert_eq!(fate.get(), unread);
    let (dropped, fate) = copy(100);
    let mut body = dropped.with(stream(vec![data("a"), data("b")], None));
    read(&mut body, 1);
    assert_eq!(fate.get(), Fate::Pending);
    assert_eq!(fate.get().word(), "body_unread");
    drop(body);
    assert_eq!(fate.get(), unread);
}
