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

#[cfg(test)]
mod tests {
    use glorieta_plan as plan;
    use smallvec::smallvec;

    use super::*;
    use crate::testing::{self, bring_up, build, endpoint, take_down};

    const NOW: Moment = Moment::from_millis(1000);

    fn upstream(balance: plan::Balance, panic_percent: u32) -> Arc<Upstream> {
        let addresses = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];
        build(&plan::Upstream { balance, panic_percent, ..testing::plan(&addresses) })
    }

    /// The index of the endpoint picked.
    fn picked(upstream: &Upstream, key: Option<u64>, avoided: &[usize], insist: bool) -> Option<usize> {
        let avoided = avoided.iter().map(|&index| endpoint(upstream, index).number).collect();
        let chosen = pick(upstream, key, &avoided, insist, NOW)?;
        upstream.state.set().endpoints.iter().position(|endpoint| Arc::ptr_eq(endpoint, &chosen))
    }

    fn all() -> [plan::Balance; 5] {
        let hash = plan::Balance::Hash("client.ip".to_owned());
        [plan::Balance::PeakEwma, plan::Balance::RoundRobin, plan::Balance::Random, plan::Balance::FirstAvailable, hash]
    }

    #[test]
    fn whatever_the_balance_what_is_avoided_or_down_is_not_picked() {
        for balance in all() {
            let upstream = upstream(balance.clone(), 0);
            take_down(&upstream, 1);
            let mut seen = [0; 4];
            for key in 0..200 {
                seen[picked(&upstream, Some(key), &[0], true).unwrap()] += 1;
            }
            assert_eq!((seen[0], seen[1]), (0, 0), "{balance:?}");
            assert!(seen[2] > 0 && (seen[3] > 0 || balance == plan::Balance::FirstAvailable), "{balance:?} {seen:?}");
        }
    }

    #[test]
    fn one_that_is_avoided_is_better_than_none_but_one_that_is_down_is_not() {
        for balance in all() {
            let upstream = upstream(balance, 0);
            for index in [0, 1, 2] {
                take_down(&upstream, index);
            }
            assert_eq!(picked(&upstream, Some(7), &[3], true), Some(3));
            assert_eq!(picked(&upstream, Some(7), &[3], false), None);
            take_down(&upstream, 3);
            assert_eq!(picked(&upstream, Some(7), &[3], true), None);
            assert_eq!(picked(&upstream, Some(7), &[], true), None);
        }
    }

    #[test]
    fn a_single_endpoint_follows_the_same_rules() {
        let upstream = build(&testing::plan(&["10.0.0.1:80"]));
        assert_eq!(picked(&upstream, None, &[], false), Some(0));
        assert_eq!(picked(&upstream, None, &[0], false), None);
        assert_eq!(picked(&upstream, None, &[0], true), Some(0));
        take_down(&upstream, 0);
        assert_eq!(picked(&upstream, None, &[], true), None);
        assert!(pick(&build(&testing::plan(&[])), None, &smallvec![], true, NOW).is_none());
    }

    #[test]
    fn where_too_few_are_well_health_is_not_believed() {
        let upstream = upstream(plan::Balance::FirstAvailable, 50);
        take_down(&upstream, 0);
        take_down(&upstream, 1);
        assert_eq!(picked(&upstream, None, &[], true), Some(2));
        take_down(&upstream, 2);
        assert_eq!(picked(&upstream, None, &[], true), Some(0));
        bring_up(&upstream, 2);
        assert_eq!(picked(&upstream, None, &[], true), Some(2));
    }

    #[test]
    fn once_all_are_well_again_nobody_looks() {
        let upstream = upstream(plan::Balance::FirstAvailable, 0);
        take_down(&upstream, 0);
        assert_eq!(picked(&upstream, None, &[], true), Some(1));
        assert!(upstream.state.troubled.load(Ordering::Relaxed));
        bring_up(&upstream, 0);
        assert_eq!(picked(&upstream, None, &[], true), Some(0));
        assert!(!upstream.state.troubled.load(Ordering::Relaxed));
    }

    #[test]
    fn round_robin_takes_turns_by_weight() {
        let mut plan = testing::plan(&["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
        plan.balance = plan::Balance::RoundRobin;
        plan.endpoints[0].weight = 4;
        let upstream = build(&plan);
        let mut seen = [0; 3];
        for _ in 0..60 {
            seen[picked(&upstream, None, &[], true).unwrap()] += 1;
        }
        assert_eq!(seen, [40, 10, 10]);
    }

    #[test]
    fn the_same_key_meets_the_same_endpoint_while_it_is_there() {
        let upstream = upstream(plan::Balance::Hash("client.ip".to_owned()), 0);
        let before: Vec<_> = (0..100).map(|key| picked(&upstream, Some(key), &[], true).unwrap()).collect();
        take_down(&upstream, 2);
        for (key, &index) in before.iter().enumerate() {
            let now = picked(&upstream, Some(key as u64), &[], true).unwrap();
            assert!(if index == 2 { now != 2 } else { now == index }, "{key}");
        }
        bring_up(&upstream, 2);
        let after: Vec<_> = (0..100).map(|key| picked(&upstream, Some(key), &[], true).unwrap()).collect();
        assert_eq!(after, before);
        // Without a value there is nothing to stick to.
        let mut seen = [false; 4];
        (0..500).for_each(|_| seen[picked(&upstream, None, &[], true).unwrap()] = true);
        assert_eq!(seen, [true; 4]);
    }

    #[test]
    fn the_less_busy_of_two_is_picked() {
        let mut plan = testing::plan(&["10.0.0.1:80", "10.0.0.2:80"]);
        plan.balance = plan::Balance::PeakEwma;
        let upstream = build(&plan);
        endpoint(&upstream, 0).in_flight.fetch_add(3, Ordering::Relaxed);
        assert!((0..50).all(|_| picked(&upstream, None, &[], true) == Some(1)));
        endpoint(&upstream, 1).ewma.observe(NOW, std::time::Duration::from_secs(1));
        assert!((0..50).all(|_| picked(&upstream, None, &[], true) == Some(0)));
    }
}
