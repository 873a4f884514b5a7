//! What is told of tries while they happen: to metrics, and to the log of the request they belong to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::Kind;

use crate::Endpoint;

/// How one try at an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status.
    Status(u16),
    /// A connection at layer 4 was opened.
    Connected,
    Error(Kind),
}

/// Counts what happens at an upstream.
pub trait Observer: Send + Sync {
    /// A try has ended, after so many nanoseconds.
    fn tried(&self, outcome: Outcome, nanoseconds: u64);

    /// A request is tried again, because of this.
    fn retried(&self, because: Kind);
}

/// How far a call has come: readable while it is under way, and after it was cancelled.
#[derive(Default)]
pub struct Progress {
    pub tries: Cell<u16>,
    /// The endpoint tried last.
    pub endpoint: RefCell<Option<Arc<Endpoint>>>,
    /// Tries of this and of others together.
    sum: Option<Rc<Cell<u16>>>,
}

impl Progress {
    /// That of one of several calls, whose tries are added up as they happen.
    pub fn part_of(sum: &Rc<Cell<u16>>) -> Progress {
        Progress { sum: Some(sum.clone()), ..Progress::default() }
    }

    /// What was counted as a try was none: nothing could be sent, and nothing has failed.
    pub(crate) fn not_tried(&self) {
        self.tries.set(self.tries.get().saturating_sub(1));
        if let Some(sum) = &self.sum {
            sum.set(sum.get().saturating_sub(1));
        }
    }

    pub(crate) fn tried(&self, endpoint: &Arc<Endpoint>) {
        self.tries.set(self.tries.get().saturating_add(1));
        if let Some(sum) = &self.sum {
            sum.set(sum.get().saturating_add(1));
        }
        let mut last = self.endpoint.borrow_mut();
        if last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, endpoint)) {
            *last = Some(endpoint.clone());
        }
    }
}
