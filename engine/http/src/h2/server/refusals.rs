//! Requests that the library refuses by itself, and tells nobody of. Frames do: a stream that the client has opened,
//! that is reset or answered from here, and that was never handed out.

use std::collections::VecDeque;

use glorieta_core::{Error, Kind};
use h2::Reason;

/// Streams that may be looked at; of more than those the oldest is forgotten.
const MOST: usize = 256;

/// Why there was no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// By an answer, which the library gives to heads that are larger than SETTINGS_MAX_HEADER_LIST_SIZE.
    TooLarge,
    /// By RST_STREAM with this code.
    Reset(u32),
}

#[derive(Default)]
pub struct Refusals {
    /// The last stream that the client has opened.
    last: u32,
    /// Those that were not handed out, by their number.
    opened: VecDeque<(u32, Option<Refusal>)>,
    /// How many of them were refused.
    refused: usize,
}

impl Refusals {
    /// A head has begun to come, or trailers.
    pub fn opened(&mut self, stream: u32) {
        if stream <= self.last {
            return;
        }
        self.last = stream;
        if self.opened.len() == MOST
            && let Some((_, Some(_))) = self.opened.pop_front()
        {
            self.refused -= 1;
        }
        self.opened.push_back((stream, None));
    }

    /// The library has handed a stream out.
    pub fn handed_out(&mut self, stream: u32) {
        if let Some(at) = self.place(stream)
            && let Some((_, Some(_))) = self.opened.remove(at)
        {
            self.refused -= 1;
        }
    }

    /// An answer was begun.
    pub fn answered(&mut self, stream: u32) {
        self.refuse(stream, Refusal::TooLarge);
    }

    /// A stream was reset.
    pub fn reset(&mut self, stream: u32, code: u32) {
        self.refuse(stream, Refusal::Reset(code));
    }

    fn refuse(&mut self, stream: u32, refusal: Refusal) {
        if let Some(at) = self.place(stream)
            && let (_, unknown @ None) = &mut self.opened[at]
        {
            *unknown = Some(refusal);
            self.refused += 1;
        }
    }

    fn place(&self, stream: u32) -> Option<usize> {
        self.opened.iter().position(|(opened, _)| *opened == stream)
    }

    /// Why a request was refused, each once. To be asked when the library has nothing more to hand out.
    pub fn next(&mut self) -> Option<Error> {
        if self.refused == 0 {
            return None;
        }
        let at = self.opened.iter().position(|(_, refusal)| refusal.is_some())?;
        let (_, refusal) = self.opened.remove(at)?;
        self.refused -= 1;
        Some(match refusal? {
            Refusal::TooLarge => Error::new(Kind::HeadTooLarge),
            Refusal::Reset(code) if Reason::from(code) == Reason::REFUSED_STREAM => Error::new(Kind::TooManyStreams),
            Refusal::Reset(code) => {
                Error::new(Kind::HeadMalformed).with_detail(format!("no head of a request ({:?})", Reason::from(code)))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(refusals: &mut Refusals) -> Vec<Kind> {
        std::iter::from_fn(|| refusals.next()).map(|error| error.kind).collect()
    }

    #[test]
    fn what_is_handed_out_is_not_refused_whatever_becomes_of_it() {
        let mut refusals = Refusals::default();
        for stream in [1, 3, 5] {
            refusals.opened(stream);
        }
        refusals.handed_out(3);
        refusals.reset(3, 1);
        // Reset by its client's fault before it was handed out.
        refusals.reset(5, 1);
        refusals.handed_out(5);
        // Trailers of one that is long known, and a stream that nobody has opened.
        refusals.opened(3);
        refusals.reset(3, 1);
        refusals.reset(9, 5);
        assert_eq!(kinds(&mut refusals), []);
        refusals.answered(1);
        refusals.reset(1, 1);
        assert_eq!(kinds(&mut refusals), [Kind::HeadTooLarge]);
    }

    #[test]
    fn the_code_says_why() {
        let mut refusals = Refusals::default();
        refusals.opened(1);
        refusals.opened(3);
        refusals.reset(3, 7);
        refusals.reset(1, 1);
        assert_eq!(kinds(&mut refusals), [Kind::HeadMalformed, Kind::TooManyStreams]);
        assert_eq!(kinds(&mut refusals), []);
    }

    #[test]
    fn what_never_comes_to_anything_is_forgotten() {
        let mut refusals = Refusals::default();
        for stream in (1..).step_by(2).take(3 * MOST) {
            refusals.opened(stream);
            if stream == 1 {
                refusals.reset(stream, 1);
            }
        }
        assert_eq!((refusals.opened.len(), refusals.refused), (MOST, 0));
        assert_eq!(kinds(&mut refusals), []);
    }
}
