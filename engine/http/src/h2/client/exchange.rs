//! One request on a stream, until the head of its answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::h2::RecvStream;
use ::h2::client::ResponseFuture;
use glorieta_core::{Body, Error, Method, Moment, Name, ResponseHead, Version};
use glorieta_net::Timer;

use super::Slot;
use super::driver::Pulse;
use super::failure::{unanswered, unsent};
use super::response_body::ResponseBody;
use super::sending::Sending;
use crate::h1::pump::Waiting;
use crate::multiplexed::{request_out, response_in};
use crate::outgoing::{Armed, Interims, Patience, Quiet, Request, Upload};

/// The answer's head has arrived.
pub struct Arrived {
    pub head: ResponseHead,
    /// What `Content-Length` says, also where there is no body.
    pub announced: Option<u64>,
    /// `None`: there is no body.
    body: Option<RecvStream>,
    /// What is still being sent.
    sending: Option<Sending>,
    timer: Timer,
    pulse: Rc<Pulse>,
}

struct Exchanging<'a> {
    slot: &'a Slot,
    response: ResponseFuture,
    sending: Option<Sending>,
    timer: Timer,
    patience: Patience,
    interims: Interims,
}

impl Slot {
    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// `reset`, `first_byte_timeout`, `idle_timeout`, `deadline`, `response_malformed`, `response_head_too_large`,
    /// `head_malformed`, or what the request's body fails with. The stream is reset, and `upload` says whether the
    /// request can be sent again.
    pub async fn send(&self, request: &Request<'_>, upload: &mut Upload) -> Result<Arrived, Error> {
        let length = upload.length();
        let message = request_out(request.head, self.client.scheme.clone(), length)?;
        let bodiless = length == Some(0);
        let mut sender = self.client.sender.borrow().clone();
        let (response, stream) = sender.send_request(message, bodiless).map_err(|error| unsent(&error))?;
        drop(sender);
        let expects = !bodiless && request.head.fields.has(Name::Expect);
        let sending = (!bodiless).then(|| Sending::begin(std::mem::take(upload), stream, expects));
        let (timer, patience, interims) = (Timer::new(), Patience::new(), Interims::default());
        let mut state = Exchanging { slot: self, response, sending, timer, patience, interims };
        match poll_fn(|cx| state.poll(cx, request)).await {
            Ok((head, announced, body)) => {
                let pulse = self.client.pulse.clone();
                Ok(Arrived { head, announced, body, sending: state.sending, timer: state.timer, pulse })
            }
            Err(error) => {
                if let Some(sending) = state.sending {
                    *upload = sending.into_upload();
                }
                Err(error)
            }
        }
    }
}

type Head = (ResponseHead, Option<u64>, Option<RecvStream>);

impl Exchanging<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, request: &Request<'_>) -> Poll<Result<Head, Error>> {
        loop {
            self.send(cx)?;
            if self.interim(cx, request)? {
                continue;
            }
            if let Poll::Ready(answered) = Pin::new(&mut self.response).poll(cx) {
                return Poll::Ready(self.answered(answered, request));
            }
            if self.wait(cx, request)?.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Goes on sending the body. It is kept when it is over, too, so that it can be had back for another try.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        match self.sending.as_mut().map(|sending| sending.poll(cx)) {
            Some(Poll::Ready(Err(error))) => Err(error),
            _ => Ok(()),
        }
    }

    /// Passes interim answers on; `true`: the body may be sent now, and could not before.
    fn interim(&mut self, cx: &mut Context<'_>, request: &Request<'_>) -> Result<bool, Error> {
        let mut allowed = false;
        while let Poll::Ready(Some(interim)) = self.response.poll_informational(cx) {
            let interim = interim.map_err(|error| unanswered(&error, &self.slot.client.pulse))?;
            self.slot.client.pulse.beat();
            self.interims.count()?;
            let (head, _) = response_in(&interim, Version::Http2, &request.limits)?;
            if head.status == 100 {
                if let Some(sending) = &mut self.sending {
                    sending.allow();
                    allowed = true;
                }
            } else if let Some(wire) = request.wire {
                wire.interim(&head);
            }
        }
        Ok(allowed)
    }

    fn answered(
        &mut self,
        answered: Result<http::Response<RecvStream>, ::h2::Error>,
        request: &Request<'_>,
    ) -> Result<Head, Error> {
        let pulse = &self.slot.client.pulse;
        let response = answered.map_err(|error| unanswered(&error, pulse))?;
        pulse.beat();
        let (head, announced) = response_in(&response, Version::Http2, &request.limits)?;
        let bodiless = request.head.method == Method::Head || matches!(head.status, 204 | 304);
        let body = response.into_body();
        if body.is_end_stream() {
            return Ok((head, announced, None));
        }
        if bodiless {
            pulse.see_off(body);
            return Ok((head, announced, None));
        }
        Ok((head, announced, Some(body)))
    }

    /// Arms the timer for what is waited for; ready: something has changed and is to be looked at again.
    fn wait(&mut self, cx: &mut Context<'_>, request: &Request<'_>) -> Result<Poll<()>, Error> {
        let wanted = match self.sending.as_ref().filter(|sending| !sending.is_over()) {
            None => Armed::FirstByte,
            Some(sending) => match sending.waiting() {
                None => Armed::Continue,
                Some((Waiting::Source, _)) => Armed::Deadline,
                Some((Waiting::Sink, moved)) => Armed::Idle(moved),
            },
        };
        let polled = self.patience.poll(cx, &self.timer, wanted, request)?;
        if polled.is_ready()
            && let Some(sending) = &mut self.sending
        {
            sending.allow();
        }
        Ok(polled)
    }
}

impl Arrived {
    /// The answer's body. `hold` is dropped once it has been read, or is itself dropped.
    pub fn into_body<H: 'static>(self, hold: H, idle: Duration, deadline: Option<Moment>) -> (ResponseHead, Body) {
        let Some(stream) = self.body else { return (self.head, Body::Empty) };
        let sending = self.sending.filter(|sending| !sending.is_over());
        let quiet = Quiet::new(idle, deadline);
        let body = ResponseBody::new(stream, self.announced, sending, self.timer, quiet, self.pulse, hold);
        (self.head, Body::Stream(Box::new(body)))
    }
}
