//! One request on a stream, until the head of its answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::h2::client::ResponseFuture;
use ::h2::ext::Protocol;
use ::h2::{RecvStream, SendStream};
use bytes::Bytes;
use glorieta_core::{Body, Error, Method, Moment, Name, ResponseHead, Version};
use glorieta_net::{Stream, Timer};

use super::Slot;
use super::driver::Pulse;
use super::failure::{unanswered, unsent};
use super::response_body::ResponseBody;
use super::sending::Sending;
use crate::h1::pump::Waiting;
use crate::h2::carried::Tunnelled;
use crate::multiplexed::{request_out, response_in, websocket};
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

/// What a request for a WebSocket comes to.
pub enum Connected {
    /// It is open: what HTTP/1.1 would say of that, and its stream.
    Open(ResponseHead, Stream),
    Refused(Box<Arrived>),
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
        let (response, stream) = self.begin(message, bodiless)?;
        let expects = !bodiless && request.head.fields.has(Name::Expect);
        let sending = (!bodiless).then(|| Sending::begin(std::mem::take(upload), stream, expects));
        let mut state = Exchanging::new(self, response, sending);
        match poll_fn(|cx| state.poll(cx, request)).await {
            Ok((head, announced, body)) => {
                let bodiless = request.head.method == Method::Head || matches!(head.status, 204 | 304);
                Ok(state.arrived(head, announced, body, bodiless))
            }
            Err(error) => {
                if let Some(sending) = state.sending {
                    *upload = sending.into_upload();
                }
                Err(error)
            }
        }
    }

    /// Asks for a WebSocket by an extended CONNECT (RFC 8441). The endpoint must offer that
    /// ([`Client::offers_websockets`](super::Client::offers_websockets)).
    ///
    /// # Errors
    /// As [`Slot::send`], without a body.
    pub async fn connect(&self, request: &Request<'_>) -> Result<Connected, Error> {
        let (mut message, accept) = websocket::ask_out(request.head, self.client.scheme.clone())?;
        message.extensions_mut().insert(Protocol::from_static(websocket::WEBSOCKET));
        let (response, mut stream) = self.begin(message, false)?;
        let mut state = Exchanging::new(self, response, None);
        let (mut head, announced, body) = poll_fn(|cx| state.poll(cx, request)).await?;
        if !(200..300).contains(&head.status) {
            // It fails only on a stream that has ended, which the answer tells.
            let _ = stream.send_data(Bytes::new(), true);
            return Ok(Connected::Refused(Box::new(state.arrived(head, announced, body, false))));
        }
        websocket::opened(&mut head, &accept);
        let pulse = self.client.pulse.clone();
        let tunnelled = Tunnelled::new(body, stream, move || pulse.beat());
        Ok(Connected::Open(head, Stream::Carried(Box::new(tunnelled))))
    }

    fn begin(&self, message: http::Request<()>, end: bool) -> Result<(ResponseFuture, SendStream<Bytes>), Error> {
        let mut sender = self.client.sender.borrow().clone();
        sender.send_request(message, end).map_err(|error| unsent(&error))
    }
}

type Head = (ResponseHead, Option<u64>, RecvStream);

impl<'a> Exchanging<'a> {
    fn new(slot: &'a Slot, response: ResponseFuture, sending: Option<Sending>) -> Exchanging<'a> {
        let (timer, patience, interims) = (Timer::new(), Patience::new(), Interims::default());
        Exchanging { slot, response, sending, timer, patience, interims }
    }

    /// The answer; `bodiless`: it has no body by rule.
    fn arrived(self, head: ResponseHead, announced: Option<u64>, body: RecvStream, bodiless: bool) -> Arrived {
        let pulse = self.slot.client.pulse.clone();
        let body = if body.is_end_stream() {
            None
        } else if bodiless {
            pulse.see_off(body);
            None
        } else {
            Some(body)
        };
        Arrived { head, announced, body, sending: self.sending, timer: self.timer, pulse }
    }

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
        Ok((head, announced, response.into_body()))
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
