//! Drives a connection: takes its requests, watches its time, and ends it without losing one where that can be helped.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Peer};
use glorieta_net::Timer;
use h3::error::{Code, ConnectionError, LocalError};
use h3::server::{Connection, RequestResolver};
use tokio::task::JoinSet;

use super::stream::answer_request;
use crate::h3::transport::{Shared, Transport};
use crate::multiplexed::{Resets, Rest};
use crate::service::Service;

/// How long a connection that says its end may still bring requests that were on their way.
const LAST_REQUEST: Duration = Duration::from_millis(500);
/// How long its last words may take to be heard.
const LAST_WORDS: Duration = Duration::from_millis(50);
/// So far beyond the last request lies the number that is said first when no more are to come: those that are on
/// their way are still answered (RFC 9114 §5.2).
const ON_THEIR_WAY: usize = 1000;
/// Turns of the worker in which the end of a connection is sent.
const TURNS: usize = 4;

/// How far a connection is from its end.
#[derive(Clone, Copy)]
enum Stage {
    Open,
    /// No more requests are to come, and `told`: the client knows; those on their way are still taken.
    Leaving {
        since: Moment,
        told: bool,
    },
    /// Those under way are finished.
    Last {
        since: Moment,
    },
}

pub struct Driver<S> {
    connection: Connection<Transport, Bytes>,
    shared: Rc<Shared>,
    timer: Timer,
    peer: Peer,
    service: Rc<S>,
    begun: Moment,
    /// The requests under way; each says whether its client stayed for the answer.
    streams: JoinSet<bool>,
    resets: Resets,
    accepted: u32,
    stage: Stage,
    rest: Rest,
}

impl<S: Service + 'static> Driver<S> {
    pub fn new(
        connection: Connection<Transport, Bytes>,
        shared: Rc<Shared>,
        timer: Timer,
        peer: Peer,
        service: Rc<S>,
        begun: Moment,
    ) -> Driver<S> {
        Driver {
            connection,
            shared,
            timer,
            peer,
            service,
            begun,
            streams: JoinSet::new(),
            resets: Resets::new(begun),
            accepted: 0,
            stage: Stage::Open,
            rest: Rest::default(),
        }
    }

    pub async fn run(mut self) {
        let error = poll_fn(|cx| self.poll(cx)).await;
        let Driver { connection, service, shared, mut streams, mut rest, peer, begun, .. } = self;
        rest.end(&*service);
        if let Some(error) = error.or_else(|| shared.broken()) {
            service.broken(&peer, begun, &error);
        }
        // Requests under way see that their connection is gone, and say so before they end.
        drop(connection);
        while streams.join_next().await.is_some() {}
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }

    /// Ready at the connection's end, with what the client was sent away for.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Error>> {
        loop {
            if let Some(flood) = self.notice_ends(cx) {
                return Poll::Ready(Some(flood));
            }
            self.notice_closing(cx);
            let come = pin!(self.connection.accept()).poll(cx);
            match come {
                Poll::Ready(Ok(Some(resolver))) => {
                    self.accept(resolver);
                    continue;
                }
                // The client has said its end, and nothing is under way.
                Poll::Ready(Ok(None)) => return Poll::Ready(None),
                Poll::Ready(Err(error)) => return Poll::Ready(broken(&error)),
                Poll::Pending => {}
            }
            self.notice_rest();
            match self.poll_patience(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn accept(&mut self, resolver: RequestResolver<Transport, Bytes>) {
        let Some(state) = self.shared.take() else { return };
        self.accepted = self.accepted.saturating_add(1);
        self.resets.pass(Moment::now());
        self.resets.open();
        self.rest.end(&*self.service);
        self.streams.spawn_local(answer_request(self.service.clone(), self.peer, resolver, state));
    }

    /// Notices requests that have ended; what the client is to be sent away for.
    fn notice_ends(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        while let Poll::Ready(Some(ended)) = self.streams.poll_join_next(cx) {
            if matches!(ended, Ok(false)) && self.has_given_up_too_many() {
                self.shared.close(Code::H3_EXCESSIVE_LOAD, "streams that are opened and reset");
                return Some(Error::because(Kind::Flood, "streams that are opened and reset"));
            }
        }
        None
    }

    /// Counts a request that its client has given up.
    fn has_given_up_too_many(&mut self) -> bool {
        self.resets.pass(Moment::now());
        self.resets.reset()
    }

    fn notice_closing(&mut self, cx: &mut Context<'_>) {
        let now = Moment::now();
        if let Stage::Open = self.stage {
            if self.service.is_closing() {
                self.leave(now);
            } else if self.has_had_enough() {
                self.refuse_more(cx, now);
            }
        }
        if let Stage::Leaving { since, told: false } = self.stage
            && self.shared.has_taken_any()
        {
            self.stage = Stage::Leaving { since, told: true };
            self.say_last(cx, ON_THEIR_WAY);
        }
    }

    fn has_had_enough(&self) -> bool {
        self.service.settings().are_enough(self.accepted)
    }

    /// Asks the client for no more requests.
    fn leave(&mut self, now: Moment) {
        self.stage = Stage::Leaving { since: now, told: false };
    }

    /// Takes no more requests. They may be sent anew, on another connection (RFC 9114 §5.2).
    fn refuse_more(&mut self, cx: &mut Context<'_>, now: Moment) {
        self.stage = Stage::Last { since: now };
        self.shared.refuse_from_now();
        self.say_last(cx, 1);
    }

    /// Says how far beyond the last request no more are taken. Whether it arrives is the client's affair: it is polled
    /// once, and there is room for these few bytes unless a client makes none.
    fn say_last(&mut self, cx: &mut Context<'_>, beyond: usize) {
        let _ = pin!(self.connection.shutdown(beyond)).poll(cx);
    }

    /// Notices when there is nothing to do any more.
    fn notice_rest(&mut self) {
        if !self.streams.is_empty() {
            self.rest.end(&*self.service);
        } else {
            self.rest.begin(&*self.service);
        }
    }

    /// Ready with whether to go on, once something has taken too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(until) = self.patience() else {
            // It is polled all the same: whoever rings its alarm wakes the connection.
            self.timer.disarm();
            return self.timer.poll(cx).map(|()| true);
        };
        ready!(self.timer.poll_until(cx, until));
        let now = Moment::now();
        match self.stage {
            Stage::Open => self.leave(now),
            Stage::Leaving { .. } => self.refuse_more(cx, now),
            Stage::Last { .. } => return Poll::Ready(false),
        }
        Poll::Ready(true)
    }

    /// Until when nothing need happen.
    fn patience(&self) -> Option<Moment> {
        let settings = self.service.settings();
        match self.stage {
            Stage::Open if self.accepted == 0 => self.rest.since().map(|since| since.plus(settings.head_timeout)),
            Stage::Open => self.rest.since().map(|since| since.plus(settings.keep_alive)),
            Stage::Leaving { since, .. } => Some(since.plus(LAST_REQUEST.min(settings.keep_alive))),
            Stage::Last { since } => self.rest.since().map(|idle| idle.max(since.plus(LAST_WORDS))),
        }
    }
}

/// Why `h3` has ended the connection, where that was the client's doing.
fn broken(error: &ConnectionError) -> Option<Error> {
    match error {
        ConnectionError::Local { error: LocalError::Application { code, reason, .. }, .. } => {
            let kind = if *code == Code::H3_EXCESSIVE_LOAD { Kind::Flood } else { Kind::ProtocolBroken };
            Some(Error::new(kind).with_detail(format!("{code}: {reason}")))
        }
        _ => None,
    }
}
