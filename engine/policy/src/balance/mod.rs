//! Which endpoint a request goes to. Every choice is over all workers and takes no lock.
//!
//! Endpoints are numbers `0..count`; what they are, whether they are usable and what they cost is
//! asked by closures. `None` always means: none is usable.

pub mod first_available;
pub mod hash;
pub mod peak_ewma;
pub mod random;
pub mod round_robin;

/// Spreads every bit of a number over all bits (the finaliser of SplitMix64).
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number below `bound` out of 64 random bits; 0 where `bound` is 0.
pub(crate) const fn below(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}
