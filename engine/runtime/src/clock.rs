//! The time of day, made of the monotonic clock: one look at the system's clock per second and worker.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use glorieta_core::Moment;

const SECOND: u64 = 1_000_000_000;

pub struct Clock {
    /// The monotonic second for which the rest holds.
    valid_until: Cell<Moment>,
    /// Nanoseconds from the monotonic clock's beginning to 1970, wrapping.
    offset: Cell<u64>,
    date: Cell<[u8; 29]>,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { valid_until: Cell::new(Moment::ZERO), offset: Cell::new(0), date: Cell::new([b' '; 29]) }
    }
}

impl Clock {
    #[inline]
    fn look(&self, now: Moment) {
        if now >= self.valid_until.get() {
            self.set(now, SystemTime::now());
        }
    }

    #[cold]
    fn set(&self, now: Moment, system: SystemTime) {
        // Before 1970 no clock is right; then dates say 1970.
        let unix = system.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let unix = unix.as_nanos() as u64;
        self.offset.set(unix.wrapping_sub(now.0));
        // Until the second of the day changes.
        self.valid_until.set(Moment(now.0 + SECOND - unix % SECOND));
        let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_nanos(unix));
        if let Ok(date) = text.as_bytes().try_into() {
            self.date.set(date);
        }
    }

    /// The value of `Date` (RFC 9110 §5.6.7).
    pub fn date(&self, now: Moment) -> [u8; 29] {
        self.look(now);
        self.date.get()
    }

    /// Nanoseconds since 1970.
    pub fn unix_nanoseconds(&self, moment: Moment) -> u64 {
        self.look(moment);
        moment.0.wrapping_add(self.offset.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_holds_until_the_second_of_the_day_changes() {
        let clock = Clock::default();
        let start = Moment(5 * SECOND);
        clock.set(start, SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_250));
        assert_eq!(&clock.date(start), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.valid_until.get(), Moment(start.0 + 750_000_000));
        assert_eq!(clock.unix_nanoseconds(start), 784_111_777_250_000_000);
    }
}
