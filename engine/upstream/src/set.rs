//! The endpoints of an upstream at one moment: immutable, replaced whole when a name resolves anew.

use std::net::IpAddr;
use std::sync::Arc;

use glorieta_net::Destination;
use glorieta_policy::balance::round_robin::Sequence;

use crate::Endpoint;
use crate::settings::{Place, Settings, Source};

#[derive(Default)]
pub struct EndpointSet {
    pub endpoints: Vec<Arc<Endpoint>>,
    pub(crate) weights: Vec<u32>,
    pub(crate) sequence: Sequence,
}

impl EndpointSet {
    /// The set that the settings ask for. Endpoints known before are adopted with all their state;
    /// `addresses` gives a name's addresses as far as they are known.
    pub(crate) fn build(
        settings: &Settings,
        previous: &EndpointSet,
        addresses: impl Fn(&str) -> Vec<IpAddr>,
    ) -> EndpointSet {
        let mut set = EndpointSet::default();
        for source in &settings.sources {
            match &source.place {
                Place::Fixed(destination) => set.add(source, destination.clone(), settings, previous),
                Place::Name { host, port } => {
                    for address in addresses(host) {
                        let destination = Destination::Tcp((address, *port).into());
                        set.add(source, destination, settings, previous);
                    }
                }
            }
        }
        set.sequence = Sequence::build(&set.weights);
        set
    }

    fn add(&mut self, source: &Source, destination: Destination, settings: &Settings, previous: &EndpointSet) {
        // One that is spoken to in another way is another: connections that are open are of no use to it.
        let same = |known: &&Arc<Endpoint>| {
            known.destination == destination
                && known.name == source.written
                && known.tls == source.tls
                && known.version == settings.version
        };
        if self.endpoints.iter().any(|known| same(&known)) {
            return;
        }
        let endpoint = previous.endpoints.iter().find(same).cloned();
        let make = || {
            let Source { written, tls, .. } = source;
            Endpoint::new(written.clone(), destination, tls.clone(), settings.version, settings.outlier.as_ref())
        };
        self.endpoints.push(endpoint.unwrap_or_else(|| Arc::new(make())));
        self.weights.push(source.weight);
    }

    pub(crate) fn has(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.endpoints.iter().any(|known| Arc::ptr_eq(known, endpoint))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use glorieta_net::tls::Absent;

    use super::*;
    use crate::testing::plan;

    fn set(addresses: &[&str], previous: &EndpointSet, found: &[IpAddr]) -> EndpointSet {
        let mut plan = plan(addresses);
        plan.endpoints.iter_mut().zip(1..).for_each(|(endpoint, weight)| endpoint.weight = weight);
        EndpointSet::build(&Settings::read(&plan, None, Absent::Wrong).unwrap(), previous, |name| match name {
            "orders.example" => found.to_vec(),
            _ => Vec::new(),
        })
    }

    fn labels(set: &EndpointSet) -> Vec<String> {
        set.endpoints.iter().map(|endpoint| endpoint.label()).collect()
    }

    fn ip(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn a_name_means_all_its_addresses() {
        let addresses = ["10.0.0.1:80", "orders.example:81", "unknown.example:82", "unix:/run/a.sock"];
        let set = set(&addresses, &EndpointSet::default(), &[ip(8), ip(9)]);
        assert_eq!(
            labels(&set),
            ["10.0.0.1:80", "orders.example:81 (10.0.0.8:81)", "orders.example:81 (10.0.0.9:81)", "unix:/run/a.sock"]
        );
        assert_eq!(set.weights, [1, 2, 2, 4]);
        assert_eq!(set.sequence.len(), 9);
    }

    #[test]
    fn an_endpoint_stands_there_once() {
        let set = set(&["10.0.0.1:80", "10.0.0.1:80"], &EndpointSet::default(), &[]);
        assert_eq!((labels(&set), set.weights), (vec!["10.0.0.1:80".to_owned()], vec![1]));
    }

    #[test]
    fn endpoints_known_before_are_adopted_with_their_state() {
        let addresses = ["10.0.0.1:80", "orders.example:81"];
        let before = set(&addresses, &EndpointSet::default(), &[ip(8)]);
        before.endpoints[1].connections.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
        let after = set(&["orders.example:81", "10.0.0.2:80"], &before, &[ip(7), ip(8)]);
        assert!(Arc::ptr_eq(&after.endpoints[1], &before.endpoints[1]));
        assert_eq!(after.endpoints[1].connections(), 5);
        assert!(after.has(&before.endpoints[1]) && !after.has(&before.endpoints[0]));
        // The same address under another name is another endpoint: it may be another service.
        let renamed = set(&["10.0.0.8:81"], &before, &[]);
        assert!(!renamed.has(&before.endpoints[1]));
    }
}
