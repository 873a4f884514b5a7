//! A connection at layer 4: bytes go through it unread, so only connecting can be tried again.

use glorieta_core::{Error, Moment};
use glorieta_net::Stream;
use glorieta_policy::retry::may_retry;

use crate::attempt::{Search, Way, open};
use crate::lease::Lease;
use crate::pick::Avoided;
use crate::{CallContext, Outcome, Upstream};

/// A connection to an endpoint; the lease lasts as long as it is used.
pub struct Connected {
    pub stream: Stream,
    pub lease: Lease,
}

/// Connects to one of an upstream's endpoints, or another if that fails.
///
/// Of the context, `host`, `upgrade` and `wire` mean nothing here.
///
/// # Errors
/// Why the last try failed; `detail` names the endpoint.
pub async fn connect(upstream: &Upstream, context: &CallContext<'_>) -> Result<Connected, Error> {
    let mut avoided = Avoided::new();
    let mut tries_left = context.retries;
    let mut now = Moment::now();
    upstream.budget.deposit(now);
    loop {
        let search = Search { upstream, key: context.key, avoided: &avoided, fresh: true, deadline: context.deadline };
        let lease = match search.find(now).await? {
            Way::Open(permit) | Way::Idle(_, permit) => Lease::new(permit),
        };
        context.progress.tried(lease.endpoint());
        let began = Moment::now();
        let opened = open(lease.endpoint(), context.timeouts.connect, context.deadline).await;
        now = Moment::now();
        match opened {
            Ok(stream) => {
                upstream.observer.tried(Outcome::Connected, now.since(began).as_nanos() as u64);
                lease.endpoint().ewma.observe(now, now.since(began));
                upstream.note_health(lease.endpoint(), true, now);
                return Ok(Connected { stream, lease });
            }
            Err(error) => {
                upstream.note_failure(lease.endpoint(), &error, began, now);
                // Connecting is as harmless as a method that may be sent twice.
                let method = glorieta_core::Method::Get;
                if may_retry(error.retry, method, tries_left, true, &upstream.budget, now).is_err() {
                    return Err(error);
                }
                upstream.observer.retried(error.kind);
                tries_left -= 1;
                avoided.push(lease.endpoint().number);
            }
        }
    }
}
