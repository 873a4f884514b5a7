//! So many in a second, spread evenly: the generic cell rate algorithm (ITU-T I.371), which keeps one number.
//!
//! The number is the moment at which everything that was let in so far would have come if it had come evenly. It may
//! lie ahead of now by as much as one second's worth: so many may come at once after a quiet time.

use std::sync::atomic::{AtomicU64, Ordering};

use glorieta_core::Moment;

const SECOND: u64 = 1_000_000_000;

/// A rate, and as many at once as come in a second of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds between two that come evenly.
    interval: u64,
    /// How far ahead of now the next may lie.
    tolerance: u64,
}

impl Rate {
    /// So many per second; `None` for 0: any number.
    pub fn per_second(count: u32) -> Option<Rate> {
        if count == 0 {
            return None;
        }
        // A second holds no more than its nanoseconds.
        let interval = (SECOND / u64::from(count)).max(1);
        Some(Rate { interval, tolerance: interval * u64::from(count - 1) })
    }

    /// Lets one in that comes now: the number to keep. `None`: it is one too many, and changes nothing.
    pub fn admit(self, kept: u64, now: Moment) -> Option<u64> {
        (kept <= now.0.saturating_add(self.tolerance)).then(|| kept.max(now.0).saturating_add(self.interval))
    }
}

/// What is kept of a rate that all workers share.
#[derive(Debug, Default)]
pub struct Arrivals(AtomicU64);

impl Arrivals {
    /// Whether one more may come in now; then it is counted.
    pub fn admit(&self, rate: Rate, now: Moment) -> bool {
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |kept| rate.admit(kept, now)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_is_let_in_at_once_and_then_one_by_one() {
        let rate = Rate::per_second(4).unwrap();
        let arrivals = Arrivals::default();
        let mut admitted = Vec::new();
        for millis in [1000, 1000, 1000, 1000, 1000, 1249, 1250, 1250, 1500, 1750, 1999, 2000, 9000] {
            admitted.push(arrivals.admit(rate, Moment::from_millis(millis)));
        }
        let (yes, no) = (true, false);
        assert_eq!(admitted, [yes, yes, yes, yes, no, no, yes, no, yes, yes, no, yes, yes]);
        assert_eq!((0..10).filter(|_| arrivals.admit(rate, Moment::from_millis(99_000))).count(), 4);
    }

    #[test]
    fn extremes_neither_overflow_nor_divide_by_nothing() {
        assert_eq!(Rate::per_second(0), None);
        for count in [1, 2, 999_999_999, u32::MAX] {
            let rate = Rate::per_second(count).unwrap();
            assert!(rate.admit(0, Moment::ZERO).is_some());
            assert!(rate.admit(u64::MAX, Moment(u64::MAX)).is_some());
            assert!(rate.admit(u64::MAX, Moment::ZERO).is_none());
        }
    }

    #[test]
    fn workers_together_keep_the_bound() {
        let (rate, arrivals) = (Rate::per_second(1000).unwrap(), Arrivals::default());
        let now = Moment::from_millis(5000);
        let admitted: usize = std::thread::scope(|scope| {
            let work = || (0..1000).filter(|_| arrivals.admit(rate, now)).count();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(admitted, 1000);
    }

    proptest! {
        /// In no stretch of time more are let in than a second's worth and what comes evenly in it.
        #[test]
        fn the_bound_holds_in_every_stretch(
            count in 1_u32..50,
            steps in proptest::collection::vec(0_u64..200, 1..200),
        ) {
            let rate = Rate::per_second(count).unwrap();
            let (mut kept, mut now, mut times) = (0, 1_000_000_000_u64, Vec::new());
            for step in steps {
                now += step * 1_000_000;
                if let Some(next) = rate.admit(kept, Moment(now)) {
                    kept = next;
                    times.push(now);
                }
            }
            for (first, &from) in times.iter().enumerate() {
                for (last, &to) in times.iter().enumerate().skip(first) {
                    let most = u64::from(count) + (to - from) / rate.interval;
                    prop_assert!((last - first + 1) as u64 <= most);
                }
            }
        }

        /// Who keeps to the rate is never refused.
        #[test]
        fn an_even_pace_is_let_in(count in 1_u32..2000, jitter in proptest::collection::vec(0_u64..1000, 1..200)) {
            let rate = Rate::per_second(count).unwrap();
            let (mut kept, mut now) = (0, 0);
            for extra in jitter {
                now += rate.interval + extra;
                let next = rate.admit(kept, Moment(now));
                prop_assert!(next.is_some());
                kept = next.unwrap();
            }
        }
    }
}
