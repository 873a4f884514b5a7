//! A session of datagrams: an endpoint, and a socket that leads there. Nothing is connected, so nothing waits: whether
//! somebody is there shows later, by an answer or by a refusal (ICMP).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_core::{Error, Kind, Moment};
use glorieta_net::Destination;
use glorieta_net::datagram::{Line, own_address};
use glorieta_policy::retry::may_retry;

use crate::attempt::explain;
use crate::pick::{Avoided, pick};
use crate::{Endpoint, Outcome, Progress, Upstream};

/// Where a session's datagrams go. The endpoint counts it as under way.
pub struct Assigned {
    pub line: Line,
    endpoint: Arc<Endpoint>,
    /// Of this machine, whose service listens with either family: the second has been tried.
    second_family: bool,
    began: Moment,
}

/// The tries of one session.
pub struct Assigning {
    /// The hash of the value by which an endpoint is chosen.
    key: Option<u64>,
    avoided: Avoided,
    tries_left: u32,
}

impl Assigning {
    /// `retries`: endpoints that are tried after the first has refused.
    pub fn new(upstream: &Upstream, key: Option<u64>, retries: u32) -> Assigning {
        upstream.budget.deposit(Moment::now());
        Assigning { key, avoided: Avoided::new(), tries_left: retries }
    }

    /// Picks an endpoint.
    ///
    /// # Errors
    /// `no_endpoint`, `name_unresolved`, or why there is no way to the last one that was tried.
    pub fn assign(&mut self, upstream: &Upstream, progress: &Progress) -> Result<Assigned, Error> {
        loop {
            let now = Moment::now();
            let endpoint =
                pick(upstream, self.key, &self.avoided, true, now).ok_or_else(|| upstream.without_endpoint())?;
            progress.tried(&endpoint);
            match Assigned::to(endpoint.clone(), false, now) {
                Ok(assigned) => return Ok(assigned),
                Err(error) => self.failed(upstream, &endpoint, error, now)?,
            }
        }
    }

    /// Picks another after nobody answered at this one; nothing that it was sent has arrived.
    ///
    /// # Errors
    /// As [`Assigning::assign`]; `refused` where there are no more tries.
    pub fn reassign(&mut self, upstream: &Upstream, progress: &Progress, refused: Assigned) -> Result<Assigned, Error> {
        let Assigned { endpoint, second_family, began, .. } = &refused;
        if matches!(endpoint.destination, Destination::Localhost(_)) && !second_family {
            // Which family its service listens with is chance; a machine without IPv6 has one only.
            if let Ok(assigned) = Assigned::to(endpoint.clone(), true, *began) {
                return Ok(assigned);
            }
        }
        let error = Error::new(Kind::Refused).with_detail(format!("{} refused", endpoint.label()));
        self.failed(upstream, endpoint, error.retry(glorieta_core::Retry::NotSent), *began)?;
        drop(refused);
        self.assign(upstream, progress)
    }

    fn failed(
        &mut self,
        upstream: &Upstream,
        endpoint: &Arc<Endpoint>,
        error: Error,
        began: Moment,
    ) -> Result<(), Error> {
        let now = Moment::now();
        upstream.note_failure(endpoint, &error, began, now);
        let method = glorieta_core::Method::Get;
        if may_retry(error.retry, method, self.tries_left, true, &upstream.budget, now).is_err() {
            return Err(error);
        }
        upstream.observer.retried(error.kind);
        self.tries_left -= 1;
        self.avoided.push(endpoint.number);
        Ok(())
    }
}

impl Assigned {
    fn to(endpoint: Arc<Endpoint>, second_family: bool, began: Moment) -> Result<Assigned, Error> {
        let address = match &endpoint.destination {
            Destination::Tcp(address) => *address,
            Destination::Localhost(port) => own_address(*port, second_family),
            Destination::Unix(_) => {
                return Err(Error::new(Kind::Unreachable).with_detail("a Unix socket takes no datagrams here"));
            }
        };
        let line = Line::to(address)
            .map_err(|error| explain(&error, &endpoint.label()).retry(glorieta_core::Retry::NotSent))?;
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Assigned { line, endpoint, second_family, began })
    }

    /// Its first answer has come.
    pub fn answered(&self, upstream: &Upstream) {
        let now = Moment::now();
        upstream.observer.tried(Outcome::Connected, now.since(self.began).as_nanos() as u64);
        self.endpoint.ewma.observe(now, now.since(self.began));
        upstream.note_health(&self.endpoint, true, now);
    }

    /// It has failed: it did not answer where an answer was due, or went while answers came.
    pub fn failed(&self, upstream: &Upstream, error: &Error) {
        upstream.note_failure(&self.endpoint, error, self.began, Moment::now());
    }

    /// The endpoint, for messages.
    pub fn label(&self) -> String {
        self.endpoint.label()
    }
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::UdpSocket;
    use std::sync::Arc;

    use super::*;
    use crate::testing::{Recorder, build, build_observed, endpoint, on_worker, plan};

    /// An address at which nobody takes datagrams.
    fn vacant() -> String {
        UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
    }

    async fn refused(assigned: &Assigned) {
        assigned.line.send(b"x").unwrap();
        poll_fn(|cx| assigned.line.poll_receive(cx, |_| ())).await.unwrap_err();
    }

    #[test]
    fn a_refusal_leads_elsewhere_until_the_tries_are_used_up() {
        on_worker(async {
            let service = UdpSocket::bind("127.0.0.1:0").unwrap();
            let recorder = Arc::<Recorder>::default();
            let addresses = [vacant(), service.local_addr().unwrap().to_string()];
            let upstream = build_observed(&plan(&[&addresses[0], &addresses[1]]), &recorder);
            let progress = Progress::default();
            let mut assigning = Assigning::new(&upstream, None, 1);
            let first = assigning.assign(&upstream, &progress).unwrap();
            assert_eq!(endpoint(&upstream, 0).in_flight(), 1);
            refused(&first).await;
            let second = assigning.reassign(&upstream, &progress, first).unwrap();
            assert_eq!((endpoint(&upstream, 0).in_flight(), endpoint(&upstream, 1).in_flight()), (0, 1));
            second.line.send(b"question").unwrap();
            let mut buffer = [0; 16];
            let (count, from) = service.recv_from(&mut buffer).unwrap();
            service.send_to(&buffer[..count], from).unwrap();
            poll_fn(|cx| second.line.poll_receive(cx, |bytes| assert_eq!(bytes, b"question"))).await.unwrap();
            second.answered(&upstream);
            assert_eq!(*recorder.tried.lock().unwrap(), [Outcome::Error(Kind::Refused), Outcome::Connected]);
            assert_eq!(assigning.reassign(&upstream, &progress, second).err().unwrap().kind, Kind::Refused);
            assert_eq!(progress.tries.get(), 2);
        });
    }

    #[test]
    fn this_machine_is_whichever_family_listens() {
        on_worker(async {
            // A machine without IPv6 has no other family to try.
            let Ok(service) = UdpSocket::bind("[::1]:0") else { return };
            let upstream = build(&plan(&[&format!("localhost:{}", service.local_addr().unwrap().port())]));
            let progress = Progress::default();
            let mut assigning = Assigning::new(&upstream, None, 0);
            let first = assigning.assign(&upstream, &progress).unwrap();
            refused(&first).await;
            let second = assigning.reassign(&upstream, &progress, first).unwrap();
            second.line.send(b"question").unwrap();
            let mut buffer = [0; 16];
            assert_eq!(service.recv(&mut buffer).unwrap(), 8);
            assert_eq!(progress.tries.get(), 1);
        });
    }

    #[test]
    fn without_endpoints_there_is_none() {
        on_worker(async {
            let upstream = build(&plan(&[]));
            let progress = Progress::default();
            let error = Assigning::new(&upstream, None, 2).assign(&upstream, &progress).err().unwrap();
            assert_eq!(error.kind, Kind::NoEndpoint);
        });
    }
}
