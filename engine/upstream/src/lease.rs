//! The right to a connection, and the count of requests under way; both end by being dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_http::h1::client::{Client, Home};

use crate::queue::Grant;
use crate::{Endpoint, State, pool};

/// One of the connections that an endpoint may have. Lives as long as the connection, in use or idle.
pub struct Permit {
    pub(crate) state: Arc<State>,
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Permit {
    /// `None` where the endpoint has `most` connections already.
    pub(crate) fn take(state: &Arc<State>, endpoint: &Arc<Endpoint>, most: u32) -> Option<Permit> {
        endpoint.take_permit(most).then(|| Permit { state: state.clone(), endpoint: endpoint.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.endpoint.connections.fetch_sub(1, Ordering::AcqRel);
        if self.state.queue.waiting() > 0 && !self.endpoint.is_retired() {
            // Whoever waited longest tries first; the permit is taken anew, so that none can be lost on the way.
            self.state.queue.wake_first(Grant::Released(self.endpoint.clone()));
        }
    }
}

/// A permit in use: a request, a tunnel or a layer-4 connection is under way.
pub struct Lease {
    /// `None` only while it is being taken apart.
    permit: Option<Permit>,
    endpoint: Arc<Endpoint>,
}

impl Lease {
    pub(crate) fn new(permit: Permit) -> Lease {
        let endpoint = permit.endpoint.clone();
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Lease { permit: Some(permit), endpoint }
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Home for Lease {
    fn welcome(mut self, client: Client) {
        if let Some(permit) = self.permit.take() {
            pool::give(permit, client);
        }
    }
}
