//! Power of two choices by expected waiting time: the default.
//!
//! Two usable endpoints are drawn and the cheaper one is taken, where the cost is the average
//! time of an answer × requests in flight. The average is a peak EWMA (Finagle): it rises at once
//! and falls slowly, so that an endpoint that has become slow is left within one answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glorieta_core::Moment;

use super::mix;
use super::random::Candidates;

/// The time in which a past answer's part falls to 1/e.
pub const DECAY: Duration = Duration::from_secs(10);
/// What an endpoint that never answered is taken to need.
pub const SEED: Duration = Duration::from_millis(30);
/// What a failure counts as: a fast error must not look like a fast endpoint.
pub const PENALTY: Duration = Duration::from_secs(5);
/// Silence does not make an endpoint look faster than this; else the first to rest gets everything.
const FLOOR: Duration = Duration::from_millis(1);

/// Picks the cheaper of two endpoints drawn by weight. `random`: 64 random bits; `cost`: such as
/// [`Ewma::get`] × (requests in flight + 1), in any unit.
///
/// The first drawn is kept unless the second is cheaper both as it is and per weight: with equal
/// costs shares follow weights, under load requests in flight do.
pub fn pick(
    count: usize,
    random: u64,
    weight: impl Fn(usize) -> u32,
    usable: impl Fn(usize) -> bool,
    cost: impl Fn(usize) -> f64,
) -> Option<usize> {
    let candidates = Candidates::gather(count, random, &weight, usable);
    let bits = mix(random);
    let first = candidates.draw(bits, None)?;
    let Some(second) = candidates.draw(mix(bits), Some(first)) else { return Some(first) };
    let (first_cost, second_cost) = (cost(first), cost(second));
    let per_weight = |index: usize, cost: f64| cost / f64::from(weight(index).max(1));
    let cheaper = second_cost < first_cost && per_weight(second, second_cost) < per_weight(first, first_cost);
    Some(if cheaper { second } else { first })
}

/// The time an endpoint's answers take: a peak EWMA in two atomics that all workers share.
///
/// Two workers that observe at once may lose one of the two observations; the next one mends it.
#[derive(Debug)]
pub struct Ewma {
    /// Nanoseconds, as the bits of an `f64`.
    value: AtomicU64,
    /// When it was last observed; 0: never.
    stamp: AtomicU64,
}

impl Default for Ewma {
    fn default() -> Ewma {
        Ewma { value: AtomicU64::new((SEED.as_nanos() as f64).to_bits()), stamp: AtomicU64::new(0) }
    }
}

impl Ewma {
    pub fn new() -> Ewma {
        Ewma::default()
    }

    /// Notes how long an answer took (to its head).
    pub fn observe(&self, now: Moment, time: Duration) {
        let time = time.as_nanos() as f64;
        let stamp = self.stamp.load(Ordering::Relaxed);
        let kept = kept_part(now, stamp);
        let value = f64::from_bits(self.value.load(Ordering::Relaxed));
        let next = if stamp == 0 || time > value * kept { time } else { value * kept + time * (1.0 - kept) };
        self.value.store(next.to_bits(), Ordering::Relaxed);
        self.stamp.store(now.0.max(1), Ordering::Relaxed);
    }

    /// Notes a failure: it counts as [`PENALTY`], or as what was expected if that was more.
    /// Failing again does not add to it.
    pub fn observe_failure(&self, now: Moment) {
        let expected = Duration::from_nanos(self.get(now) as u64);
        self.observe(now, expected.max(PENALTY));
    }

    /// The expected time in nanoseconds. It falls while nothing is observed, so that a penalty
    /// ends and the endpoint is tried again, but not below 1 ms by silence alone.
    pub fn get(&self, now: Moment) -> f64 {
        let value = f64::from_bits(self.value.load(Ordering::Relaxed));
        let stamp = self.stamp.load(Ordering::Relaxed);
        if stamp == 0 {
            return value;
        }
        (value * kept_part(now, stamp)).max(value.min(FLOOR.as_nanos() as f64))
    }
}

/// The part of a value that is left since it was observed.
fn kept_part(now: Moment, stamp: u64) -> f64 {
    let passed = now.0.saturating_sub(stamp);
    // Within a millisecond the part differs from 1 by less than the clock's own noise.
    if passed < 1_000_000 {
        return 1.0 - passed as f64 / DECAY.as_nanos() as f64;
    }
    (-(passed as f64) / DECAY.as_nanos() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: f64 = 1e6;

    #[test]
    fn it_rises_at_once_and_falls_slowly() {
        let ewma = Ewma::new();
        assert_eq!(ewma.get(Moment::from_millis(99_000)), 30.0 * MILLI);
        ewma.observe(Moment::from_millis(100_000), Duration::from_millis(2));
        assert_eq!(ewma.get(Moment::from_millis(100_000)), 2.0 * MILLI);
        ewma.observe(Moment::from_millis(100_001), Duration::from_millis(500));
        assert_eq!(ewma.get(Moment::from_millis(100_001)), 500.0 * MILLI);
        ewma.observe(Moment::from_millis(110_001), Duration::from_millis(2));
        let after = ewma.get(Moment::from_millis(110_001)) / MILLI;
        assert!((after - (500.0 / std::f64::consts::E + 2.0 * (1.0 - 1.0 / std::f64::consts::E))).abs() < 0.01);
    }

    #[test]
    fn silence_lets_a_penalty_end() {
        let ewma = Ewma::new();
        for _ in 0..10 {
            ewma.observe_failure(Moment::from_millis(1000));
        }
        assert_eq!(ewma.get(Moment::from_millis(1000)), 5000.0 * MILLI);
        assert_eq!(ewma.get(Moment::from_millis(1_000_000)), 1.0 * MILLI);
        let fast = Ewma::new();
        fast.observe(Moment::from_millis(1000), Duration::from_micros(200));
        assert_eq!(fast.get(Moment::from_millis(1_000_000)), 0.2 * MILLI);
    }

    #[test]
    fn the_cheaper_of_two_is_taken_and_one_alone_is_enough() {
        for random in 0..100 {
            assert_eq!(pick(2, mix(random), |_| 1, |_| true, |index| index as f64), Some(0));
            assert_eq!(pick(3, mix(random), |_| 1, |index| index == 1, |_| f64::MAX), Some(1));
            assert_eq!(pick(3, mix(random), |_| 1, |_| false, |_| 1.0), None);
            assert_eq!(pick(0, mix(random), |_| 1, |_| true, |_| 1.0), None);
        }
    }

    #[test]
    fn equal_costs_give_shares_by_weight() {
        let weights = [1, 9, 30];
        let mut shares = [0.0; 3];
        for random in 0..200_000 {
            shares[pick(3, mix(random), |index| weights[index], |_| true, |_| 7.0).unwrap()] += 1.0 / 200_000.0;
        }
        for (share, weight) in shares.iter().zip(weights) {
            assert!((share - f64::from(weight) / 40.0).abs() < 0.01, "{shares:?}");
        }
    }
}
