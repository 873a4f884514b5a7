//! What encoders and decoders of a worker may take together: they are large, and how long each lasts its client decides.

use std::cell::Cell;

/// In bytes, for each worker.
pub const MOST: usize = 64 << 20;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// A part of the worker's share; dropping it gives it back.
#[derive(Debug, Default)]
pub struct Reservation {
    bytes: usize,
}

impl Reservation {
    /// `None`: there is not so much left.
    pub fn take(bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation::default();
        reservation.grow_to(bytes).then_some(reservation)
    }

    /// Makes it as large as that, unless it is already; `false`: there is not so much left.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let taken = TAKEN.get();
        let more = bytes.saturating_sub(self.bytes);
        if more > MOST - taken {
            return false;
        }
        TAKEN.set(taken + more);
        self.bytes += more;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        TAKEN.set(TAKEN.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_given_than_there_is_and_what_is_dropped_is_there_again() {
        let mut half = Reservation::take(MOST / 2).unwrap();
        let other = Reservation::take(MOST / 2).unwrap();
        assert!(Reservation::take(1).is_none());
        assert!(half.grow_to(MOST / 2) && half.grow_to(1) && !half.grow_to(MOST / 2 + 1));
        drop(other);
        assert!(half.grow_to(MOST));
        drop(half);
        assert!(Reservation::take(MOST).is_some());
    }
}
