//! The body of a handler's answer, where it comes in pieces.

use std::rc::Rc;
use std::task::{Context, Poll};

use glorieta_core::{BodySource, Error, Frame, Kind, Moment};
use glorieta_net::Timer;

use super::call::Call;
use super::flow::{Inflow, Upload};

/// Cancels the request when it is dropped before its end.
pub(super) struct AnswerBody {
    pub call: Call,
    pub inflow: Rc<Inflow>,
    /// What is still sent of the request's body: a handler may answer while it reads.
    pub upload: Upload,
    /// Bytes that are still to come, where the handler has said how many.
    pub left: Option<u64>,
    pub deadline: Option<(Moment, Timer)>,
}

impl BodySource for AnswerBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let polled = self.poll_piece(cx);
        if let Poll::Ready(Some(Err(error))) = &polled {
            self.call.talk.handler.series.failed(error.kind);
        }
        polled
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }
}

impl AnswerBody {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        self.call.poll_upload(cx, &mut self.upload);
        match self.inflow.poll_piece(cx, &self.call.line) {
            Poll::Ready(Some(Ok(data))) => {
                if let Some(left) = &mut self.left {
                    let Some(rest) = left.checked_sub(data.len() as u64) else {
                        return failed("the answer is longer than its content-length says");
                    };
                    *left = rest;
                }
                Poll::Ready(Some(Ok(Frame::Data(data))))
            }
            Poll::Ready(None) if self.left.is_some_and(|left| left > 0) => {
                failed("the answer is shorter than its content-length says")
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match &self.deadline {
                Some((deadline, timer)) => {
                    timer.arm_by(*deadline);
                    timer.poll(cx).map(|()| Some(Err(Error::new(Kind::HandlerTimeout))))
                }
                None => Poll::Pending,
            },
        }
    }
}

fn failed(why: &'static str) -> Poll<Option<Result<Frame, Error>>> {
    Poll::Ready(Some(Err(Error::because(Kind::HandlerFailed, why))))
}
