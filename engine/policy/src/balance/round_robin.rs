//! Smooth weighted round robin as a sequence made beforehand and a cursor that all workers share.
//!
//! NGINX's algorithm spreads a heavy endpoint's turns evenly instead of bunching them, but keeps
//! a running sum per endpoint, which workers would have to lock. Its picks repeat after
//! `sum of weights / gcd` turns: so they are written down once, and a turn is one addition.

use super::{below, mix};

/// The longest sequence, in turns. Heavier sums are scaled down, at the price of a small error.
const MAX_TURNS: u64 = 65_536;
/// The most steps that building may take (turns × endpoints).
const MAX_STEPS: u64 = 64_000_000;
/// How often a turn that falls on an unusable endpoint is drawn anew before all are looked at.
const DRAWS: u64 = 16;

/// One period of turns.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    turns: Box<[u32]>,
    count: usize,
}

impl Sequence {
    /// Makes the sequence for endpoints with these weights (0 counts as 1).
    ///
    /// Exact while `sum of weights / gcd` is at most 65,536; beyond, weights are rounded to fit.
    /// Building takes at most about 0.1 s for up to 8,000 endpoints.
    pub fn build(weights: &[u32]) -> Sequence {
        let weights = fit(weights);
        let total: i64 = weights.iter().sum();
        let equal = total == weights.len() as i64;
        let turns = if equal { (0..weights.len() as u32).collect() } else { turns(&weights, total) };
        Sequence { turns, count: weights.len() }
    }

    /// The number of turns after which the sequence repeats.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Picks the endpoint of a turn; `cursor` is a counter that all workers advance.
    ///
    /// An unusable endpoint's turns go to the others in proportion to their weights, not to
    /// whoever happens to come next, which would get a double share.
    pub fn pick(&self, cursor: u64, usable: impl Fn(usize) -> bool) -> Option<usize> {
        if self.turns.is_empty() {
            return None;
        }
        let index = self.turns[(cursor % self.turns.len() as u64) as usize] as usize;
        if usable(index) {
            return Some(index);
        }
        let mut bits = cursor;
        for _ in 0..DRAWS {
            bits = mix(bits);
            let index = self.turns[below(bits, self.turns.len() as u64) as usize] as usize;
            if usable(index) {
                return Some(index);
            }
        }
        let start = below(bits, self.count as u64) as usize;
        (start..self.count).chain(0..start).find(|&index| usable(index))
    }
}

/// Weights divided by what they have in common, and scaled down where their sum is too long.
fn fit(weights: &[u32]) -> Vec<i64> {
    let weights: Vec<u64> = weights.iter().map(|&weight| u64::from(weight.max(1))).collect();
    let common = weights.iter().fold(0, |one, &other| greatest_common_divisor(one, other)).max(1);
    let total: u64 = weights.iter().sum::<u64>() / common;
    let count = weights.len().max(1) as u64;
    let longest = MAX_TURNS.min(MAX_STEPS / count).max(4 * count);
    let fitted = weights.iter().map(|&weight| {
        if total <= longest {
            return (weight / common) as i64;
        }
        let scaled = weight as f64 / common as f64 * longest as f64 / total as f64;
        (scaled.round() as i64).max(1)
    });
    fitted.collect()
}

const fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// Each turn every endpoint gains its weight; the richest has the turn and pays the total.
fn turns(weights: &[i64], total: i64) -> Box<[u32]> {
    let mut current = vec![0i64; weights.len()];
    let turn = |_| {
        let mut best = 0;
        for (index, weight) in weights.iter().enumerate() {
            current[index] += weight;
            if current[index] > current[best] {
                best = index;
            }
        }
        current[best] -= total;
        best as u32
    };
    (0..total).map(turn).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(sequence: &Sequence, picks: u64, usable: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut shares = vec![0.0; sequence.count];
        for cursor in 0..picks {
            shares[sequence.pick(cursor, &usable).unwrap()] += 1.0 / picks as f64;
        }
        shares
    }

    #[test]
    fn turns_are_spread_as_nginx_spreads_them() {
        assert_eq!(*Sequence::build(&[5, 1, 1]).turns, [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(*Sequence::build(&[300, 100]).turns, [0, 0, 1, 0]);
        assert_eq!(*Sequence::build(&[7, 7, 7]).turns, [0, 1, 2]);
        assert!(Sequence::build(&[]).is_empty());
        assert_eq!(Sequence::build(&[]).pick(3, |_| true), None);
    }

    #[test]
    fn turns_of_an_unusable_endpoint_go_to_the_others_by_weight() {
        let found = shares(&Sequence::build(&[1, 2, 3, 4]), 200_000, |index| index != 1);
        for (share, expected) in found.iter().zip([1.0 / 8.0, 0.0, 3.0 / 8.0, 4.0 / 8.0]) {
            assert!((share - expected).abs() < 0.01, "{found:?}");
        }
    }

    #[test]
    fn weights_too_heavy_for_one_sequence_keep_their_shares() {
        let weights: Vec<u32> = (0..300).map(|index| 997 - index).collect();
        let sequence = Sequence::build(&weights);
        assert!(sequence.len() <= 66_000);
        let total: u32 = weights.iter().sum();
        let found = shares(&sequence, sequence.len() as u64, |_| true);
        for (share, weight) in found.iter().zip(&weights) {
            let expected = f64::from(*weight) / f64::from(total);
            assert!((share - expected).abs() < 0.01 * expected, "{share} {expected}");
        }
    }

    #[test]
    fn one_usable_among_many_is_found() {
        let sequence = Sequence::build(&vec![1; 5000]);
        assert_eq!(sequence.pick(3, |index| index == 4711), Some(4711));
        assert_eq!(sequence.pick(3, |_| false), None);
    }

    proptest! {
        #[test]
        fn one_period_gives_each_exactly_its_weight(weights in proptest::collection::vec(1u32..40, 1..12)) {
            let sequence = Sequence::build(&weights);
            let common = weights.iter().fold(0, |one, &other| greatest_common_divisor(one, u64::from(other)));
            for (index, &weight) in weights.iter().enumerate() {
                let turns = sequence.turns.iter().filter(|&&turn| turn as usize == index).count() as u64;
                prop_assert_eq!(turns, u64::from(weight) / common);
            }
        }
    }
}
