//! Requests that are kept after their answers: work that follows one may call upstreams, and holds no client up.
//!
//! A handler says that it goes on before its answer is whole. From then on neither the end of the answer nor a client
//! that goes away ends what it has begun, but its own end does, that of its process, or the time that it has for it.

use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use glorieta_carrier::ToHandler;
use glorieta_core::{Kind, Moment};
use glorieta_net::timer;
use tokio::task::AbortHandle;

use super::Process;
use super::end::End;
use super::talk::Talk;
use crate::metrics::{Background, HandlerSeries};

/// Counts a request as one that goes on, for as long as it is there.
pub(super) struct Lingering {
    process: Arc<Process>,
    series: Arc<HandlerSeries>,
    timer: AbortHandle,
}

impl Drop for Lingering {
    fn drop(&mut self) {
        self.timer.abort();
        self.process.lingering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lingering {
    /// Why it is kept no longer.
    pub fn ended(self, how: Background) {
        self.series.background(how);
    }
}

/// Keeps a request until then. `None`: as many of its process go on as may have requests.
pub(super) fn begin(end: &Rc<End>, call: u32, talk: &Talk, until: Moment) -> Option<Lingering> {
    let (process, handler) = (&end.process, &talk.handler);
    if process.lingering.fetch_add(1, Ordering::Relaxed) >= handler.queue {
        process.lingering.fetch_sub(1, Ordering::Relaxed);
        handler.series.background(Background::Refused);
        return None;
    }
    let timer = tokio::task::spawn_local(expire(Rc::downgrade(end), call, until)).abort_handle();
    Some(Lingering { process: process.clone(), series: handler.series.clone(), timer })
}

async fn expire(end: Weak<End>, call: u32, until: Moment) {
    timer::sleep_until(until).await;
    if let Some(end) = end.upgrade() {
        end.forget(call, Background::Deadline);
        end.send(&over(call, Kind::Deadline));
    }
}

/// What a handler is told that goes on and whose request is not kept.
pub(super) fn over(call: u32, why: Kind) -> ToHandler {
    ToHandler::Over { call, reason: Bytes::from_static(why.reason().as_bytes()) }
}
