//! Points in time as text. The second formatted last is kept: most lines share it.

const DAY: i64 = 86_400;
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A second since 1970 taken apart (proleptic Gregorian calendar).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Civil {
    /// By eras of 400 years that begin in March, so that the leap day is a year's last.
    fn of(second: i64) -> Civil {
        let days = second.div_euclid(DAY) + 719_468;
        let rest = second.rem_euclid(DAY);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: (day_of_year - (153 * march_month + 2) / 5 + 1) as u8,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }
}

fn two(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

fn push_year(out: &mut Vec<u8>, year: i64) {
    let year = year.clamp(0, 9_999);
    out.extend_from_slice(&two((year / 100) as u8));
    out.extend_from_slice(&two((year % 100) as u8));
}

/// Formats points in time, in one style per use.
#[derive(Debug, Default)]
pub struct Clock {
    /// The second that `text` shows; `None` at first.
    second: Option<i64>,
    text: Vec<u8>,
}

impl Clock {
    fn cached(&mut self, second: i64, make: impl FnOnce(&mut Vec<u8>, Civil)) -> &[u8] {
        if self.second != Some(second) {
            self.text.clear();
            make(&mut self.text, Civil::of(second));
            self.second = Some(second);
        }
        &self.text
    }

    /// `2026-03-01T12:04:31.123Z` (RFC 3339, milliseconds, UTC).
    pub fn push_rfc3339(&mut self, out: &mut Vec<u8>, unix_ns: u64) {
        let text = self.cached((unix_ns / 1_000_000_000) as i64, |text, civil| {
            push_year(text, civil.year);
            for (mark, number) in [(b'-', civil.month), (b'-', civil.day), (b'T', civil.hour), (b':', civil.minute)] {
                text.push(mark);
                text.extend_from_slice(&two(number));
            }
            text.push(b':');
            text.extend_from_slice(&two(civil.second));
        });
        out.extend_from_slice(text);
        let millis = (unix_ns / 1_000_000 % 1_000) as u16;
        let [tens, ones] = two((millis % 100) as u8);
        out.extend_from_slice(&[b'.', b'0' + (millis / 100) as u8, tens, ones, b'Z']);
    }

    /// `01/Mar/2026:12:04:31 +0000`, as in Apache's "combined".
    pub fn push_common(&mut self, out: &mut Vec<u8>, unix_ns: u64) {
        let text = self.cached((unix_ns / 1_000_000_000) as i64, |text, civil| {
            text.extend_from_slice(&two(civil.day));
            text.push(b'/');
            text.extend_from_slice(MONTHS[usize::from(civil.month - 1) % 12]);
            text.push(b'/');
            push_year(text, civil.year);
            for number in [civil.hour, civil.minute, civil.second] {
                text.push(b':');
                text.extend_from_slice(&two(number));
            }
            text.extend_from_slice(b" +0000");
        });
        out.extend_from_slice(text);
    }

    /// `12:04:31`, so many seconds east of UTC.
    pub fn push_of_day(&mut self, out: &mut Vec<u8>, unix_ns: u64, utc_offset_seconds: i32) {
        let second = (unix_ns / 1_000_000_000) as i64 + i64::from(utc_offset_seconds);
        let text = self.cached(second, |text, civil| {
            text.extend_from_slice(&two(civil.hour));
            for number in [civil.minute, civil.second] {
                text.push(b':');
                text.extend_from_slice(&two(number));
            }
        });
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl FnOnce(&mut Clock, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        make(&mut Clock::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_seconds_have_their_known_dates() {
        for (second, text) in [
            (0_u64, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_827_696, "2000-02-29T12:34:56.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_709_251_200, "2024-03-01T00:00:00.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            assert_eq!(made(|clock, out| clock.push_rfc3339(out, second * 1_000_000_000 + 7_999_999)), text);
        }
    }

    #[test]
    fn days_follow_each_other_without_gap() {
        let mut before = Civil::of(-DAY);
        for day in 0..60_000 {
            let civil = Civil::of(day * DAY);
            let next_day = civil.day == before.day + 1 && civil.month == before.month;
            let next_month = civil.day == 1 && (28..=31).contains(&before.day);
            assert!(next_day || next_month, "{before:?} {civil:?}");
            before = civil;
        }
    }

    #[test]
    fn each_style_has_its_look() {
        let noon = 1_709_251_200_000_000_000;
        assert_eq!(made(|clock, out| clock.push_common(out, noon)), "01/Mar/2024:00:00:00 +0000");
        assert_eq!(made(|clock, out| clock.push_of_day(out, noon, 3_661)), "01:01:01");
        assert_eq!(made(|clock, out| clock.push_of_day(out, noon, -1)), "23:59:59");
        assert!(made(|clock, out| clock.push_rfc3339(out, u64::MAX)).starts_with("2554-"));
    }

    #[test]
    fn the_kept_second_is_replaced_when_it_passes() {
        let mut clock = Clock::default();
        let mut out = Vec::new();
        for second in [5, 5, 6, 5] {
            clock.push_of_day(&mut out, second * 1_000_000_000, 0);
        }
        assert_eq!(out, b"00:00:0500:00:0500:00:0600:00:05");
    }
}
