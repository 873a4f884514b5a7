//! What a connection and the body of its request share: the socket, what was read ahead, and one timer.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Moment, Peer, ResponseHead, Wire};
use glorieta_net::{Relay, Silence, Stream, Timer};
use tokio::io::AsyncWrite;

use super::recycle;
use super::request_body::BodyState;
use crate::buffers::{self, Input};
use crate::h1::codec::{Close, Framing, write_response};

/// How long a closing connection is read from, so that its last answer is not destroyed by a reset.
const LINGER: Duration = Duration::from_secs(2);
/// How much a closing connection is read from.
const LINGER_BYTES: usize = 256 << 10;
/// How long after the end of a client's direction it is asked whether it is there: most answers are ready by then.
const BEFORE_ASKING: Duration = Duration::from_millis(10);
/// How long its reset is waited for at first; then twice as long each time, since it may live far away.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Interim answers that may wait for a client that does not read.
const MOST_INTERIM: usize = 16 << 10;

pub struct Connection {
    /// `None` once it has become a tunnel's.
    stream: RefCell<Option<Stream>>,
    input: RefCell<Input>,
    pub timer: Timer,
    pub peer: Peer,
    pub body: Cell<BodyState>,
    pub bytes_in: Cell<u64>,
    /// When the first byte of the first request had come, where that was looked at before.
    begun: Cell<Option<Moment>>,
    watch: Cell<Watch>,
    /// Whether the client understands 1xx.
    pub knows_interim: Cell<bool>,
    /// Whether what is written are chunks, between which nothing else may come.
    chunked: Cell<bool>,
    interim: RefCell<Vec<u8>>,
}

/// How a client is watched while its request is answered.
#[derive(Clone, Copy, Debug)]
enum Watch {
    /// For a reset, or the end of its direction.
    Silence,
    /// It has ended its direction: it waits for its answer, or nobody is there any more. At `look` it is asked which,
    /// or was asked and has had time to answer.
    Ended {
        look: Moment,
        wait: Duration,
        asked: bool,
    },
    Off,
}

/// What is known of a client that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// It waits for its answer, for all that is known.
    Waits,
    /// It has ended its direction. Bytes that change nothing ask it whether it is there: it answers with a reset if it
    /// has gone, and not at all if it has not.
    Unasked,
    Gone,
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Connection {
    pub fn new(stream: Stream, timer: Timer, peer: Peer) -> Connection {
        Connection {
            stream: RefCell::new(Some(stream)),
            input: RefCell::default(),
            timer,
            peer,
            body: Cell::new(BodyState::Done),
            bytes_in: Cell::new(0),
            begun: Cell::new(None),
            watch: Cell::new(Watch::Silence),
            knows_interim: Cell::new(false),
            chunked: Cell::new(false),
            interim: RefCell::default(),
        }
    }

    pub fn set_begun(&self, begun: Moment) {
        self.begun.set(Some(begun));
    }

    pub fn take_begun(&self) -> Option<Moment> {
        self.begun.take()
    }

    pub fn has_input(&self) -> bool {
        !self.input.borrow().is_empty()
    }

    /// Looks at what has been read and not yet been used.
    pub fn with_input<T>(&self, look: impl FnOnce(&mut Input) -> T) -> T {
        look(&mut self.input.borrow_mut())
    }

    pub fn with_stream<T>(&self, work: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        self.stream.borrow_mut().as_mut().map(work)
    }

    /// Writes one or two pieces at once.
    #[inline]
    pub fn poll_write_two(&self, cx: &mut Context<'_>, first: &[u8], second: &[u8]) -> Poll<io::Result<usize>> {
        self.with_stream(|stream| stream.poll_write_two(cx, first, second)).unwrap_or_else(|| Poll::Ready(Err(gone())))
    }

    /// Passes on what a relay holds; how much the client has taken.
    pub fn poll_drain(&self, cx: &mut Context<'_>, relay: &mut Relay) -> Poll<io::Result<usize>> {
        self.with_stream(|stream| relay.poll_drain(cx, stream)).unwrap_or_else(|| Poll::Ready(Err(gone())))
    }

    /// Reads more behind what is there already; `Ok(0)` at the end.
    pub fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self.stream.borrow_mut().as_mut() {
            Some(stream) => self.input.borrow_mut().poll_fill(cx, stream, usize::MAX),
            None => Poll::Ready(Err(gone())),
        }
    }

    /// Ready once a deadline has passed. The timer is shared by whoever waits on this connection, each for its own.
    pub fn poll_until(&self, cx: &mut Context<'_>, deadline: Moment) -> Poll<()> {
        self.timer.arm_by(deadline);
        loop {
            match self.timer.poll(cx) {
                Poll::Ready(()) if Moment::now() < deadline => self.timer.arm(deadline),
                other => return other,
            }
        }
    }

    /// Gives the buffer back if it is empty, and keeps what little there is in one of its own.
    pub fn settle(&self) {
        self.input.borrow_mut().settle();
    }

    /// Prepares for the body of the next request.
    pub fn begin_body(&self) {
        self.body.set(BodyState::Done);
        self.bytes_in.set(0);
        self.watch.set(Watch::Silence);
        self.chunked.set(false);
    }

    /// From now on nothing may come between what is written; `chunked`: the client can be asked within it.
    pub fn begin_answer(&self, chunked: bool) {
        self.knows_interim.set(false);
        self.chunked.set(chunked);
        if matches!(self.watch.get(), Watch::Ended { .. }) {
            let again = Watch::Ended { look: Moment::now(), wait: FIRST_LOOK, asked: false };
            self.watch.set(if chunked { again } else { Watch::Off });
        }
    }

    /// The whole body, if it has been read already.
    pub fn take_whole_body(&self, length: u64) -> Option<Bytes> {
        let mut input = self.input.borrow_mut();
        let length = usize::try_from(length).ok().filter(|&length| length <= input.len())?;
        self.bytes_in.set(length as u64);
        Some(input.split_to(length).freeze())
    }

    /// Whether the client has gone before its answer has begun. Ending its direction after a whole request is no abort
    /// (RFC 9112 §9.6 lets it), but closing looks the same: it is asked by an interim answer, which every client must
    /// understand that speaks HTTP/1.1 (RFC 9110 §15.2).
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> bool {
        loop {
            match self.poll_client(cx) {
                Client::Waits => return false,
                Client::Gone => return true,
                Client::Unasked => {
                    self.send_continue();
                    if self.poll_interim(cx).is_err() {
                        return true;
                    }
                }
            }
        }
    }

    /// Watches the client. Bytes of a next request say nothing either way. Whoever hears that it is unasked asks it,
    /// and polls again.
    pub fn poll_client(&self, cx: &mut Context<'_>) -> Client {
        if self.body.get() != BodyState::Done || self.has_input() {
            return Client::Waits;
        }
        match self.watch.get() {
            Watch::Off => Client::Waits,
            Watch::Silence => self.poll_silence(cx),
            Watch::Ended { look, wait, asked } => self.poll_ended(cx, look, wait, asked),
        }
    }

    fn poll_silence(&self, cx: &mut Context<'_>) -> Client {
        let silence = self.with_stream(|stream| stream.poll_silence_broken(cx));
        match silence {
            Some(Poll::Ready(Silence::Broken)) => Client::Gone,
            Some(Poll::Ready(Silence::Ended)) if self.knows_interim.get() => {
                self.poll_ended(cx, Moment::now().plus(BEFORE_ASKING), FIRST_LOOK, false)
            }
            // An answer that pauses may do so for hours.
            Some(Poll::Ready(Silence::Ended)) if self.chunked.get() => {
                self.poll_ended(cx, Moment::now(), FIRST_LOOK, false)
            }
            Some(Poll::Ready(_)) => {
                self.watch.set(Watch::Off);
                Client::Waits
            }
            _ => Client::Waits,
        }
    }

    fn poll_ended(&self, cx: &mut Context<'_>, mut look: Moment, mut wait: Duration, asked: bool) -> Client {
        while self.poll_until(cx, look).is_ready() {
            let now = Moment::now();
            if !asked {
                self.watch.set(Watch::Ended { look: now.plus(wait), wait, asked: true });
                return Client::Unasked;
            }
            if self.with_stream(|stream| stream.has_failed()).unwrap_or(true) {
                return Client::Gone;
            }
            wait = (wait * 2).min(LONGEST_LOOK);
            look = now.plus(wait);
        }
        self.watch.set(Watch::Ended { look, wait, asked });
        Client::Waits
    }

    /// Writes interim answers as far as the client takes them.
    pub fn poll_interim(&self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut interim = self.interim.borrow_mut();
        while !interim.is_empty() {
            let written = self.with_stream(|stream| Pin::new(stream).poll_write(cx, &interim)).ok_or_else(gone)?;
            match written {
                Poll::Ready(count) => drop(interim.drain(..count?)),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Interim answers that are still to be written, to be put in front of what comes next.
    pub fn take_interim(&self) -> Vec<u8> {
        let interim = std::mem::take(&mut *self.interim.borrow_mut());
        if interim.is_empty() { buffers::take_write() } else { interim }
    }

    /// Asks the client for its body.
    pub fn send_continue(&self) {
        self.interim.borrow_mut().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Writes all of `out`.
    pub async fn write_all(&self, out: Vec<u8>, patience: Duration) -> io::Result<()> {
        let mut at = 0;
        self.timer.arm(Moment::now().plus(patience));
        let result = poll_fn(|cx| {
            while at < out.len() {
                let written = self.with_stream(|stream| Pin::new(stream).poll_write(cx, &out[at..]));
                match written.ok_or_else(gone)? {
                    Poll::Ready(count) => at += count?,
                    Poll::Pending if self.timer.poll(cx).is_ready() => {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(Ok(()))
        });
        let result = result.await;
        recycle(out);
        result
    }

    /// Says that no more comes, and reads on for a while: closing with unread bytes would send a reset, which
    /// may overtake the last answer (RFC 9112 §9.6).
    pub async fn linger(&self) {
        self.timer.arm(Moment::now().plus(LINGER));
        let mut left = LINGER_BYTES;
        self.with_input(|input| input.clear());
        poll_fn(|cx| {
            match self.with_stream(|stream| Pin::new(stream).poll_shutdown(cx)) {
                Some(Poll::Ready(Ok(()))) => {}
                Some(Poll::Pending) => return Poll::Pending,
                _ => return Poll::Ready(()),
            }
            loop {
                match self.poll_fill(cx) {
                    Poll::Ready(Ok(count)) if count > 0 && count <= left => {
                        left -= count;
                        self.with_input(|input| input.clear());
                    }
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return self.timer.poll(cx),
                }
            }
        })
        .await;
    }

    /// Makes closing say "reset": the client must not take what it has for a whole answer.
    pub fn reset_on_close(&self) {
        self.with_stream(|stream| stream.reset_on_close());
    }

    /// Whether bytes pass as they are.
    pub fn is_plain(&self) -> bool {
        self.with_stream(|stream| stream.is_plain()).unwrap_or(true)
    }

    /// Gives up what an encrypted connection has not sent yet: its client does not read.
    pub fn forsake(&self) {
        self.with_stream(|stream| stream.forsake());
    }

    /// Lets an encrypted connection send what it holds and say its end; a plain one has nothing more to say.
    pub async fn close(&self, patience: Duration) {
        if self.is_plain() {
            return;
        }
        self.timer.arm(Moment::now().plus(patience));
        poll_fn(|cx| match self.with_stream(|stream| Pin::new(stream).poll_shutdown(cx)) {
            Some(Poll::Pending) => self.timer.poll(cx),
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// What it is made of, for another protocol.
    pub fn into_parts(self) -> Option<(Stream, Bytes, Timer, Peer)> {
        let (stream, input) = self.take()?;
        Some((stream, input, self.timer, self.peer))
    }

    /// Takes socket and read-ahead out, for a tunnel.
    pub fn take(&self) -> Option<(Stream, Bytes)> {
        let stream = self.stream.borrow_mut().take()?;
        Some((stream, self.input.take().into_bytes()))
    }
}

impl Wire for Connection {
    fn interim(&self, head: &ResponseHead) {
        let mut interim = self.interim.borrow_mut();
        if self.knows_interim.get() && interim.len() < MOST_INTERIM {
            write_response(head, Framing::None, Close::KeepAlive, None, &mut interim);
        }
    }

    fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }
}
