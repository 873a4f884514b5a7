//! The task that moves a connection's frames, and notices when the endpoint is there no more.
//!
//! An endpoint that vanishes without a word is found by PING, asked only while requests wait and nothing has come for
//! a while. Servers count PINGs against whoever sends many of them while no data flows (gRPC's allow one in five
//! minutes), so one that was answered is followed by another only after as long, or once something else has come.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::h2::client::Connection;
use ::h2::{Ping, PingPong, RecvStream};
use bytes::Bytes;
use glorieta_core::Moment;
use glorieta_net::{Stream, Timer};

/// How long each step may take.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// How long requests may wait without a word of the endpoint until it is asked whether it is there.
    pub quiet: Duration,
    /// How long it may take to say so.
    pub pong: Duration,
    /// From one PING to the next while nothing else comes.
    pub pause: Duration,
    /// How long the last words may take.
    pub closing: Duration,
}

const PACE: Pace = Pace {
    quiet: Duration::from_secs(10),
    pong: Duration::from_secs(10),
    pause: Duration::from_secs(310),
    closing: Duration::from_secs(5),
};

/// How long the end of an answer that is whole is waited for, and for how many at a time.
const ENDING: Duration = Duration::from_secs(1);
const MOST_ENDING: usize = 100;

/// What those who use a connection and the one who drives it know of it together.
pub(super) struct Pulse {
    /// Requests under way.
    pub streams: Cell<u32>,
    /// When heads or data last came.
    pub heard: Cell<Moment>,
    /// Why the connection was given up, where the endpoint did not end it.
    pub given_up: Cell<Option<&'static str>>,
    /// Answers that are whole, and whose end has not come yet.
    ending: RefCell<Vec<(RecvStream, Moment)>>,
}

impl Pulse {
    pub(super) fn new(now: Moment) -> Pulse {
        Pulse { streams: Cell::new(0), heard: Cell::new(now), given_up: Cell::new(None), ending: RefCell::default() }
    }

    /// Waits for the end of an answer that is whole: resetting its stream would be one more cancelled request to the
    /// endpoint, and those who see many of them take it for an attack.
    pub(super) fn see_off(&self, stream: RecvStream) {
        let mut ending = self.ending.borrow_mut();
        if !stream.is_end_stream() && ending.len() < MOST_ENDING {
            ending.push((stream, Moment::recent()));
        }
    }

    /// Lets go of answers whose end has come, or does not come.
    fn end(&self, cx: &mut Context<'_>) {
        let mut ending = self.ending.borrow_mut();
        if !ending.is_empty() {
            let now = Moment::recent();
            ending.retain_mut(|(stream, since)| stream.poll_data(cx).is_pending() && now.since(*since) < ENDING);
        }
    }

    pub(super) fn beat(&self) {
        self.heard.set(Moment::recent());
    }
}

/// Moves frames for as long as there are requests, or whoever could make some. Ends with the connection.
pub struct Driver {
    connection: Connection<Stream, Bytes>,
    ping: Option<PingPong>,
    pulse: Rc<Pulse>,
    pub(super) pace: Pace,
    timer: Timer,
    asked: Option<Moment>,
    /// When it was asked last, and has said so.
    answered: Option<Moment>,
    /// When it was found to be wanted by nobody.
    left: Option<Moment>,
}

impl Driver {
    pub(super) fn new(connection: Connection<Stream, Bytes>, ping: Option<PingPong>, pulse: Rc<Pulse>) -> Driver {
        Driver { connection, ping, pulse, pace: PACE, timer: Timer::new(), asked: None, answered: None, left: None }
    }

    /// When there is something to do, and what that is to be.
    fn next(&mut self, now: Moment) -> Option<Moment> {
        if Rc::strong_count(&self.pulse) == 1 {
            return Some(self.left.get_or_insert(now).plus(self.pace.closing));
        }
        if self.pulse.streams.get() == 0 {
            return None;
        }
        if let Some(asked) = self.asked {
            return Some(asked.plus(self.pace.pong));
        }
        let heard = self.pulse.heard.get();
        let pause = self.answered.filter(|&answered| answered >= heard).map(|answered| answered.plus(self.pace.pause));
        Some(pause.unwrap_or_else(|| heard.plus(self.pace.quiet)))
    }

    /// What is due. Ready: the connection is of no use any more.
    fn act(&mut self, now: Moment) -> Poll<()> {
        if self.left.is_some() {
            return Poll::Ready(());
        }
        if self.asked.is_some() {
            self.pulse.given_up.set(Some("has not answered a PING"));
            return Poll::Ready(());
        }
        // It fails only on a connection that has ended, which is noticed by itself.
        if let Some(ping) = &mut self.ping
            && ping.send_ping(Ping::opaque()).is_ok()
        {
            self.asked = Some(now);
        } else {
            self.answered = Some(now);
        }
        Poll::Pending
    }

    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let (Some(asked), Some(ping)) = (self.asked, &mut self.ping)
            && let Poll::Ready(Ok(_)) = ping.poll_pong(cx)
        {
            self.answered = Some(asked);
            self.asked = None;
        }
        loop {
            let now = Moment::now();
            let Some(due) = self.next(now) else {
                self.timer.disarm();
                return Poll::Pending;
            };
            if now < due {
                self.timer.arm(due);
                if self.timer.poll(cx).is_pending() {
                    return Poll::Pending;
                }
            } else if self.act(now).is_ready() {
                return Poll::Ready(());
            }
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // How it ended is told to each of its requests.
        if Pin::new(&mut self.connection).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.pulse.end(cx);
        self.watch(cx)
    }
}
