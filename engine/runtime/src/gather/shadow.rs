//! Parts for which nobody waits: sent once the request knows all that they need, their answers thrown away.

use std::sync::Arc;
use std::time::Duration;

use glorieta_core::Body;
use glorieta_policy::gather::partial::Reason;

use super::{Asked, Part};
use crate::shadow::{self, Asking, Place};
use crate::snapshot::{Route, Target};
use crate::worker::current_worker;

/// How long one may take that says nothing itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a part of a route, and forgets it. The route outlives a reload. Where too many are under way it is not sent,
/// and counted as overloaded.
pub fn send(route: Arc<Route>, place: usize, asked: Asked, key: Option<u64>) {
    let Target::Gather(gather) = &route.target else { return };
    let Some(counted) = Place::take() else {
        return gather.parts[place].series.count(current_worker(), Some(Reason::Overloaded));
    };
    tokio::task::spawn_local(async move {
        let _counted = counted;
        if let Target::Gather(gather) = &route.target {
            run(&gather.parts[place], asked, key).await;
        }
    });
}

async fn run(part: &Part, asked: Asked, key: Option<u64>) {
    let Asked { mut head, body } = asked;
    let asking = Asking {
        upstream: &part.upstream,
        host: &part.host,
        timeouts: part.timeouts,
        retries: part.retries,
        key,
        patience: part.timeout.unwrap_or(PATIENCE),
    };
    let outcome = match shadow::ask(&asking, &mut head, body.map_or(Body::Empty, Body::Full)).await {
        Ok(200..=299) => None,
        Ok(_) => Some(Reason::Status),
        Err(error) => Some(Reason::of(error.kind)),
    };
    part.series.count(current_worker(), outcome);
}
