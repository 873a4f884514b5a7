//! Choosing an endpoint for one try.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use glorieta_core::Moment;
use glorieta_policy::balance::{first_available, hash, peak_ewma, random};
use glorieta_policy::health::panic;
use smallvec::SmallVec;

use crate::{Balance, Endpoint, EndpointSet, Upstream};

/// Endpoints that are not to be chosen, by number.
pub(crate) type Avoided = SmallVec<[u64; 4]>;

/// Picks an endpoint; `None`: there is none that may be used.
///
/// Of those in `avoided` one is picked only where `insist`: after a failure another endpoint is better, and the
/// same is better than none.
pub(crate) fn pick(
    upstream: &Upstream,
    key: Option<u64>,
    avoided: &Avoided,
    insist: bool,
    now: Moment,
) -> Option<Arc<Endpoint>> {
    let set = upstream.state.current();
    let fit = fitness(upstream, &set, now);
    let chosen = choose(upstream, &set, key, now, |index| {
        !avoided.contains(&set.endpoints[index].number) && fit.allows(&set.endpoints[index], now)
    });
    let chosen = match chosen {
        None if insist && !avoided.is_empty() => {
            choose(upstream, &set, key, now, |index| fit.allows(&set.endpoints[index], now))
        }
        chosen => chosen,
    };
    chosen.map(|index| set.endpoints[index].clone())
}

/// Whether health is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fitness {
    /// All are usable, or too few are: then health is not believed.
    All,
    Healthy,
}

impl Fitness {
    fn allows(self, endpoint: &Endpoint, now: Moment) -> bool {
        self == Fitness::All || endpoint.is_usable(now)
    }
}

fn fitness(upstream: &Upstream, set: &EndpointSet, now: Moment) -> Fitness {
    if !upstream.state.troubled.load(Ordering::Relaxed) {
        return Fitness::All;
    }
    let usable = set.endpoints.iter().filter(|endpoint| endpoint.is_usable(now)).count();
    if usable == set.endpoints.len() {
        upstream.state.troubled.store(false, Ordering::Relaxed);
        // Whoever found trouble meanwhile set it again before or after; looking once more settles it.
        if set.endpoints.iter().any(|endpoint| !endpoint.is_usable(now)) {
            upstream.state.troubled.store(true, Ordering::Relaxed);
        }
        return Fitness::All;
    }
    match panic::usable_all(set.endpoints.len(), usable, upstream.settings.panic_percent) {
        true => Fitness::All,
        false => Fitness::Healthy,
    }
}

fn choose(
    upstream: &Upstream,
    set: &EndpointSet,
    key: Option<u64>,
    now: Moment,
    usable: impl Fn(usize) -> bool,
) -> Option<usize> {
    let count = set.endpoints.len();
    if count == 1 {
        return usable(0).then_some(0);
    }
    let weight = |index: usize| set.weights[index];
    match (&upstream.settings.balance, key) {
        (Balance::RoundRobin, _) => set.sequence.pick(upstream.state.cursor.fetch_add(1, Ordering::Relaxed), usable),
        (Balance::FirstAvailable, _) => first_available::pick(count, usable),
        (Balance::Hash(_), Some(key)) => hash::pick(key, count, |index| set.endpoints[index].hash, weight, usable),
        // Without a value there is nothing to stick to.
        (Balance::Random | Balance::Hash(_), _) => random::pick(count, fastrand::u64(..), weight, usable),
        (Balance::PeakEwma, _) => peak_ewma::pick(count, fastrand::u64(..), weight, usable, |index| {
            let endpoint = &set.endpoints[index];
            endpoint.ewma.get(now) * f64::from(endpoint.in_flight.load(Ordering::Relaxed) + 1)
        }),
    }
}
