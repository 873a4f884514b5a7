//! What is told on a request's way to whoever explains it. Serving tells nobody, and that costs nothing.

use glorieta_core::RequestHead;
use glorieta_filters::{Filter, Noted, Step};
use glorieta_policy::{Found, Table, View};

pub trait Watch {
    /// The route was looked for with what was known then.
    fn found(&mut self, _table: &Table, _view: &View<'_>, _found: &Found) {}

    /// The head is what an upstream may see, before any filter.
    fn prepared(&mut self, _head: &RequestHead) {}

    /// A filter has run and left the head so; `noted`: what is known so far for the answer.
    fn filtered(&mut self, _filter: &Filter, _head: &RequestHead, _step: &Step, _noted: Noted) {}
}

impl Watch for () {}
