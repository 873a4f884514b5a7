//! The right to a connection, and the count of requests under way; both end by being dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_http::h1::client::{Client, Home};

use crate::multiplexed::Seat;
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
    /// `None` where the connection is shared, and while the lease is being taken apart.
    permit: Option<Permit>,
    endpoint: Arc<Endpoint>,
}

impl Lease {
    pub(crate) fn new(permit: Permit) -> Lease {
        let endpoint = permit.endpoint.clone();
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Lease { permit: Some(permit), endpoint }
    }

    /// A request on a connection whose permit another holds, because it carries several.
    pub(crate) fn sharing(endpoint: &Arc<Endpoint>) -> Lease {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Lease { permit: None, endpoint: endpoint.clone() }
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

/// What a tunnel is led by: a connection of its own, or a place on one that carries several. It ends by being dropped.
pub enum Hold {
    Single(Lease),
    Shared(Seat),
}

impl Hold {
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        match self {
            Hold::Single(lease) => lease.endpoint(),
            Hold::Shared(seat) => seat.endpoint(),
        }
    }
}

impl From<Lease> for Hold {
    fn from(lease: Lease) -> Hold {
        Hold::Single(lease)
    }
}

impl From<Seat> for Hold {
    fn from(seat: Seat) -> Hold {
        Hold::Shared(seat)
    }
}

impl Home for Lease {
    fn welcome(mut self, client: Box<Client>) {
        if let Some(permit) = self.permit.take() {
            pool::give(permit, client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use glorieta_core::Moment;
    use glorieta_net::Stream;

    use super::*;
    use crate::Upstream;
    use crate::testing::{build, endpoint, on_worker, plan};

    fn upstream() -> Arc<Upstream> {
        build(&plan(&["10.0.0.1:80"]))
    }

    #[test]
    fn a_permit_counts_for_as_long_as_it_lives() {
        let upstream = upstream();
        let endpoint = endpoint(&upstream, 0);
        let take = || Permit::take(&upstream.state, &endpoint, 2);
        let (first, second) = (take(), take());
        assert!(first.is_some() && second.is_some() && take().is_none());
        assert_eq!(endpoint.connections(), 2);
        drop(first);
        assert!(take().is_some());
        drop(second);
        assert_eq!(endpoint.connections(), 0);
    }

    #[test]
    fn a_lease_counts_what_is_under_way_and_may_leave_its_permit_to_the_pool() {
        on_worker(async {
            let upstream = upstream();
            let endpoint = endpoint(&upstream, 0);
            let lease = || Lease::new(Permit::take(&upstream.state, &endpoint, 2).unwrap());
            let (first, second) = (lease(), lease());
            assert_eq!((endpoint.in_flight(), endpoint.connections()), (2, 2));
            drop(first);
            assert_eq!((endpoint.in_flight(), endpoint.connections()), (1, 1));
            let (inside, _outside) = tokio::net::UnixStream::pair().unwrap();
            second.welcome(Client::new(Stream::Unix(inside), Moment::now()));
            assert_eq!((endpoint.in_flight(), endpoint.connections()), (0, 1));
        });
    }

    #[test]
    fn who_waits_is_woken_by_a_permit_that_comes_free() {
        on_worker(async {
            let upstream = upstream();
            let endpoint = endpoint(&upstream, 0);
            let permit = Permit::take(&upstream.state, &endpoint, 1).unwrap();
            let mut place = upstream.state.queue.join(1, false).unwrap();
            drop(permit);
            let Grant::Released(released) = place.woken().await else { panic!("not the word for it") };
            assert!(Arc::ptr_eq(&released, &endpoint));
            // An endpoint that has gone is of no use to anybody.
            let permit = Permit::take(&upstream.state, &endpoint, 1).unwrap();
            let _place = upstream.state.queue.join(1, false).unwrap();
            endpoint.retire(true);
            drop(permit);
            assert_eq!(upstream.state.waiting(), 1);
        });
    }

    /// What [`crate::attempt`] does, without sockets: takes a permit, or waits for one and looks again.
    async fn obtain(upstream: &Upstream, endpoint: &Arc<Endpoint>, most: u32) -> Permit {
        let mut again = false;
        loop {
            if let Some(permit) = Permit::take(&upstream.state, endpoint, most) {
                return permit;
            }
            let mut place = upstream.state.queue.join(u32::MAX, again).unwrap();
            if let Some(permit) = Permit::take(&upstream.state, endpoint, most) {
                return permit;
            }
            place.woken().await;
            again = true;
        }
    }

    #[test]
    fn the_bound_holds_over_threads_and_nobody_waits_for_ever() {
        const MOST: u32 = 3;
        let upstream = upstream();
        let (held, highest) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    on_worker(async {
                        let endpoint = endpoint(&upstream, 0);
                        let one = async |number: usize| {
                            for turn in 0..300 {
                                let obtaining = obtain(&upstream, &endpoint, MOST);
                                // Some lose their patience at once, perhaps with a word already given to them.
                                let permit = if (number + turn).is_multiple_of(3) {
                                    tokio::select! {
                                        biased;
                                        permit = obtaining => permit,
                                        () = tokio::task::yield_now() => continue,
                                    }
                                } else {
                                    obtaining.await
                                };
                                highest.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                                tokio::task::yield_now().await;
                                held.fetch_sub(1, Ordering::SeqCst);
                                drop(permit);
                            }
                        };
                        tokio::join!(one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7));
                    });
                });
            }
        });
        assert_eq!(highest.load(Ordering::SeqCst), MOST);
        assert_eq!(endpoint(&upstream, 0).connections(), 0);
    }
}
