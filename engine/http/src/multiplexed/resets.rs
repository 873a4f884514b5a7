//! Streams that are opened only to be reset (CVE-2023-44487, CVE-2025-8671), counted by the second. After Envoy's limit
//! on resets.

use glorieta_core::Moment;

/// Beyond so many streams in a second it matters how many of them were reset.
pub(crate) const STREAMS: u32 = 500;
const SECOND: u64 = 1_000_000_000;

pub(crate) struct Resets {
    /// The begin of the second in which streams are counted.
    second: Moment,
    opened: u32,
    reset: u32,
}

impl Resets {
    pub fn new(now: Moment) -> Resets {
        Resets { second: now, opened: 0, reset: 0 }
    }

    pub fn open(&mut self) {
        self.opened += 1;
    }

    /// Counts one that was reset; whether these are more than anybody needs.
    pub fn reset(&mut self) -> bool {
        self.reset += 1;
        self.opened > STREAMS && self.reset > self.opened / 2
    }

    /// Some time has passed.
    pub fn pass(&mut self, now: Moment) {
        if now.0.saturating_sub(self.second.0) >= SECOND {
            *self = Resets::new(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_are_opened_to_be_reset_are_a_flood_and_a_page_that_is_left_is_none() {
        let mut resets = Resets::new(Moment(SECOND));
        let pairs = (1..).find(|_| {
            resets.open();
            resets.reset()
        });
        assert_eq!(pairs, Some(STREAMS + 1));
        let mut calm = Resets::new(Moment(SECOND));
        for second in 1..50 {
            calm.pass(Moment(SECOND * second));
            (0..400).for_each(|_| calm.open());
            assert!((0..400).all(|_| !calm.reset()));
        }
        let mut busy = Resets::new(Moment(SECOND));
        for count in 0..10_000 {
            busy.open();
            assert!(count % 3 != 0 || !busy.reset());
        }
    }
}
