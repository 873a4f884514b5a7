//! A connection at layer 4: bytes go through it unread, so only connecting can be tried again.

use glorieta_core::{Error, Kind, Moment};
use glorieta_net::Stream;
use glorieta_policy::retry::may_retry;

use crate::attempt::{Search, Wanted, Way, open};
use crate::lease::Lease;
use crate::pick::Avoided;
use crate::{CallContext, Outcome, Upstream};

/// A connection to an endpoint; the lease lasts as long as it is used.
pub struct Connected {
    pub stream: Stream,
    pub lease: Lease,
}

/// Connects to one of an upstream's endpoints, or another if that fails. `preface`: what goes before everything else.
///
/// Of the context, `host`, `upgrade` and `wire` mean nothing here.
///
/// # Errors
/// Why the last try failed; `detail` names the endpoint.
pub async fn connect(upstream: &Upstream, context: &CallContext<'_>, preface: &[u8]) -> Result<Connected, Error> {
    let mut avoided = Avoided::new();
    let mut tries_left = context.retries;
    let mut now = Moment::now();
    upstream.budget.deposit(now);
    loop {
        let search = Search {
            upstream,
            key: context.key,
            avoided: &avoided,
            wanted: Wanted::New,
            shared: false,
            patience: context.timeouts.connect,
            deadline: context.deadline,
        };
        let lease = match search.find(now).await? {
            Way::Open(permit) | Way::Idle(_, permit) => Lease::new(permit),
            Way::Seat(_) | Way::Joined(_) => return Err(Error::because(Kind::Internal, "a shared connection")),
        };
        context.progress.tried(lease.endpoint());
        let began = Moment::now();
        let opened = open(lease.endpoint(), preface, context.timeouts.connect, context.deadline).await;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::testing::{Caller, Recorder, Refusing, build, build_observed, endpoint, on_worker, plan};

    #[test]
    fn a_refused_connection_goes_elsewhere() {
        on_worker(async {
            let refusing = Refusing::new();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let recorder = Arc::<Recorder>::default();
            let upstream = build_observed(&plan(&[&refusing.address, &address]), &recorder);
            let caller = Caller::retrying(1);
            let Connected { mut stream, lease } = connect(&upstream, &caller.context(), b"").await.unwrap();
            assert!(Arc::ptr_eq(lease.endpoint(), &endpoint(&upstream, 1)));
            assert_eq!((lease.endpoint().in_flight(), lease.endpoint().connections()), (1, 1));
            assert_eq!(*recorder.retried.lock().unwrap(), [Kind::Refused]);
            assert_eq!(*recorder.tried.lock().unwrap(), [Outcome::Error(Kind::Refused), Outcome::Connected]);
            assert_eq!(caller.progress.tries.get(), 2);
            stream.write_all(b"hello").await.unwrap();
            let mut seen = [0; 5];
            listener.accept().await.unwrap().0.read_exact(&mut seen).await.unwrap();
            assert_eq!(&seen, b"hello");
            drop((stream, lease));
            assert_eq!(endpoint(&upstream, 1).connections(), 0);
        });
    }

    #[test]
    fn what_cannot_be_connected_fails_as_the_last_try_did() {
        on_worker(async {
            let refusing = Refusing::new();
            let upstream = build(&plan(&[&refusing.address]));
            let caller = Caller::retrying(2);
            let error = connect(&upstream, &caller.context(), b"").await.err().unwrap();
            assert_eq!((error.kind, caller.progress.tries.get()), (Kind::Refused, 3));
            assert_eq!(endpoint(&upstream, 0).in_flight(), 0);
        });
    }

    #[test]
    fn the_bound_on_connections_holds_here_too() {
        on_worker(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut plan = plan(&[&listener.local_addr().unwrap().to_string()]);
            plan.pool.max_connections = 1;
            plan.queue.timeout_ms = 50;
            let upstream = build(&plan);
            let caller = Caller::default();
            let first = connect(&upstream, &caller.context(), b"").await.unwrap();
            let second = connect(&upstream, &caller.context(), b"").await;
            assert_eq!(second.err().unwrap().kind, Kind::QueueTimeout);
            drop(first);
            assert!(connect(&upstream, &caller.context(), b"").await.is_ok());
        });
    }
}
