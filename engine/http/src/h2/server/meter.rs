//! What a connection's frames cost and what they are good for: floods are told from work by their headers alone.
//!
//! Each frame that asks for something and brings nothing costs one token: SETTINGS, PING, PRIORITY, WINDOW_UPDATE,
//! RST_STREAM, CONTINUATION, unknown kinds, DATA without bytes. Requests and the bytes of bodies, in both directions,
//! earn tokens, and so does time. Beside that, streams that are opened to be reset are counted by the second. After
//! Envoy's limits on control frames and on resets.

use glorieta_core::Moment;

use super::frames::{CONTINUATION, DATA, Frame, HEADERS, RST_STREAM};
use super::refusals::Refusals;
use crate::multiplexed::Resets;

/// The most tokens there can be; a connection begins with so many.
const TOKENS: u32 = 2000;
/// What a second earns.
const PER_SECOND: u64 = 200;
/// What a request and its answer's head earn, each.
const PER_HEAD: u32 = 5;
/// So many bytes of a body earn one, and no frame more than the most.
const BYTES_PER_TOKEN: u32 = 64;
const PER_DATA: u32 = 10;
const SECOND: u64 = 1_000_000_000;
/// Resets by which nothing went wrong.
const NO_ERROR: u32 = 0;

/// What a client is sent away for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Frames that bring no work.
    Frames,
    /// Streams that are opened and reset, by whichever side (CVE-2023-44487, CVE-2025-8671).
    Resets,
}

impl Flood {
    pub const fn text(self) -> &'static str {
        match self {
            Flood::Frames => "frames that bring no work",
            Flood::Resets => "streams that are opened and reset",
        }
    }
}

pub struct Meter {
    tokens: u32,
    /// Until when time has been paid for.
    paid: Moment,
    resets: Resets,
    /// Since when a block of fields has been coming.
    block: Option<Moment>,
    flood: Option<Flood>,
    pub refusals: Refusals,
}

impl Meter {
    pub fn new(now: Moment) -> Meter {
        let (resets, refusals) = (Resets::new(now), Refusals::default());
        Meter { tokens: TOKENS, paid: now, resets, block: None, flood: None, refusals }
    }

    /// What the client is to be sent away for.
    pub fn flood(&self) -> Option<Flood> {
        self.flood
    }

    /// Since when a block of fields has been coming that is not whole yet.
    pub fn block(&self) -> Option<Moment> {
        self.block
    }

    /// Some time has passed.
    pub fn pass(&mut self, now: Moment) {
        let earned = now.0.saturating_sub(self.paid.0).saturating_mul(PER_SECOND) / SECOND;
        if earned > 0 {
            self.paid = now;
            self.earn(u32::try_from(earned).unwrap_or(TOKENS));
        }
        self.resets.pass(now);
    }

    /// A frame of the client's.
    pub fn received(&mut self, frame: Frame, now: Moment) {
        match frame.kind {
            HEADERS => {
                self.resets.open();
                self.refusals.opened(frame.stream);
                self.earn(PER_HEAD);
                self.block = (!frame.ends_headers()).then_some(now);
            }
            DATA if frame.length > 0 => self.earn(worth(frame.length)),
            DATA if frame.ends_stream() => {}
            kind => {
                if kind == CONTINUATION && frame.ends_headers() {
                    self.block = None;
                }
                if kind == RST_STREAM {
                    self.count_reset();
                }
                self.spend();
            }
        }
    }

    /// A frame of ours.
    pub fn sent(&mut self, frame: Frame) {
        match frame.kind {
            HEADERS => {
                self.refusals.answered(frame.stream);
                self.earn(PER_HEAD);
            }
            DATA => self.earn(worth(frame.length)),
            // Those that the client has provoked.
            RST_STREAM if frame.code != NO_ERROR => {
                self.refusals.reset(frame.stream, frame.code);
                self.count_reset();
            }
            _ => {}
        }
    }

    fn count_reset(&mut self) {
        if self.resets.reset() {
            self.flood.get_or_insert(Flood::Resets);
        }
    }

    fn earn(&mut self, tokens: u32) {
        self.tokens = (self.tokens + tokens.min(TOKENS)).min(TOKENS);
    }

    fn spend(&mut self) {
        match self.tokens.checked_sub(1) {
            Some(left) => self.tokens = left,
            None => {
                self.flood.get_or_insert(Flood::Frames);
            }
        }
    }
}

fn worth(length: u32) -> u32 {
    (length / BYTES_PER_TOKEN).min(PER_DATA)
}

#[cfg(test)]
mod tests {
    use super::super::frames::Frames;
    use super::*;
    use crate::multiplexed::STREAMS;

    const WINDOW_UPDATE: u8 = 8;
    const AT: Moment = Moment(SECOND);

    fn frame(kind: u8, flags: u8, length: u8) -> Frame {
        let mut seen = None;
        let header = [0, 0, length, kind, flags, 0, 0, 0, 1, 0, 0, 0, 8];
        Frames::after(0).feed(&header, |frame| seen = Some(frame));
        seen.unwrap()
    }

    fn get() -> Frame {
        frame(HEADERS, 0x5, 20)
    }

    fn reset() -> Frame {
        frame(RST_STREAM, 0, 4)
    }

    #[test]
    fn frames_that_bring_nothing_are_bounded() {
        for idle in [frame(4, 0, 0), frame(6, 0, 8), frame(2, 0, 5), frame(WINDOW_UPDATE, 0, 4), frame(DATA, 0, 0)] {
            let mut meter = Meter::new(AT);
            (0..TOKENS).for_each(|_| meter.received(idle, AT));
            assert_eq!(meter.flood(), None, "{idle:?}");
            meter.received(idle, AT);
            assert_eq!(meter.flood(), Some(Flood::Frames), "{idle:?}");
        }
    }

    #[test]
    fn what_work_and_time_earn_is_spent_by_nobody_who_works() {
        let mut meter = Meter::new(AT);
        for _ in 0..100_000 {
            meter.received(frame(DATA, 0, 255), AT);
            (0..3).for_each(|_| meter.received(frame(WINDOW_UPDATE, 0, 4), AT));
        }
        // A ping each second for a day.
        let mut meter = Meter::new(AT);
        for second in 0..86_400 {
            meter.pass(Moment(SECOND * (second + 2)));
            meter.received(frame(6, 0, 8), AT);
        }
        assert_eq!(meter.flood(), None);
    }

    #[test]
    fn one_byte_for_each_update_of_a_window_is_no_work() {
        let mut meter = Meter::new(AT);
        for _ in 0..=TOKENS {
            meter.received(frame(WINDOW_UPDATE, 0, 4), AT);
            meter.sent(frame(DATA, 0, 1));
        }
        assert_eq!(meter.flood(), Some(Flood::Frames));
    }

    #[test]
    fn streams_that_are_opened_to_be_reset_are_counted_whoever_resets_them() {
        for ours in [false, true] {
            let mut meter = Meter::new(AT);
            let mut pairs = 0;
            while meter.flood().is_none() {
                pairs += 1;
                meter.received(get(), AT);
                if ours { meter.sent(reset()) } else { meter.received(reset(), AT) }
            }
            assert_eq!((pairs, meter.flood()), (STREAMS + 1, Some(Flood::Resets)));
        }
    }

    #[test]
    fn a_page_that_is_left_and_a_busy_client_are_no_flood() {
        let mut meter = Meter::new(AT);
        for second in 1..100 {
            meter.pass(Moment(SECOND * second));
            (0..400).for_each(|_| meter.received(get(), AT));
            (0..400).for_each(|_| meter.received(reset(), AT));
        }
        let mut busy = Meter::new(AT);
        for count in 0..100_000 {
            busy.received(get(), AT);
            if count % 3 == 0 {
                busy.received(reset(), AT);
            }
        }
        assert_eq!((meter.flood(), busy.flood()), (None, None));
    }

    #[test]
    fn a_block_of_fields_is_open_until_its_end() {
        let mut meter = Meter::new(AT);
        meter.received(frame(HEADERS, 0, 9), AT);
        assert_eq!(meter.block(), Some(AT));
        meter.received(frame(CONTINUATION, 0, 9), Moment(SECOND * 3));
        assert_eq!(meter.block(), Some(AT));
        meter.received(frame(CONTINUATION, 0x4, 9), AT);
        assert_eq!(meter.block(), None);
    }
}
