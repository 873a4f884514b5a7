//! Passive checks: an endpoint that fails real requests is left out for a while.
//!
//! Two signs: failures in a row, and a share of successes over a window. Each time it happens
//! again the ejection is longer; never is more than a share of the endpoints left out, and never
//! the last one (with a share rounded up, one failing of two would empty a group: envoy#3263).

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use glorieta_core::Moment;
use glorieta_plan::Outlier as Settings;

use crate::balance::below;
use crate::window::Window;

/// The part of an ejection by which it may be shorter, so that endpoints do not return all at once.
const JITTER_PERCENT: u64 = 10;

/// How many endpoints there are, and how many of them are ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub total: usize,
    pub ejected: usize,
}

/// One per upstream: two workers must not both take the last place under the cap.
#[derive(Debug, Default)]
pub struct Gate {
    taken: AtomicBool,
}

/// One endpoint's passive state, shared by all workers.
#[derive(Debug)]
pub struct Outlier {
    failures_in_a_row: AtomicU32,
    window: Window,
    /// Until when it is left out, in nanoseconds; in the past or 0: it is not.
    until: AtomicU64,
    /// How often it was ejected; falls by one per ejection time that it then behaved.
    times: AtomicU32,
}

impl Outlier {
    /// The window's width is taken from the settings here, and when they change; all else is read with every record.
    pub fn new(settings: &Settings) -> Outlier {
        Outlier {
            failures_in_a_row: AtomicU32::new(0),
            window: Window::new(Duration::from_millis(settings.window_ms)),
            until: AtomicU64::new(0),
            times: AtomicU32::new(0),
        }
    }

    /// Follows changed settings.
    pub fn follow(&self, settings: &Settings) {
        self.window.set_width(Duration::from_millis(settings.window_ms));
    }

    /// Takes it back in: nobody watches it any more.
    pub fn release(&self) {
        self.until.store(0, Ordering::Release);
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    pub fn is_ejected(&self, now: Moment) -> bool {
        self.until.load(Ordering::Acquire) > now.0
    }

    /// Notes how a request ended; `true`: that ejected the endpoint.
    ///
    /// `random`: 64 random bits. `counts` is asked only when an ejection is due; it counts all
    /// endpoints with [`Outlier::is_ejected`]. Where another worker is just ejecting, or the cap
    /// is reached, nothing happens now and the next failure asks again.
    pub fn record(
        &self,
        now: Moment,
        success: bool,
        settings: &Settings,
        random: u64,
        gate: &Gate,
        counts: impl FnOnce() -> Counts,
    ) -> bool {
        if self.is_ejected(now) {
            // Requests sent before the ejection say nothing new.
            return false;
        }
        if success {
            if self.failures_in_a_row.load(Ordering::Relaxed) != 0 {
                self.failures_in_a_row.store(0, Ordering::Relaxed);
            }
            self.window.add_first(now);
            return false;
        }
        let in_a_row = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.window.add_second(now);
        let due = (settings.consecutive > 0 && in_a_row >= settings.consecutive) || self.fails_by_share(now, settings);
        due && self.eject(now, settings, random, gate, counts)
    }

    fn fails_by_share(&self, now: Moment, settings: &Settings) -> bool {
        if settings.success_percent == 0 {
            return false;
        }
        let seen = self.window.sum(now);
        let all = seen.first + seen.second;
        all >= u64::from(settings.minimum_requests) && seen.first * 100 < all * u64::from(settings.success_percent)
    }

    fn eject(
        &self,
        now: Moment,
        settings: &Settings,
        random: u64,
        gate: &Gate,
        counts: impl FnOnce() -> Counts,
    ) -> bool {
        if gate.taken.swap(true, Ordering::Acquire) {
            return false;
        }
        let counts = counts();
        let allowed = allowed(counts.total, settings.max_percent);
        let ejected = counts.ejected < allowed && !self.is_ejected(now);
        if ejected {
            let times = self.count_times(now, settings);
            let until = now.plus(ejection(settings, times, random));
            self.until.store(until.0, Ordering::Release);
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            self.window.clear();
        }
        gate.taken.store(false, Ordering::Release);
        ejected
    }

    /// How often it has been ejected, this time included, with good times since deducted.
    fn count_times(&self, now: Moment, settings: &Settings) -> u32 {
        let before = self.times.load(Ordering::Relaxed);
        let ended = self.until.load(Ordering::Relaxed);
        let good = now.0.saturating_sub(ended) / settings.ejection_ms.saturating_mul(1_000_000).max(1);
        let times = before.saturating_sub(u32::try_from(good).unwrap_or(u32::MAX)).saturating_add(1);
        self.times.store(times, Ordering::Relaxed);
        times
    }

    /// Lets the endpoint back in before its time: an active check passed. `true`: it was ejected.
    pub fn readmit(&self, now: Moment) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until > now.0 && self.until.compare_exchange(until, now.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// How many of `total` endpoints may be ejected: the share rounded down, never all.
pub fn allowed(total: usize, max_percent: u32) -> usize {
    let share = total as u64 * u64::from(max_percent.min(100)) / 100;
    (share as usize).min(total.saturating_sub(1))
}

/// How long the ejection is that is the `times`-th: up to a tenth shorter than times × base ≤ max.
pub fn ejection(settings: &Settings, times: u32, random: u64) -> Duration {
    let millis = settings.ejection_ms.saturating_mul(u64::from(times)).min(settings.max_ejection_ms);
    let jitter = below(random, millis / (100 / JITTER_PERCENT) + 1);
    Duration::from_millis(millis - jitter)
}
