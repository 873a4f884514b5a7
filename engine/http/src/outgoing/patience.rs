//! How long an endpoint is waited for: at each moment for one thing, with the request's deadline above all.

use std::task::{Context, Poll};
use std::time::Duration;

use glorieta_core::{Error, Kind, Moment};
use glorieta_net::Timer;

use super::Request;

/// How long an endpoint may keep silent about `Expect: 100-continue` until the body is sent all the same
/// (RFC 9110 §10.1.1).
pub(crate) const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// What the timer is armed for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Armed {
    Not,
    FirstByte,
    /// The sink must move; it had moved so far.
    Idle(u64),
    Continue,
    /// The source is waited for, which is timed elsewhere; only the deadline counts.
    Deadline,
}

/// Times the wait for an answer's head.
pub(crate) struct Patience(Armed);

impl Patience {
    pub(crate) fn new() -> Patience {
        Patience(Armed::Not)
    }

    /// Arms the timer for what is waited for. Ready: `100 Continue` has been waited for long enough.
    ///
    /// # Errors
    /// `deadline`, `idle_timeout`, `first_byte_timeout`.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        timer: &Timer,
        wanted: Armed,
        request: &Request<'_>,
    ) -> Result<Poll<()>, Error> {
        if wanted != self.0 {
            self.0 = wanted;
            let patience = match wanted {
                Armed::FirstByte => Some(request.first_byte),
                Armed::Idle(_) => Some(request.idle),
                Armed::Continue => Some(CONTINUE_WAIT),
                Armed::Deadline | Armed::Not => None,
            };
            arm(timer, patience, request.deadline);
        }
        if timer.poll(cx).is_pending() {
            return Ok(Poll::Pending);
        }
        if request.deadline.is_some_and(|deadline| Moment::now() >= deadline) {
            return Err(Error::new(Kind::Deadline));
        }
        match self.0 {
            Armed::Continue => Ok(Poll::Ready(())),
            Armed::Idle(_) => Err(Error::because(Kind::IdleTimeout, "the endpoint does not read")),
            _ => Err(Error::new(Kind::FirstByteTimeout)),
        }
    }
}

/// Times the pauses of an answer's body.
pub(crate) struct Quiet {
    idle: Duration,
    deadline: Option<Moment>,
    waiting: bool,
}

impl Quiet {
    pub(crate) fn new(idle: Duration, deadline: Option<Moment>) -> Quiet {
        Quiet { idle, deadline, waiting: false }
    }

    /// Something has moved.
    pub(crate) fn broken(&mut self) {
        self.waiting = false;
    }

    /// Times the wait for more; an error once it has taken too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, timer: &Timer) -> Option<Error> {
        if !std::mem::replace(&mut self.waiting, true) {
            arm(timer, Some(self.idle), self.deadline);
        }
        if timer.poll(cx).is_pending() {
            return None;
        }
        let late = self.deadline.is_some_and(|deadline| Moment::now() >= deadline);
        Some(Error::new(if late { Kind::Deadline } else { Kind::IdleTimeout }))
    }
}

/// Arms a timer for the earlier of a step's end and the deadline of all.
fn arm(timer: &Timer, patience: Option<Duration>, deadline: Option<Moment>) {
    let step = patience.map(|patience| Moment::now().plus(patience));
    match (step, deadline) {
        (Some(step), Some(deadline)) => timer.arm(step.min(deadline)),
        (Some(moment), None) | (None, Some(moment)) => timer.arm(moment),
        (None, None) => timer.disarm(),
    }
}
