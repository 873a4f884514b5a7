//! Active checks: so many failures in a row and an endpoint is down, so many successes and it is up.

use std::sync::atomic::{AtomicU32, Ordering};

const DOWN: u32 = 1 << 31;

/// What a check's result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Up,
    Down,
}

/// An endpoint's state by active checks. One never checked is usable: at start no request waits
/// for the first round. Checks of one endpoint come from one thread; any thread may ask.
#[derive(Debug, Default)]
pub struct Streak {
    /// The state in the highest bit; below it how many results in a row spoke against it.
    state: AtomicU32,
}

impl Streak {
    pub fn new() -> Streak {
        Streak::default()
    }

    pub fn is_up(&self) -> bool {
        self.state.load(Ordering::Relaxed) & DOWN == 0
    }

    /// Forgets everything: it is not checked any more, so nothing could bring it up again.
    pub fn reset(&self) {
        self.state.store(0, Ordering::Relaxed);
    }

    /// Notes a check's result. `fall` failures in a row take it down, `rise` successes bring it
    /// up; 0 counts as 1.
    pub fn observe(&self, passed: bool, fall: u32, rise: u32) -> Option<Change> {
        let state = self.state.load(Ordering::Relaxed);
        let down = state & DOWN != 0;
        let agrees = passed != down;
        let against = if agrees { 0 } else { (state & !DOWN) + 1 };
        let needed = if down { rise } else { fall };
        if against >= needed.max(1) {
            self.state.store(if down { 0 } else { DOWN }, Ordering::Relaxed);
            return Some(if down { Change::Up } else { Change::Down });
        }
        self.state.store((state & DOWN) | against, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_in_a_row_change_the_state() {
        let streak = Streak::new();
        let mut seen = String::new();
        for passed in "--+--+-++-+++".chars().map(|result| result == '+') {
            seen.push(match streak.observe(passed, 2, 3) {
                Some(Change::Up) => 'U',
                Some(Change::Down) => 'D',
                None => '.',
            });
        }
        assert_eq!(seen, ".D..........U");
        assert!(streak.is_up());
    }

    #[test]
    fn zero_counts_as_one() {
        let streak = Streak::new();
        assert!(streak.is_up());
        assert_eq!(streak.observe(false, 0, 0), Some(Change::Down));
        assert!(!streak.is_up());
        assert_eq!(streak.observe(true, 0, 0), Some(Change::Up));
    }
}
