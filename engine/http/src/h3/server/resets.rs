//! Requests that are begun only to be given up (CVE-2023-44487), counted by the second, as for HTTP/2.

use glorieta_core::Moment;

/// Beyond so many requests in a second it matters how many of them were given up.
const REQUESTS: u32 = 500;
const SECOND: u64 = 1_000_000_000;

pub struct Resets {
    /// The begin of the second in which requests are counted.
    second: Moment,
    begun: u32,
    given_up: u32,
}

impl Resets {
    pub fn new(now: Moment) -> Resets {
        Resets { second: now, begun: 0, given_up: 0 }
    }

    pub fn begin(&mut self, now: Moment) {
        self.pass(now);
        self.begun += 1;
    }

    /// Counts one that was given up; whether these are more than anybody needs.
    pub fn give_up(&mut self, now: Moment) -> bool {
        self.pass(now);
        self.given_up += 1;
        self.begun > REQUESTS && self.given_up > self.begun / 2
    }

    fn pass(&mut self, now: Moment) {
        if now.0.saturating_sub(self.second.0) >= SECOND {
            *self = Resets::new(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_are_begun_to_be_given_up_are_a_flood_and_a_page_that_is_left_is_none() {
        let mut resets = Resets::new(Moment(SECOND));
        let pairs = (1..).find(|_| {
            resets.begin(Moment(SECOND));
            resets.give_up(Moment(SECOND))
        });
        assert_eq!(pairs, Some(REQUESTS + 1));
        let mut calm = Resets::new(Moment(SECOND));
        for second in 1..50 {
            let now = Moment(SECOND * second);
            (0..400).for_each(|_| calm.begin(now));
            assert!((0..400).all(|_| !calm.give_up(now)));
        }
        let mut busy = Resets::new(Moment(SECOND));
        for count in 0..10_000 {
            busy.begin(Moment(SECOND));
            assert!(count % 3 != 0 || !busy.give_up(Moment(SECOND)));
        }
    }
}
