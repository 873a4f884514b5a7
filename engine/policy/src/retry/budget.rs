//! The retry budget: at most a share of the requests of a window, plus a floor per second.
//!
//! The floor lets a quiet service retry at all; the share keeps a busy one from being buried.

use std::time::Duration;

use glorieta_core::Moment;
use glorieta_plan::RetryBudget as Settings;

use crate::window::Window;

/// One per upstream, shared by all workers.
#[derive(Debug)]
pub struct Budget {
    /// Requests first, retries second.
    window: Window,
    percent: u64,
    /// Retries that a whole window may have without any request.
    floor: u64,
}

impl Budget {
    pub fn new(settings: &Settings) -> Budget {
        Budget {
            window: Window::new(Duration::from_millis(settings.window_ms)),
            percent: u64::from(settings.percent),
            floor: u64::from(settings.floor_per_second) * settings.window_ms / 1000,
        }
    }

    /// Notes a request: its first try, not its retries.
    pub fn deposit(&self, now: Moment) {
        self.window.add_first(now);
    }

    /// Takes one retry out of the budget; `false`: it is used up.
    pub fn withdraw(&self, now: Moment) -> bool {
        // Counted first and judged then: of two workers that take the last one both see both, so
        // the bound holds; at worst both are refused.
        self.window.add_second(now);
        let seen = self.window.sum(now);
        let allowed = seen.second * 100 <= seen.first * self.percent + self.floor * 100;
        if !allowed {
            self.window.take_second(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(percent: u32, floor_per_second: u32) -> Budget {
        Budget::new(&Settings { percent, window_ms: 10_000, floor_per_second, backoff_ms: 25 })
    }

    #[test]
    fn the_share_and_the_floor_are_exact() {
        let budget = budget(20, 1);
        let now = Moment::from_millis(500);
        for _ in 0..100 {
            budget.deposit(now);
        }
        assert_eq!((0..100).filter(|_| budget.withdraw(now)).count(), 30);
        assert_eq!((0..100).filter(|_| budget.withdraw(Moment::from_millis(11_000))).count(), 10);
    }

    #[test]
    fn workers_together_keep_the_bound() {
        let budget = budget(20, 0);
        let now = Moment::from_millis(500);
        for _ in 0..10_000 {
            budget.deposit(now);
        }
        let granted: usize = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..5000).filter(|_| budget.withdraw(now)).count())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert!(granted <= 2000 && granted > 1900, "{granted}");
    }
}
