//! When a connection has nothing to do, which its service is told.

use glorieta_core::Moment;

use crate::service::Service;

#[derive(Clone, Copy, Default)]
pub(crate) struct Rest {
    since: Option<Moment>,
}

impl Rest {
    /// Since when there has been nothing to do.
    pub fn since(self) -> Option<Moment> {
        self.since
    }

    /// Begins to count anew, where there is nothing to do.
    pub fn again(&mut self) {
        self.since = self.since.map(|_| Moment::now());
    }

    pub fn begin<S: Service>(&mut self, service: &S) {
        if self.since.is_none() {
            self.since = Some(Moment::now());
            service.became_idle();
        }
    }

    /// There is something to do, or the connection has ended.
    pub fn end<S: Service>(&mut self, service: &S) {
        if self.since.take().is_some() {
            service.ceased_idle();
        }
    }
}
