//! Writes down what `serve` decides while it decides it.

use glorieta_core::{Name, RequestHead};
use glorieta_filters::{Filter, Noted, Step};
use glorieta_policy::route::Explanation;
use glorieta_policy::{Found, Table, View};

use super::changes;
use super::head::{Pairs, pairs};
use super::report::{Change, Ran};
use crate::serve::Watch;

/// Fields that are written from the body's framing, whatever becomes of the head.
const FRAMING: [&str; 2] = [Name::ContentLength.text(), Name::TransferEncoding.text()];

pub struct Watcher<'a> {
    routes: &'a [glorieta_plan::Route],
    pub found: Option<u32>,
    pub explanation: Explanation,
    pub filters: Vec<Ran>,
    /// The fields as they were after the last step.
    fields: Pairs,
}

impl<'a> Watcher<'a> {
    pub fn new(routes: &'a [glorieta_plan::Route]) -> Watcher<'a> {
        Watcher { routes, found: None, explanation: Explanation::default(), filters: Vec::new(), fields: Vec::new() }
    }

    fn changes(&mut self, head: &RequestHead) -> Vec<Change> {
        let fields = pairs(&head.fields);
        let changes = changes::between(&self.fields, &fields);
        self.fields = fields;
        changes
    }

    fn changed(&mut self, filter: &'static str, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.filters.push(Ran { filter, outcome: "changed", detail: changes::in_words(&changes), changes });
        }
    }
}

impl Watch for Watcher<'_> {
    fn found(&mut self, table: &Table, view: &View<'_>, found: &Found) {
        self.found = match found {
            Found::Route(index) => Some(*index),
            Found::MethodNotAllowed(_) | Found::None => None,
        };
        self.explanation = table.explain(self.routes, view, self.found);
        self.fields = pairs(&view.head.fields);
    }

    fn prepared(&mut self, head: &RequestHead) {
        let is = |change: &Change, names: &[&str]| names.iter().any(|name| change.name.eq_ignore_ascii_case(name));
        let (mut hop, mut forwarded, mut id) = (Vec::new(), Vec::new(), Vec::new());
        for change in self.changes(head).into_iter().filter(|change| !is(change, &FRAMING)) {
            if is(&change, &[Name::XRequestId.text()]) {
                id.push(change);
            } else if change.change == "removed" && !is_claim(&change.name) {
                hop.push(change);
            } else {
                forwarded.push(change);
            }
        }
        self.changed("hop_by_hop", hop);
        self.changed("forwarded", forwarded);
        self.changed("request_id", id);
    }

    fn filtered(&mut self, filter: &Filter, head: &RequestHead, step: &Step, noted: Noted) {
        let changes = self.changes(head);
        let (outcome, detail) = match (step, filter) {
            (Step::Refuse(error), _) => ("refused", error.to_string()),
            (Step::Continue, Filter::Addresses(_)) => ("passed", String::new()),
            (Step::Continue, Filter::MaxBody(limit)) => ("passed", format!("at most {} bytes", limit.bytes)),
            (Step::Continue, Filter::Headers(_) | Filter::Decompress(_) | Filter::GrpcWeb) if !changes.is_empty() => {
                ("changed", changes::in_words(&changes))
            }
            (Step::Continue, Filter::Headers(_) | Filter::GrpcWeb) => ("passed", String::new()),
            (Step::Continue, Filter::Decompress(_)) => ("passed", "the body is not compressed".to_owned()),
            (Step::Continue, Filter::Compress(compress)) => ("passed", compress.tell(noted)),
        };
        self.filters.push(Ran { filter: filter.word(), outcome, detail, changes });
    }
}

/// Whether it speaks of the client, which only trusted proxies may.
fn is_claim(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name == "forwarded"
        || name == "x-real-ip"
        || name.as_bytes() == crate::mirror::MARK
        || name.starts_with("x-forwarded-")
}
