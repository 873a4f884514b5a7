//! Whether a request is sent once more: only where that is safe, only while a budget allows.
//!
//! Retries without a budget turn a slow service into a dead one: three hops that each try three
//! times make 27 requests of one (attack 40). The budget bounds them by a share of the requests.

mod budget;

use std::time::Duration;

use glorieta_core::{Method, Moment, Retry};

use crate::balance::below;

pub use budget::Budget;

/// Why there is no retry; the word is for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All tries are used up.
    Tries,
    /// The error says that another try cannot help or would do harm.
    Error,
    /// The endpoint may have acted on it, and twice is not once (RFC 9110 §9.2.2).
    Method,
    /// The body is not kept, or no longer all of it.
    Body,
    Budget,
}

impl Refusal {
    pub const fn reason(self) -> &'static str {
        match self {
            Refusal::Tries => "tries_used_up",
            Refusal::Error => "not_retryable",
            Refusal::Method => "not_idempotent",
            Refusal::Body => "body_not_kept",
            Refusal::Budget => "budget_exhausted",
        }
    }
}

/// Whether a failed try may be repeated; if so, the budget has been charged.
///
/// `replayable`: every byte of the body that was sent can be sent again. The caller asks only
/// while nothing of a response has gone to the client.
///
/// # Errors
/// The first reason against it, the budget last, so that a refusal never costs budget.
pub fn may_retry(
    error: Retry,
    method: Method,
    tries_left: u32,
    replayable: bool,
    budget: &Budget,
    now: Moment,
) -> Result<(), Refusal> {
    if error == Retry::No {
        return Err(Refusal::Error);
    }
    if error == Retry::IfIdempotent && !method.is_idempotent() {
        return Err(Refusal::Method);
    }
    if !replayable {
        return Err(Refusal::Body);
    }
    if tries_left == 0 {
        return Err(Refusal::Tries);
    }
    if budget.withdraw(now) { Ok(()) } else { Err(Refusal::Budget) }
}

/// The pause before a retry: base × 2^(n-1), at most 10 × base, spread from half to one and a half.
///
/// `retry` is 1 for the first retry; `random`: 64 random bits.
pub fn backoff(base: Duration, retry: u32, random: u64) -> Duration {
    let doubled = base.saturating_mul(1u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX).max(1));
    let nanos = u64::try_from(doubled.min(base.saturating_mul(10)).as_nanos()).unwrap_or(u64::MAX / 2);
    Duration::from_nanos(nanos / 2 + below(random, nanos.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use glorieta_plan::RetryBudget;

    use super::*;

    fn budget(floor_per_second: u32) -> Budget {
        Budget::new(&RetryBudget { percent: 20, window_ms: 10_000, floor_per_second, backoff_ms: 25 })
    }

    #[test]
    fn only_what_is_safe_is_tried_again() {
        let (full, empty) = (budget(10), budget(0));
        let table = [
            (Retry::NotSent, Method::Post, 1, true, &full, Ok(())),
            (Retry::NotSent, Method::Other, 1, true, &full, Ok(())),
            (Retry::IfIdempotent, Method::Get, 1, true, &full, Ok(())),
            (Retry::IfIdempotent, Method::Delete, 1, true, &full, Ok(())),
            (Retry::IfIdempotent, Method::Post, 1, true, &full, Err(Refusal::Method)),
            (Retry::IfIdempotent, Method::Patch, 1, true, &full, Err(Refusal::Method)),
            (Retry::IfIdempotent, Method::Other, 1, true, &full, Err(Refusal::Method)),
            (Retry::No, Method::Get, 1, true, &full, Err(Refusal::Error)),
            (Retry::NotSent, Method::Get, 0, true, &full, Err(Refusal::Tries)),
            (Retry::NotSent, Method::Get, 1, false, &full, Err(Refusal::Body)),
            (Retry::NotSent, Method::Get, 1, true, &empty, Err(Refusal::Budget)),
        ];
        for (index, (error, method, left, replayable, budget, expected)) in table.into_iter().enumerate() {
            assert_eq!(may_retry(error, method, left, replayable, budget, Moment::ZERO), expected, "{index}");
        }
    }

    #[test]
    fn pauses_grow_and_scatter_within_bounds() {
        let base = Duration::from_millis(25);
        for (retry, middle) in [(0, 25.0), (1, 25.0), (2, 50.0), (3, 100.0), (9, 250.0), (99, 250.0)] {
            let at = |random| backoff(base, retry, random).as_secs_f64() * 1000.0;
            assert!((at(0) - middle * 0.5).abs() < 0.01 && (at(u64::MAX) - middle * 1.5).abs() < 0.01, "{retry}");
        }
        assert_eq!(backoff(Duration::ZERO, 3, 7), Duration::ZERO);
    }
}
