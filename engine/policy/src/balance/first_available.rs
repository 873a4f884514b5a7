//! The first usable endpoint in the order written: one works, the others stand by.

/// Picks the first usable endpoint.
pub fn pick(count: usize, usable: impl Fn(usize) -> bool) -> Option<usize> {
    (0..count).find(|&index| usable(index))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_usable_is_picked() {
        assert_eq!(super::pick(3, |_| true), Some(0));
        assert_eq!(super::pick(3, |index| index == 2), Some(2));
        assert_eq!(super::pick(3, |_| false), None);
        assert_eq!(super::pick(0, |_| true), None);
    }
}
