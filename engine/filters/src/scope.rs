//! What is known of a request beside its head, for templates.

use std::cell::Cell;

use glorieta_core::{Peer, RequestHead, RequestId, Secured};
use glorieta_policy::{Parameters, View};

use crate::Noted;

#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub peer: &'a Peer,
    pub id: &'a RequestId,
    pub parameters: &'a Parameters,
    /// The path that `parameters` point into; `None`: the head's.
    pub matched_path: Option<&'a [u8]>,
    pub listener: &'a str,
    pub route: &'a str,
    /// `None`: the client's connection is in clear.
    pub secured: Option<&'a Secured>,
    /// What filters of the request note for its answer.
    pub noted: &'a Cell<Noted>,
}

impl<'a> Scope<'a> {
    /// Everything that words read.
    pub fn view(&self, head: &'a RequestHead) -> View<'a> {
        View {
            head,
            peer: self.peer,
            id: self.id,
            parameters: self.parameters,
            matched_path: self.matched_path,
            listener: self.listener,
            route: self.route,
            secured: self.secured,
            outcome: None,
        }
    }
}

/// The scope of a request in clear from this client, for tests.
#[cfg(test)]
pub(crate) fn with_scope<T>(client: Option<std::net::IpAddr>, work: impl FnOnce(&Scope<'_>) -> T) -> T {
    work(&Scope {
        peer: &Peer { address: None, client, scheme: glorieta_core::Scheme::Http, trusted: false },
        id: &RequestId::random(1),
        parameters: &Parameters::default(),
        matched_path: None,
        listener: "web",
        route: "/",
        secured: None,
        noted: &Cell::default(),
    })
}
