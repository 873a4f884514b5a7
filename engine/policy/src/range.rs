//! Byte ranges (RFC 9110 §14): which parts of a file are wanted.
//!
//! A hundred overlapping ranges of a large file are an old way to make a server send a hundred
//! files (RFC 9110 §17.15): lists that overlap or are long are ignored and the file is sent once.

use smallvec::SmallVec;

/// The most ranges of one request that are obeyed.
pub const MAX_RANGES: usize = 16;

/// Bytes `first..=last` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    pub first: u64,
    pub last: u64,
}

impl ByteRange {
    pub const fn length(self) -> u64 {
        self.last - self.first + 1
    }

    /// The value of `Content-Range`.
    pub fn content_range(self, total: u64) -> String {
        format!("bytes {}-{}/{total}", self.first, self.last)
    }
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it, with 200.
    Whole,
    /// These parts in this order, with 206; more than one as `multipart/byteranges`.
    Parts(SmallVec<[ByteRange; 1]>),
    /// 416, with `Content-Range: bytes */length`.
    Unsatisfiable,
}

/// Reads the value of `Range` for a file of `length` bytes. What cannot be read, names another
/// unit than bytes, is too long a list or overlaps is ignored, as §14.2 allows.
pub fn select(value: &[u8], length: u64) -> Selection {
    let Some(equals) = memchr::memchr(b'=', value) else { return Selection::Whole };
    if !value[..equals].trim_ascii().eq_ignore_ascii_case(b"bytes") || length == 0 {
        return Selection::Whole;
    }
    let mut parts: SmallVec<[ByteRange; 1]> = SmallVec::new();
    let mut count = 0;
    for text in value[equals + 1..].split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        if text.is_empty() {
            continue;
        }
        count += 1;
        match parse(text, length) {
            Some(part) if count <= MAX_RANGES => parts.extend(part),
            _ => return Selection::Whole,
        }
    }
    match parts.len() {
        0 if count > 0 => Selection::Unsatisfiable,
        0 => Selection::Whole,
        _ if overlap(&parts) => Selection::Whole,
        _ => Selection::Parts(parts),
    }
}

/// One range; `None`: not one, `Some(None)`: outside of the file.
fn parse(text: &[u8], length: u64) -> Option<Option<ByteRange>> {
    let dash = memchr::memchr(b'-', text)?;
    let (first, last) = (&text[..dash], &text[dash + 1..]);
    if first.is_empty() {
        let suffix = number(last)?.min(length);
        return Some((suffix > 0).then(|| ByteRange { first: length - suffix, last: length - 1 }));
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some((first < length).then(|| ByteRange { first, last: last.min(length - 1) }))
}

/// Digits only; what is too large for 64 bits lies behind the end of any file.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = text.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(digit)))
}

fn overlap(parts: &[ByteRange]) -> bool {
    let mut sorted: SmallVec<[ByteRange; MAX_RANGES]> = SmallVec::from_slice(parts);
    sorted.sort_unstable_by_key(|part| part.first);
    sorted.windows(2).any(|pair| pair[1].first <= pair[0].last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str, length: u64) -> String {
        match select(value.as_bytes(), length) {
            Selection::Whole => "whole".into(),
            Selection::Unsatisfiable => "416".into(),
            Selection::Parts(parts) => {
                parts.iter().map(|part| format!("{}-{}", part.first, part.last)).collect::<Vec<_>>().join(",")
            }
        }
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (value, expected) in [
            ("bytes=0-99", "0-99"),
            ("bytes=0-", "0-999"),
            ("Bytes = 5-5", "5-5"),
            ("bytes=-1", "999-999"),
            ("bytes=-5000", "0-999"),
            ("bytes=-0", "416"),
            ("bytes=999-2000", "999-999"),
            ("bytes=1000-", "416"),
            ("bytes=99999999999999999999999-", "416"),
            ("bytes=0-99999999999999999999999", "0-999"),
            ("bytes=0-0,-1", "0-0,999-999"),
            ("bytes=500-600, 0-1 ,,", "500-600,0-1"),
            ("bytes=0-1,5000-", "0-1"),
            ("bytes=0-10,10-20", "whole"),
            ("bytes=5-4", "whole"),
            ("bytes=a-b", "whole"),
            ("bytes=+1-2", "whole"),
            ("bytes=1", "whole"),
            ("bytes=-", "whole"),
            ("bytes=", "whole"),
            ("bytes", "whole"),
            ("lines=0-1", "whole"),
        ] {
            assert_eq!(text(value, 1000), expected, "{value}");
        }
        assert_eq!(text("bytes=0-", 0), "whole");
        assert_eq!(ByteRange { first: 2, last: 5 }.content_range(9), "bytes 2-5/9");
    }

    #[test]
    fn floods_are_answered_with_one_whole_file() {
        let many = (0..17).map(|index| format!("{index}-{index}")).collect::<Vec<_>>().join(",");
        assert_eq!(text(&format!("bytes={many}"), 1000), "whole");
        assert_eq!(text(&format!("bytes={}", ["0-"; 10].join(",")), 1000), "whole");
        assert_eq!(text(&format!("bytes={}", vec!["5000-"; 100].join(",")), 1000), "whole");
    }

    proptest! {
        #[test]
        fn never_more_is_sent_than_the_file_has(value in "bytes=([0-9]{0,3}-[0-9]{0,3},?){0,5}", length in 0u64..300) {
            if let Selection::Parts(parts) = select(value.as_bytes(), length) {
                prop_assert!(parts.iter().all(|part| part.first <= part.last && part.last < length));
                prop_assert!(parts.iter().map(|part| part.length()).sum::<u64>() <= length);
            }
        }
    }
}
