//! The headers of frames in a stream of bytes (RFC 9113 §4.1), and nothing else of them.

/// Length, type, flags and stream.
const HEADER: usize = 9;
/// Of RST_STREAM, its code comes along.
const WITH_CODE: usize = HEADER + 4;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    flags: u8,
    pub stream: u32,
    /// Bytes behind the header.
    pub length: u32,
    /// Of RST_STREAM: why (RFC 9113 §7); 0 for all others.
    pub code: u32,
}

impl Frame {
    pub const fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }

    pub const fn ends_headers(&self) -> bool {
        self.flags & END_HEADERS != 0
    }
}

/// Finds the headers of frames in bytes that come in pieces.
pub struct Frames {
    header: [u8; WITH_CODE],
    have: usize,
    /// Bytes that are to be passed over before the next header.
    skip: u64,
}

impl Frames {
    /// `preface`: bytes before the first frame.
    pub fn after(preface: usize) -> Frames {
        Frames { header: [0; WITH_CODE], have: 0, skip: preface as u64 }
    }

    /// Looks through the next piece; `see` is told of each frame once its header is whole.
    pub fn feed(&mut self, mut bytes: &[u8], mut see: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let count = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
                self.skip -= count as u64;
                bytes = &bytes[count..];
                continue;
            }
            let count = (self.wanted() - self.have).min(bytes.len());
            self.header[self.have..self.have + count].copy_from_slice(&bytes[..count]);
            self.have += count;
            bytes = &bytes[count..];
            if self.have == self.wanted() {
                see(self.complete());
            }
        }
    }

    fn wanted(&self) -> usize {
        let has_code = self.have >= HEADER && self.header[3] == RST_STREAM && self.length() >= 4;
        if has_code { WITH_CODE } else { HEADER }
    }

    fn length(&self) -> u32 {
        u32::from_be_bytes([0, self.header[0], self.header[1], self.header[2]])
    }

    fn complete(&mut self) -> Frame {
        let length = self.length();
        let code = if self.have == WITH_CODE {
            u32::from_be_bytes([self.header[9], self.header[10], self.header[11], self.header[12]])
        } else {
            0
        };
        let stream = u32::from_be_bytes([self.header[5] & 0x7f, self.header[6], self.header[7], self.header[8]]);
        self.skip = u64::from(length) - (self.have - HEADER) as u64;
        self.have = 0;
        Frame { kind: self.header[3], flags: self.header[4], stream, length, code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn frames_are_found_however_their_bytes_come() {
        let bytes = [
            b"preface".to_vec(),
            frame(HEADERS, END_HEADERS | END_STREAM, b"abc"),
            frame(DATA, 0, b""),
            frame(RST_STREAM, 0, &8_u32.to_be_bytes()),
            frame(RST_STREAM, 0, b"??"),
            frame(DATA, END_STREAM, &[7; 300]),
            frame(6, 0, &[0; 8]),
        ]
        .concat();
        for size in [1, 2, 5, 9, 13, bytes.len()] {
            let (mut frames, mut seen) = (Frames::after(7), Vec::new());
            bytes.chunks(size).for_each(|piece| frames.feed(piece, |frame| seen.push(frame)));
            let told: Vec<_> = seen.iter().map(|frame| (frame.kind, frame.length, frame.code)).collect();
            let expected = [(HEADERS, 3, 0), (DATA, 0, 0), (RST_STREAM, 4, 8), (RST_STREAM, 2, 0), (DATA, 300, 0)];
            assert_eq!(told[..5], expected, "{size}");
            assert_eq!(told[5..], [(6, 8, 0)]);
            assert!(seen[0].ends_headers() && seen[0].ends_stream() && !seen[1].ends_stream());
        }
    }
}
