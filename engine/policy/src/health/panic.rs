//! When most endpoints look dead, the checks are more likely wrong than all the endpoints: sending
//! everything to the few that are left would kill those too (Envoy's panic threshold).

/// Whether health is to be ignored and all endpoints used: fewer than `percent` of them are usable.
/// A `percent` of 0 means never.
pub const fn usable_all(total: usize, usable: usize, percent: u32) -> bool {
    (usable as u64) * 100 < (percent as u64) * (total as u64)
}

#[cfg(test)]
mod tests {
    use super::usable_all;

    #[test]
    fn below_the_share_all_are_used() {
        for (total, usable, percent, expected) in [
            (4, 1, 50, true),
            (4, 2, 50, false),
            (4, 0, 50, true),
            (4, 0, 0, false),
            (0, 0, 50, false),
            (3, 1, 33, false),
            (3, 1, 34, true),
        ] {
            assert_eq!(usable_all(total, usable, percent), expected, "{total} {usable} {percent}");
        }
    }
}
