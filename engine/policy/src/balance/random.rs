//! A usable endpoint at random, by weight.
//!
//! Up to 128 endpoints shares are exact. Above, looking at all of them would cost more than the
//! rest of a request: 16 are drawn and the choice is among those.

use smallvec::SmallVec;

use super::{below, mix};

/// Up to this many endpoints are all looked at.
const EXACT: usize = 128;
/// How many are drawn where there are more.
const DRAWN: usize = 16;

/// Picks a usable endpoint with a chance in proportion to its weight. `random`: 64 random bits.
pub fn pick(count: usize, random: u64, weight: impl Fn(usize) -> u32, usable: impl Fn(usize) -> bool) -> Option<usize> {
    // The draw must not see the bits that chose the candidates: else their order decides.
    Candidates::gather(count, random, weight, usable).draw(mix(!random), None)
}

/// Endpoints among which a choice is made, and the sum of weights up to each.
pub(super) struct Candidates {
    list: SmallVec<[(u32, u64); 16]>,
}

impl Candidates {
    pub(super) fn gather(
        count: usize,
        random: u64,
        weight: impl Fn(usize) -> u32,
        usable: impl Fn(usize) -> bool,
    ) -> Candidates {
        let mut candidates = Candidates { list: SmallVec::new() };
        if count > EXACT {
            // Random starting points and a walk of a few steps find usable ones among many; twice
            // the same endpoint would count its weight twice.
            let mut bits = random;
            for _ in 0..2 * DRAWN {
                bits = mix(bits);
                let index = below(bits, count as u64) as usize;
                let known = candidates.list.iter().any(|&(known, _)| known as usize == index);
                if !known && candidates.list.len() < DRAWN && usable(index) {
                    candidates.push(index, weight(index));
                }
            }
        }
        if candidates.list.len() < 2 {
            candidates.list.clear();
            for index in (0..count).filter(|&index| usable(index)) {
                candidates.push(index, weight(index));
            }
        }
        candidates
    }

    fn push(&mut self, index: usize, weight: u32) {
        let weight = u64::from(weight.max(1));
        self.list.push((index as u32, self.total() + weight));
    }

    fn total(&self) -> u64 {
        self.list.last().map_or(0, |&(_, sum)| sum)
    }

    /// Draws one by weight, leaving out the one given.
    pub(super) fn draw(&self, bits: u64, without: Option<usize>) -> Option<usize> {
        let left_out = self.list.iter().position(|&(index, _)| Some(index as usize) == without);
        let (skip_from, skipped) = match left_out {
            Some(0) => (0, self.list[0].1),
            Some(place) => (self.list[place - 1].1, self.list[place].1 - self.list[place - 1].1),
            None => (u64::MAX, 0),
        };
        let total = self.total() - skipped;
        if total == 0 {
            return None;
        }
        let mut ticket = below(bits, total);
        if ticket >= skip_from {
            ticket += skipped;
        }
        let place = self.list.partition_point(|&(_, sum)| sum <= ticket);
        self.list.get(place).map(|&(index, _)| index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of picks that each endpoint got.
    fn shares(count: usize, picks: u64, weight: impl Fn(usize) -> u32, usable: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut shares = vec![0.0; count];
        for number in 0..picks {
            let index = pick(count, mix(number), &weight, &usable).unwrap();
            shares[index] += 1.0 / picks as f64;
        }
        shares
    }

    #[test]
    fn shares_follow_weights() {
        let found = shares(4, 200_000, |index| [1, 2, 3, 4][index], |index| index != 2);
        for (share, expected) in found.iter().zip([1.0 / 7.0, 2.0 / 7.0, 0.0, 4.0 / 7.0]) {
            assert!((share - expected).abs() < 0.01, "{found:?}");
        }
    }

    #[test]
    fn many_endpoints_share_evenly() {
        let found = shares(500, 500_000, |_| 3, |index| index % 2 == 0);
        assert!(found.iter().step_by(2).all(|share| (share - 0.004).abs() < 0.001), "{found:?}");
    }

    #[test]
    fn the_last_usable_of_many_is_found() {
        assert_eq!(pick(1000, 7, |_| 1, |index| index == 777), Some(777));
        assert_eq!(pick(1000, 7, |_| 1, |_| false), None);
        assert_eq!(pick(0, 7, |_| 1, |_| true), None);
    }
}
