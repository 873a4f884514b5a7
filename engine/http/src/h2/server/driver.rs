//! Drives a connection: takes its requests, watches its time, and ends it without losing one where that can be helped.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Error, Kind, Moment, Peer, RequestHead, Version};
use glorieta_net::Timer;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;

use super::guarded::{Guarded, Watched};
use super::stream::answer_request;
use crate::multiplexed::{Requests, Rest};
use crate::service::Service;

/// How long a connection that says its end may still bring requests that were on their way.
const LAST_REQUEST: Duration = Duration::from_millis(500);
/// How long its last words may take.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Turns in one go, before the worker's other connections get theirs: a request that comes and is answered at once
/// takes three, to come, to be answered and to leave.
const TURNS: u32 = 3;

/// How far a connection is from its end.
#[derive(Clone, Copy)]
enum Stage {
    Open,
    /// The client knows that no more requests are to come; those under way are finished.
    Leaving {
        since: Moment,
    },
    /// It ends, whatever is under way.
    Ending {
        since: Moment,
    },
}

pub struct Driver<S> {
    connection: Connection<Guarded, Bytes>,
    watched: Rc<Watched>,
    timer: Timer,
    peer: Peer,
    service: Rc<S>,
    begun: Moment,
    /// The requests under way.
    requests: Requests<()>,
    /// Wakes the connection itself.
    waker: Waker,
    accepted: u32,
    stage: Stage,
    rest: Rest,
}

/// What is waited for, and what follows if it does not come.
#[derive(Clone, Copy)]
enum Patience {
    /// A request.
    Request,
    /// The client, to read.
    Reader,
    /// The rest of a head.
    Head,
    /// The end.
    End,
}

impl<S: Service + 'static> Driver<S> {
    pub fn new(
        connection: Connection<Guarded, Bytes>,
        watched: Rc<Watched>,
        timer: Timer,
        peer: Peer,
        service: Rc<S>,
        begun: Moment,
    ) -> Driver<S> {
        let requests = Requests::new();
        let waker = requests.connection_waker();
        waker.wake_by_ref();
        Driver {
            connection,
            watched,
            timer,
            peer,
            service,
            begun,
            requests,
            waker,
            accepted: 0,
            stage: Stage::Open,
            rest: Rest::default(),
        }
    }

    pub async fn run(mut self) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        self.notice_refusals();
        let Driver { connection, service, mut requests, mut rest, peer, begun, .. } = self;
        rest.end(&*service);
        if let Err(error) = end {
            note(&*service, &peer, begun, &error);
        }
        // Requests under way see that their connection is gone, and say so before they end.
        drop(connection);
        poll_fn(|cx| requests.poll_all(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        for _ in 0..TURNS {
            self.requests.begin_turn();
            while self.requests.run().is_some() {}
            if matches!(self.stage, Stage::Open) && (self.service.is_closing() || self.has_had_enough()) {
                self.leave();
            }
            if self.requests.take_connection()
                && let Poll::Ready(end) = self.poll_connection()
            {
                return Poll::Ready(end);
            }
            self.notice_rest();
            match self.poll_patience(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Ok(())),
                Poll::Pending if self.requests.sleep(cx) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves frames, and takes the requests that have come.
    fn poll_connection(&mut self) -> Poll<Result<(), h2::Error>> {
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.accept(request, respond),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    self.notice_refusals();
                    if !self.notice_flood() {
                        return Poll::Pending;
                    }
                }
            }
            if matches!(self.stage, Stage::Open) && self.has_had_enough() {
                self.leave();
            }
        }
    }

    fn accept(&mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        self.watched.meter.borrow_mut().refusals.handed_out(respond.stream_id().as_u32());
        if let Stage::Leaving { since } = self.stage
            && Moment::now().since(since) > LAST_REQUEST
        {
            // It may be sent anew, on another connection (RFC 9113 §8.7).
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        self.accepted = self.accepted.saturating_add(1);
        self.rest.end(&*self.service);
        self.requests.add(answer_request(self.service.clone(), self.peer, request, respond));
    }

    fn has_had_enough(&self) -> bool {
        self.service.settings().are_enough(self.accepted)
    }

    /// Asks the client for no more requests.
    fn leave(&mut self) {
        if let Stage::Open = self.stage {
            self.stage = Stage::Leaving { since: Moment::now() };
            self.connection.graceful_shutdown();
            self.waker.wake_by_ref();
            // What is idle has the time for a last request before it, and no more.
            self.rest.again();
        }
    }

    /// Ends the connection once the client has been told why.
    fn end(&mut self, reason: Reason) {
        self.stage = Stage::Ending { since: Moment::now() };
        self.connection.abrupt_shutdown(reason);
        self.waker.wake_by_ref();
    }

    /// Writes down what the library has refused by itself.
    fn notice_refusals(&self) {
        while let Some(error) = self.watched.next_refusal() {
            let head = RequestHead { version: Version::Http2, ..RequestHead::default() };
            drop(self.service.refuse(&self.peer, head, Moment::now(), error));
        }
    }

    fn notice_flood(&mut self) -> bool {
        let Some(flood) = self.watched.meter.borrow().flood() else { return false };
        if let Stage::Ending { .. } = self.stage {
            return false;
        }
        self.service.broken(&self.peer, self.begun, &Error::because(Kind::Flood, flood.text()));
        self.end(Reason::ENHANCE_YOUR_CALM);
        true
    }

    /// Notices when there is nothing to do any more.
    fn notice_rest(&mut self) {
        if !self.requests.is_empty() || self.connection.has_streams() {
            self.rest.end(&*self.service);
        } else {
            self.rest.begin(&*self.service);
        }
    }

    /// Ready with whether to go on, once something has taken too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match self.patience() {
            Some((until, patience)) => self.timer.poll_until(cx, until).map(|()| self.lose(patience)),
            // It is polled all the same: whoever rings its alarm wakes the connection.
            None => {
                self.timer.disarm();
                self.timer.poll(cx).map(|()| true)
            }
        }
    }

    /// What is waited for the shortest.
    fn patience(&self) -> Option<(Moment, Patience)> {
        let closing = self.watched.closing.get();
        if let Stage::Ending { since } = self.stage {
            return Some((closing.unwrap_or(since).plus(LAST_WORDS), Patience::End));
        }
        let settings = self.service.settings();
        let rest = match self.stage {
            Stage::Open => settings.keep_alive,
            _ => settings.keep_alive.min(LAST_REQUEST),
        };
        let all = [
            closing.map(|since| (since.plus(LAST_WORDS), Patience::End)),
            self.watched.blocked.get().map(|since| (since.plus(settings.write_timeout), Patience::Reader)),
            self.watched.meter.borrow().block().map(|since| (since.plus(settings.head_timeout), Patience::Head)),
            self.rest.since().map(|since| (since.plus(rest), Patience::Request)),
        ];
        all.into_iter().flatten().min_by_key(|(until, _)| *until)
    }

    /// Something did not come in its time; whether there is more to do.
    fn lose(&mut self, patience: Patience) -> bool {
        match (patience, self.stage) {
            (Patience::Request, Stage::Open) => self.leave(),
            (Patience::Request, _) => self.end(Reason::NO_ERROR),
            (Patience::Head, _) => {
                let error = Error::because(Kind::HeadTimeout, "a head did not come to its end");
                self.service.broken(&self.peer, self.begun, &error);
                self.end(Reason::ENHANCE_YOUR_CALM);
            }
            // Requests under way say that the client is gone.
            (Patience::Reader | Patience::End, _) => return false,
        }
        true
    }
}

/// Says why the library has ended a connection, where that was the client's doing.
fn note<S: Service>(service: &S, peer: &Peer, begun: Moment, error: &h2::Error) {
    if !error.is_library() || error.is_io() {
        return;
    }
    let kind = match error.reason() {
        Some(Reason::ENHANCE_YOUR_CALM) => Kind::Flood,
        _ => Kind::ProtocolBroken,
    };
    service.broken(peer, begun, &Error::new(kind).with_detail(error.to_string()));
}
