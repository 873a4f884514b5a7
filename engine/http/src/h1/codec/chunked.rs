//! The chunked coding (RFC 9112 §7.1), decoded piece by piece without buffering data.
//!
//! However the bytes are cut into pieces, the same data comes out. Only trailers are kept until
//! they are whole, within `TrailerLimits`.

use glorieta_core::{Error, Fields, Kind};
use memchr::memchr;

use super::trailers::{self, TrailerLimits};

/// Digits of a chunk's size, leading zeros included.
const MOST_DIGITS: u8 = 16;
const LARGEST_CHUNK: u64 = 1 << 63;
/// Bytes of extensions: of one chunk, and of all chunks of a body. Nobody uses them; without a
/// bound they are a way to send forever without sending a body.
const CHUNK_EXTENSION: u32 = 256;
const BODY_EXTENSIONS: u32 = 16 * 1024;

/// What came of one piece of input.
#[derive(Debug)]
pub enum ChunkStep {
    /// All `consumed` bytes are used up; more are needed.
    Need { consumed: usize },
    /// `input[skip..skip + length]` is data; `skip + length` bytes are used up.
    Data { skip: usize, length: usize },
    /// The body has ended; what follows `consumed` is another message.
    End { consumed: usize, trailers: Option<Fields> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before or within the digits of a size.
    Size {
        digits: u8,
    },
    Extension {
        length: u32,
    },
    /// After the CR of the size's line.
    SizeFeed,
    Data,
    /// After the data, before its CR.
    DataReturn,
    DataFeed,
    Trailers,
    Done,
    Failed,
}

/// Decodes one chunked body.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Of a malformed body: `framing_refused` for requests, `response_malformed` for responses.
    kind: Kind,
    /// Bytes left of the chunk, or its size as far as it has been read.
    left: u64,
    extensions: u32,
    limits: TrailerLimits,
    /// Trailer lines so far, and where in them the last one starts.
    lines: Vec<u8>,
    line_start: usize,
}

impl ChunkedDecoder {
    /// `kind` is what a malformed body is called: `Kind::FramingRefused` for requests,
    /// `Kind::ResponseMalformed` for responses.
    pub fn new(kind: Kind, limits: TrailerLimits) -> ChunkedDecoder {
        ChunkedDecoder {
            state: State::Size { digits: 0 },
            kind,
            left: 0,
            extensions: 0,
            limits,
            lines: Vec::new(),
            line_start: 0,
        }
    }

    /// Whether the body has ended well.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Decodes up to the next data, the end, or the end of `input`.
    ///
    /// # Errors
    /// The constructor's kind: a bad size, extension, line end or trailer. Every later call fails.
    #[inline]
    pub fn decode(&mut self, input: &[u8]) -> Result<ChunkStep, Error> {
        let mut at = 0;
        loop {
            match self.state {
                State::Data => return Ok(self.data(at, input.len() - at)),
                State::Done => return Ok(ChunkStep::End { consumed: at, trailers: None }),
                State::Trailers => {
                    let step = self.trailers(at, &input[at..]);
                    return step.map_err(|detail| self.fail(detail));
                }
                _ => {}
            }
            let Some(&byte) = input.get(at) else { return Ok(ChunkStep::Need { consumed: at }) };
            at += 1;
            match self.next(byte) {
                Ok(state) => self.state = state,
                Err(detail) => return Err(self.fail(detail)),
            }
        }
    }

    #[cold]
    fn fail(&mut self, detail: &'static str) -> Error {
        self.state = State::Failed;
        Error::because(self.kind, detail)
    }

    /// The state after one byte that is neither data nor trailer.
    #[inline]
    fn next(&mut self, byte: u8) -> Result<State, &'static str> {
        match (self.state, byte) {
            (State::Size { digits }, _) => self.size(digits, byte),
            (State::Extension { .. }, b'\r') => Ok(State::SizeFeed),
            (State::Extension { length }, _) => self.extension(length, byte),
            (State::SizeFeed, b'\n') if self.left == 0 => Ok(State::Trailers),
            (State::SizeFeed, b'\n') => Ok(State::Data),
            (State::DataReturn, b'\r') => Ok(State::DataFeed),
            (State::DataFeed, b'\n') => Ok(State::Size { digits: 0 }),
            (State::Failed, _) => Err("the body was malformed before"),
            _ => Err("a chunk does not end with CRLF"),
        }
    }

    #[inline]
    fn size(&mut self, digits: u8, byte: u8) -> Result<State, &'static str> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' if digits > 0 => return Ok(State::SizeFeed),
            b';' if digits > 0 => return Ok(State::Extension { length: 0 }),
            _ => return Err("a chunk's size is not hexadecimal"),
        };
        if digits == 0 {
            self.left = 0;
        }
        // Fifteen digits and this one always fit: the bound is checked before the shift can lose any.
        if digits == MOST_DIGITS {
            return Err("a chunk's size has too many digits");
        }
        self.left = self.left << 4 | u64::from(digit);
        if self.left > LARGEST_CHUNK {
            return Err("a chunk is too large");
        }
        Ok(State::Size { digits: digits + 1 })
    }

    fn extension(&mut self, length: u32, byte: u8) -> Result<State, &'static str> {
        if byte != b'\t' && (byte < b' ' || byte == 0x7f) {
            return Err("a control byte in a chunk extension");
        }
        self.extensions += 1;
        if length >= CHUNK_EXTENSION || self.extensions > BODY_EXTENSIONS {
            return Err("chunk extensions are too long");
        }
        Ok(State::Extension { length: length + 1 })
    }

    #[inline]
    fn data(&mut self, skip: usize, available: usize) -> ChunkStep {
        if available == 0 {
            return ChunkStep::Need { consumed: skip };
        }
        let length = usize::try_from(self.left).map_or(available, |left| left.min(available));
        self.left -= length as u64;
        if self.left == 0 {
            self.state = State::DataReturn;
        }
        ChunkStep::Data { skip, length }
    }

    /// Reads trailer lines; `input` starts `before` bytes into the caller's.
    fn trailers(&mut self, before: usize, input: &[u8]) -> Result<ChunkStep, &'static str> {
        if self.lines.is_empty() && input.starts_with(b"\r\n") {
            self.state = State::Done;
            return Ok(ChunkStep::End { consumed: before + 2, trailers: None });
        }
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let feed = memchr(b'\n', rest);
            let taken = &rest[..feed.map_or(rest.len(), |feed| feed + 1)];
            if self.lines.len() + taken.len() > self.limits.bytes {
                return Err("trailers are too long");
            }
            self.lines.extend_from_slice(taken);
            at += taken.len();
            let line = &self.lines[self.line_start..];
            let bare_return = memchr(b'\r', line).is_some_and(|at| line.get(at + 1).is_some_and(|&next| next != b'\n'));
            if bare_return || (feed.is_some() && !line.ends_with(b"\r\n")) {
                return Err("a trailer does not end with CRLF");
            }
            if feed.is_none() {
                return Ok(ChunkStep::Need { consumed: before + at });
            }
            if line.len() == 2 {
                let trailers = trailers::parse(&std::mem::take(&mut self.lines), &self.limits)?;
                self.state = State::Done;
                return Ok(ChunkStep::End { consumed: before + at, trailers });
            }
            self.line_start = self.lines.len();
        }
    }
}
