//! What passes of a request stream's bytes to `h3`: whole small frames, and of bodies a piece at a time.
//!
//! Each piece that comes out is a whole frame other than DATA, or the header of a DATA frame, or a part of its
//! payload. `h3` reads a piece for each that it uses, so nothing piles up in it.

use bytes::{Buf, Bytes, BytesMut};
use h3::error::Code;

use super::section::{self, Protocol};

const DATA: u64 = 0x00;
const HEADERS: u64 = 0x01;
/// The largest type that HTTP/3 has defined (MAX_PUSH_ID); all above have no meaning here (RFC 9114 §9).
const LAST_DEFINED: u64 = 0x0d;
/// The longest frame other than DATA and HEADERS: none of them belongs here, and `h3` says so.
const LONGEST_OTHER: u64 = 1024;
/// What a stream may bring of frames without meaning, in bytes; each counts for at least as much as it costs.
const MOST_IGNORED: u64 = 64 << 10;
const LEAST_COST: u64 = 16;
/// What stands in for a head that is too large, so that it can be answered: `GET /`, of `x`.
const STAND_IN: &[u8] = &[0x01, 0x08, 0x00, 0x00, 0xd1, 0xd7, 0xc1, 0x50, 0x01, b'x'];

/// Why a stream is not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Of the stream alone.
    Stream(Code),
    /// Of the connection.
    Connection(Code),
}

/// The frames of one request stream.
#[derive(Debug)]
pub struct Frames {
    input: BytesMut,
    within: Within,
    /// The longest encoded head.
    head: u64,
    has_head: bool,
    too_large: bool,
    protocol: Option<Protocol>,
    ignored: u64,
}

#[derive(Clone, Copy, Debug)]
enum Within {
    Nothing,
    /// So much of a DATA frame is left.
    Data(u64),
    /// So much of a frame that means nothing.
    Ignored(u64),
}

impl Frames {
    pub fn new(longest_head: usize) -> Frames {
        Frames {
            input: BytesMut::new(),
            within: Within::Nothing,
            head: longest_head as u64,
            has_head: false,
            too_large: false,
            protocol: None,
            ignored: 0,
        }
    }

    /// Takes in what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Whether another has come in place of the head, which was too large.
    pub fn is_too_large(&self) -> bool {
        self.too_large
    }

    /// What the head asks for beside what `h3` makes of it: it knows WebSocket not, and would refuse it. Such a line
    /// has been taken out.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// The next piece; `None`: more must come.
    ///
    /// # Errors
    /// What the client must not do.
    pub fn next(&mut self) -> Result<Option<Bytes>, Violation> {
        loop {
            match self.within {
                Within::Nothing => match self.begin()? {
                    Begun::Piece(piece) => return Ok(Some(piece)),
                    Begun::Unfinished => return Ok(None),
                    Begun::Other => {}
                },
                Within::Data(left) => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    let piece = self.input.split_to(at_most(left, self.input.len()));
                    self.within = rest(left - piece.len() as u64, Within::Data);
                    return Ok(Some(piece.freeze()));
                }
                Within::Ignored(left) => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    let length = at_most(left, self.input.len());
                    self.input.advance(length);
                    self.within = rest(left - length as u64, Within::Ignored);
                }
            }
        }
    }

    /// What is left when the stream has ended: nothing, if it has ended well.
    ///
    /// # Errors
    /// It was cut inside a frame (RFC 9114 §7.1).
    pub fn end(&self) -> Result<(), Violation> {
        match self.within {
            Within::Nothing if self.input.is_empty() => Ok(()),
            _ if self.too_large => Ok(()),
            _ => Err(Violation::Connection(Code::H3_FRAME_ERROR)),
        }
    }

    fn begin(&mut self) -> Result<Begun, Violation> {
        let Some((kind, length, header)) = header(&self.input) else { return Ok(Begun::Unfinished) };
        match kind {
            // A browser may end a body so. To `h3` it would be the end, whatever follows.
            DATA if length == 0 => {
                self.ignore(0)?;
                self.input.advance(header);
                Ok(Begun::Other)
            }
            DATA => {
                self.within = Within::Data(length);
                Ok(Begun::Piece(self.input.split_to(header).freeze()))
            }
            HEADERS if length > self.head && !self.has_head => {
                self.has_head = true;
                self.too_large = true;
                self.input.clear();
                // Nothing of it is read on: the answer ends the stream.
                self.within = Within::Ignored(u64::MAX);
                Ok(Begun::Piece(Bytes::from_static(STAND_IN)))
            }
            HEADERS if length > self.head => Err(Violation::Stream(Code::H3_EXCESSIVE_LOAD)),
            HEADERS => self.whole(header, length, true),
            kind if kind <= LAST_DEFINED && length > LONGEST_OTHER => {
                Err(Violation::Connection(Code::H3_FRAME_UNEXPECTED))
            }
            kind if kind <= LAST_DEFINED => self.whole(header, length, false),
            _ => {
                self.ignore(length)?;
                self.input.advance(header);
                self.within = rest(length, Within::Ignored);
                Ok(Begun::Other)
            }
        }
    }

    /// A frame that passes as one piece, once it is there.
    fn whole(&mut self, header: usize, length: u64, is_section: bool) -> Result<Begun, Violation> {
        let end = header + length as usize;
        if self.input.len() < end {
            return Ok(Begun::Unfinished);
        }
        if is_section {
            let is_head = !std::mem::replace(&mut self.has_head, true);
            let looked = section::look(&self.input[header..end], is_head);
            if let Some(found) = looked.map_err(|_| Violation::Stream(Code::H3_MESSAGE_ERROR))? {
                self.protocol = Some(found.protocol);
                let section = self.input.split_to(end).split_off(header);
                return Ok(Begun::Piece(headers(&[&section[..found.line.start], &section[found.line.end..]])));
            }
        }
        Ok(Begun::Piece(self.input.split_to(end).freeze()))
    }

    fn ignore(&mut self, length: u64) -> Result<(), Violation> {
        self.ignored = self.ignored.saturating_add(length.max(LEAST_COST));
        if self.ignored > MOST_IGNORED { Err(Violation::Connection(Code::H3_EXCESSIVE_LOAD)) } else { Ok(()) }
    }
}

enum Begun {
    Piece(Bytes),
    /// More must come before anything can be said.
    Unfinished,
    /// Nothing that passes.
    Other,
}

/// A frame of HEADERS with a section of these parts.
fn headers(parts: &[&[u8]; 2]) -> Bytes {
    // A length of four bytes (RFC 9000 §16): a head that may be decoded is shorter than that can say.
    let length = (parts[0].len() + parts[1].len()) as u32 | 0x8000_0000;
    let mut frame = vec![HEADERS as u8];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(parts[0]);
    frame.extend_from_slice(parts[1]);
    Bytes::from(frame)
}

fn rest(left: u64, within: impl Fn(u64) -> Within) -> Within {
    if left == 0 { Within::Nothing } else { within(left) }
}

fn at_most(left: u64, length: usize) -> usize {
    usize::try_from(left).map_or(length, |left| left.min(length))
}

/// A frame's type and length, and how long its header is.
fn header(input: &[u8]) -> Option<(u64, u64, usize)> {
    let (kind, first) = integer(input)?;
    let (length, second) = integer(&input[first..])?;
    Some((kind, length, first + second))
}

/// An integer of variable length (RFC 9000 §16), and how long it is.
fn integer(input: &[u8]) -> Option<(u64, usize)> {
    let first = *input.first()?;
    let length = 1 << (first >> 6);
    let bytes = input.get(1..length)?;
    let value = bytes.iter().fold(u64::from(first & 0x3f), |value, &byte| value << 8 | u64::from(byte));
    Some((value, length))
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
