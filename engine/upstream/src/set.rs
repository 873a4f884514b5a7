//! The endpoints of an upstream at one moment: immutable, replaced whole when a name resolves anew.

use std::net::IpAddr;
use std::sync::Arc;

use glorieta_net::Destination;
use glorieta_policy::balance::round_robin::Sequence;

use crate::Endpoint;
use crate::settings::{Place, Settings};

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
                Place::Fixed(destination) => {
                    set.add(&source.written, destination.clone(), source.weight, settings, previous)
                }
                Place::Name { host, port } => {
                    for address in addresses(host) {
                        let destination = Destination::Tcp((address, *port).into());
                        set.add(&source.written, destination, source.weight, settings, previous);
                    }
                }
            }
        }
        set.sequence = Sequence::build(&set.weights);
        set
    }

    fn add(
        &mut self,
        name: &Arc<str>,
        destination: Destination,
        weight: u32,
        settings: &Settings,
        previous: &EndpointSet,
    ) {
        let same = |known: &&Arc<Endpoint>| known.destination == destination && known.name == *name;
        if self.endpoints.iter().any(|known| same(&known)) {
            return;
        }
        let endpoint = previous.endpoints.iter().find(same).cloned();
        let endpoint =
            endpoint.unwrap_or_else(|| Arc::new(Endpoint::new(name.clone(), destination, settings.outlier.as_ref())));
        self.endpoints.push(endpoint);
        self.weights.push(weight);
    }

    pub(crate) fn has(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.endpoints.iter().any(|known| Arc::ptr_eq(known, endpoint))
    }
}
