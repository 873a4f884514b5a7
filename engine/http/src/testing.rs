//! What the tests of this crate share: a runtime like a worker's, connected sockets, bodies by script.

pub(crate) mod service;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Body, BodySource, Error, Fields, Frame};
use glorieta_net::{Stream, timer};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::h1::codec::Limits;
use crate::service::{Settings, Versions};

/// Long enough to never matter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a listener that says nothing else allows, with all the time there is.
pub(crate) fn settings() -> Settings {
    Settings {
        limits: Limits::default(),
        versions: Versions { h1: true, h2: true },
        streams: 128,
        head_timeout: PATIENCE,
        body_timeout: PATIENCE,
        write_timeout: PATIENCE,
        keep_alive: PATIENCE,
        requests_per_connection: 0,
        body_rate: 0,
    }
}

/// Runs on a runtime like a worker's, timers included; what takes longer than this hangs.
pub(crate) fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        tokio::task::spawn_local(timer::drive());
        tokio::time::timeout(Duration::from_secs(30), work).await.expect("it hangs")
    })
}

/// Two ends of one connection: the engine's, and the other.
pub(crate) async fn tcp_pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outside = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (inside, _) = listener.accept().await.unwrap();
    outside.set_nodelay(true).unwrap();
    (Stream::Tcp(inside), outside)
}

/// Closes a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    Stream::Tcp(stream).reset_on_close();
}

/// Reads up to and including `end`.
pub(crate) async fn read_until(stream: &mut (impl AsyncReadExt + Unpin), end: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        match stream.read_u8().await {
            Ok(byte) => seen.push(byte),
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&seen)),
        }
    }
    String::from_utf8(seen).unwrap()
}

/// Reads a head, its empty line included.
pub(crate) async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    read_until(stream, "\r\n\r\n").await
}

pub(crate) async fn read_bytes(stream: &mut (impl AsyncReadExt + Unpin), count: usize) -> Vec<u8> {
    let mut seen = vec![0; count];
    stream.read_exact(&mut seen).await.unwrap();
    seen
}

/// Reads to an end that is no reset.
pub(crate) async fn read_all(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut seen = Vec::new();
    stream.read_to_end(&mut seen).await.unwrap();
    String::from_utf8(seen).unwrap()
}

/// What a scripted body does next.
pub(crate) enum Step {
    Data(Bytes),
    Trailers(Fields),
    Fail(Error),
    /// Nothing yet: looks again in the next turn.
    Later,
    Sleep(Duration),
    /// Nothing, ever.
    Never,
}

impl Step {
    pub(crate) fn data(text: impl Into<Vec<u8>>) -> Step {
        Step::Data(Bytes::from(text.into()))
    }
}

/// A body that does what it is told, and then ends.
pub(crate) struct Script {
    steps: VecDeque<Step>,
    length: Option<u64>,
    sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

impl Script {
    pub(crate) fn body(length: Option<u64>, steps: impl IntoIterator<Item = Step>) -> Body {
        Body::Stream(Box::new(Script::new(length, steps)))
    }

    pub(crate) fn new(length: Option<u64>, steps: impl IntoIterator<Item = Step>) -> Script {
        Script { steps: steps.into_iter().collect(), length, sleep: None }
    }
}

impl BodySource for Script {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        match self.steps.pop_front() {
            Some(Step::Data(bytes)) => {
                self.length = self.length.map(|left| left.saturating_sub(bytes.len() as u64));
                Poll::Ready(Some(Ok(Frame::Data(bytes))))
            }
            Some(Step::Trailers(fields)) => Poll::Ready(Some(Ok(Frame::Trailers(fields)))),
            Some(Step::Fail(error)) => Poll::Ready(Some(Err(error))),
            Some(Step::Later) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Sleep(time)) => {
                self.sleep = Some(Box::pin(tokio::time::sleep(time)));
                self.poll_frame(cx)
            }
            Some(Step::Never) => {
                self.steps.push_front(Step::Never);
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.length
    }
}

/// Reads a body to its end: its data, and its trailers as lines.
pub(crate) async fn collect(body: &mut Body) -> Result<(Vec<u8>, String), Error> {
    let (mut data, mut lines) = (Vec::new(), String::new());
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        match frame? {
            Frame::Data(bytes) => data.extend_from_slice(&bytes),
            Frame::Trailers(fields) => {
                for (_, name, value) in fields.iter() {
                    lines += &format!("{}: {}\n", String::from_utf8_lossy(name), String::from_utf8_lossy(value));
                }
            }
        }
    }
    Ok((data, lines))
}

pub(crate) fn fields(list: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in list {
        fields.add_named(name.as_bytes(), value.as_bytes());
    }
    fields
}

pub(crate) fn idle_context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Bytes in which no part is like another.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(next).collect()
}
