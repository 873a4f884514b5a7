//! One request's way, told without sending anything: the same snapshot, the same functions as `serve`, no sockets.
//!
//! ```text
//! place     which listener hears it
//! head      its bytes, read by the codec that reads them from a socket
//! split     which variant, and who gets a copy
//! http      who, where, filters, target: decided by `serve`, written down by a watcher
//! tcp       the same at layer 4
//! report    what is told, as JSON
//! ```
//!
//! What only the moment knows has no part in it: how fast endpoints are, what is down, what an upstream answers.

mod body;
mod changes;
mod gather;
mod head;
mod http;
mod place;
mod question;
mod report;
mod split;
mod tcp;
#[cfg(test)]
mod tests;
mod watcher;

use glorieta_plan::Plan;

use crate::metrics::Registry;
use crate::secrets::Secrets;
use crate::snapshot::{Duty, Listener, Problem, Snapshot};

pub use question::{Identity, Question};
pub use report::{
    Answer, Because, Change, Chosen, Endpoint, Forward, GatheredPart, Gathering, Handed, Heard, Mirrored, Outcome, Ran,
    Report, Share, Taken,
};

use place::Place;

/// A Plan that is asked instead of served.
pub struct Trial {
    plan: Plan,
    snapshot: Snapshot,
}

impl Trial {
    /// Secrets are not read: what is told may be shown to anybody, and shows the reference.
    ///
    /// # Errors
    /// Everything that is wrong with the Plan.
    pub fn new(plan: Plan) -> Result<Trial, Vec<Problem>> {
        let snapshot = Snapshot::build(&plan, None, &Registry::new(0), &Secrets::as_written())?;
        snapshot.upstreams.values().for_each(|upstream| upstream.refresh());
        Ok(Trial { plan, snapshot })
    }

    /// What would become of a request.
    ///
    /// # Errors
    /// A sentence where the question itself cannot be understood.
    pub fn ask(&self, question: &Question) -> Result<Report, String> {
        let place = Place::read(&question.url)?;
        let client = question.client()?;
        let (listener, why) = match place.listener(&self.snapshot, question.listener.as_deref()) {
            Ok(found) => found,
            Err(why) => return Ok(Report::nothing(why)),
        };
        let heard = Heard { id: listener.id.to_string(), why };
        let Some(plan) = self.planned(listener) else { return Ok(Report::nothing(heard.why)) };
        let shown = question.shown(plan)?.map(Box::new);
        let name = question.server_name(plan, place.server_name())?;
        Ok(match &listener.duty {
            Duty::Udp(route) => tcp::tell(heard, &route.target, None, client),
            Duty::Tcp(route) => {
                let secured = listener.tls.is_some().then(|| tcp::secured(name.as_deref(), shown));
                tcp::tell(heard, route, secured.as_ref(), client)
            }
            Duty::Passthrough(targets) => tcp::tell_by_name(heard, targets, name.as_deref(), client),
            Duty::Http { .. } if place.is_tcp || place.is_udp || place.is_tls != listener.tls.is_some() => {
                let word = if listener.tls.is_some() { "https" } else { "http" };
                let why = format!("listener {} speaks {word}; ask it with a method and {word}://", listener.id);
                Report { listener: Some(heard), ..Report::nothing(why) }
            }
            Duty::Http { .. } => {
                let client = http::Client { address: client, name, shown, version: question.version(plan)? };
                http::tell(heard, listener, &plan.routes, &place, question, client)?
            }
        })
    }

    /// As [`Trial::ask`], with texts as they cross to other languages.
    ///
    /// # Errors
    /// A sentence where the question cannot be understood.
    pub fn ask_json(&self, question: &str) -> Result<String, String> {
        let question: Question = serde_json::from_str(question).map_err(|error| error.to_string())?;
        serde_json::to_string(&self.ask(&question)?).map_err(|error| error.to_string())
    }

    fn planned(&self, listener: &Listener) -> Option<&glorieta_plan::Listener> {
        self.plan.listeners.iter().find(|plan| *plan.id == *listener.id)
    }
}
