//! Two counters over a sliding window of time, shared by all workers without a lock.
//!
//! Ten buckets; each is one atomic number that holds its own age and both counts, so that a
//! bucket is emptied and counted into in one step and no event is lost or counted twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glorieta_core::Moment;

const BUCKETS: u64 = 10;
const COUNT_BITS: u32 = 22;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const AGE_BITS: u32 = 64 - 2 * COUNT_BITS;

/// What is counted: two kinds of event, such as successes and failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub first: u64,
    pub second: u64,
}

/// Counts over the last `width`, to a tenth of it. A bucket holds 4 million of each kind, then stays there.
#[derive(Debug)]
pub struct Window {
    buckets: [AtomicU64; BUCKETS as usize],
    bucket_nanos: AtomicU64,
}

impl Window {
    /// A window of this width; at least 10 ns.
    pub fn new(width: Duration) -> Window {
        Window { buckets: Default::default(), bucket_nanos: AtomicU64::new(bucket_nanos(width)) }
    }

    /// Gives it another width, which forgets what was counted; the width that it has changes nothing.
    pub fn set_width(&self, width: Duration) {
        let nanos = bucket_nanos(width);
        if self.bucket_nanos.swap(nanos, Ordering::AcqRel) != nanos {
            self.clear();
        }
    }

    pub fn add_first(&self, now: Moment) {
        self.add(now, |counts| counts.first = (counts.first + 1).min(COUNT_MAX));
    }

    pub fn add_second(&self, now: Moment) {
        self.add(now, |counts| counts.second = (counts.second + 1).min(COUNT_MAX));
    }

    /// Takes back what `add_second` counted at the same moment.
    pub fn take_second(&self, now: Moment) {
        self.add(now, |counts| counts.second = counts.second.saturating_sub(1));
    }

    fn add(&self, now: Moment, change: impl Fn(&mut Counts)) {
        let age = self.age(now);
        let bucket = &self.buckets[(age % BUCKETS) as usize];
        let update = |packed| {
            let mut counts = if is_of(packed, age) { unpack(packed) } else { Counts::default() };
            change(&mut counts);
            Some(pack(age, counts))
        };
        // The closure always gives a value, so there is no failure to handle.
        let _ = bucket.fetch_update(Ordering::AcqRel, Ordering::Acquire, update);
    }

    /// The sum over the window that ends now.
    pub fn sum(&self, now: Moment) -> Counts {
        let age = self.age(now);
        let mut sum = Counts::default();
        for back in 0..BUCKETS.min(age + 1) {
            let packed = self.buckets[((age - back) % BUCKETS) as usize].load(Ordering::Acquire);
            if is_of(packed, age - back) {
                let counts = unpack(packed);
                sum.first += counts.first;
                sum.second += counts.second;
            }
        }
        sum
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(0, Ordering::Release);
        }
    }

    fn age(&self, now: Moment) -> u64 {
        now.0 / self.bucket_nanos.load(Ordering::Relaxed)
    }
}

fn bucket_nanos(width: Duration) -> u64 {
    (u64::try_from(width.as_nanos()).unwrap_or(u64::MAX) / BUCKETS).max(1)
}

/// Ages are kept modulo 2^20: with buckets of one second a stale one could be taken for new after
/// two months in which nothing at all was counted into it.
const fn tag(age: u64) -> u64 {
    age & ((1 << AGE_BITS) - 1)
}

const fn is_of(packed: u64, age: u64) -> bool {
    packed >> (2 * COUNT_BITS) == tag(age)
}

const fn pack(age: u64, counts: Counts) -> u64 {
    tag(age) << (2 * COUNT_BITS) | counts.first << COUNT_BITS | counts.second
}

const fn unpack(packed: u64) -> Counts {
    Counts { first: packed >> COUNT_BITS & COUNT_MAX, second: packed & COUNT_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_buckets_fall_out_one_by_one() {
        let window = Window::new(Duration::from_secs(10));
        for second in 0..10 {
            window.add_first(Moment::from_millis(second * 1000));
            window.add_second(Moment::from_millis(second * 1000 + 999));
        }
        assert_eq!(window.sum(Moment::from_millis(9_999)), Counts { first: 10, second: 10 });
        assert_eq!(window.sum(Moment::from_millis(10_000)), Counts { first: 9, second: 9 });
        assert_eq!(window.sum(Moment::from_millis(18_999)), Counts { first: 1, second: 1 });
        assert_eq!(window.sum(Moment::from_millis(19_000)), Counts::default());
        window.add_first(Moment::from_millis(100_000));
        assert_eq!(window.sum(Moment::from_millis(100_000)), Counts { first: 1, second: 0 });
        window.clear();
        assert_eq!(window.sum(Moment::from_millis(100_000)), Counts::default());
    }

    #[test]
    fn workers_lose_no_event() {
        let window = Window::new(Duration::from_secs(10));
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let window = &window;
                scope.spawn(move || {
                    for event in 0..10_000 {
                        let now = Moment::from_millis(event / 2000 * 1000);
                        if worker % 2 == 0 { window.add_first(now) } else { window.add_second(now) }
                    }
                });
            }
        });
        let counts = window.sum(Moment::from_millis(5000));
        // A worker that is a whole window behind would find its bucket taken; none is here.
        assert_eq!(counts, Counts { first: 20_000, second: 20_000 });
    }

    #[test]
    fn another_width_begins_anew_and_the_same_does_not() {
        let window = Window::new(Duration::from_secs(10));
        let now = Moment::from_millis(5_000);
        window.add_first(now);
        window.set_width(Duration::from_secs(10));
        assert_eq!(window.sum(now), Counts { first: 1, second: 0 });
        window.set_width(Duration::from_secs(1));
        assert_eq!(window.sum(now), Counts::default());
        window.add_second(now);
        assert_eq!(window.sum(Moment::from_millis(5_900)), Counts { first: 0, second: 1 });
        assert_eq!(window.sum(Moment::from_millis(6_100)), Counts::default());
    }
}
