//! The bytes of a file as a body: read by the blocking pool, a piece at a time, when they are asked for.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{BodySource, Error, Frame, Kind};
use glorieta_policy::range::ByteRange;
use tokio::task::JoinHandle;

/// How much is read by one job.
const PIECE: u64 = 128 << 10;

/// A part of a body.
pub(super) enum Piece {
    File(ByteRange),
    Text(Bytes),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Piece::File(range) => range.length(),
            Piece::Text(text) => text.len() as u64,
        }
    }
}

/// Parts of one file, and text between them.
pub(super) struct FileBody {
    file: Arc<File>,
    pieces: VecDeque<Piece>,
    /// Bytes that have not been handed over yet.
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    pub(super) fn new(file: File, pieces: Vec<Piece>) -> FileBody {
        let left = pieces.iter().map(Piece::length).sum();
        FileBody { file: Arc::new(file), pieces: pieces.into(), left, reading: None }
    }

    pub(super) fn length(&self) -> u64 {
        self.left
    }

    /// All of it in one. Blocks.
    pub(super) fn read_all(self) -> io::Result<Bytes> {
        let mut all = Vec::with_capacity(self.left as usize);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => all.extend_from_slice(text),
                Piece::File(range) => read(&self.file, *range, &mut all)?,
            }
        }
        Ok(all.into())
    }

    /// Takes off what the next job reads; `None` where no piece of the file comes next.
    fn next_range(&mut self) -> Option<ByteRange> {
        let Some(Piece::File(range)) = self.pieces.front_mut() else { return None };
        let next = ByteRange { first: range.first, last: range.last.min(range.first + PIECE - 1) };
        if next.last == range.last {
            self.pieces.pop_front();
        } else {
            range.first = next.last + 1;
        }
        Some(next)
    }

    fn hand_over(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame, Error>>> {
        self.left -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::Data(bytes))))
    }

    /// Nothing of the file is sent after an error.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame, Error>>> {
        self.pieces.clear();
        Poll::Ready(Some(Err(error)))
    }
}

/// Appends these bytes of a file; fewer are an error.
fn read(file: &File, range: ByteRange, out: &mut Vec<u8>) -> io::Result<()> {
    let mut file = file;
    file.seek(SeekFrom::Start(range.first))?;
    let count = file.take(range.length()).read_to_end(out)?;
    if (count as u64) < range.length() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"));
    }
    Ok(())
}

impl BodySource for FileBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        if self.reading.is_none()
            && let Some(range) = self.next_range()
        {
            let file = self.file.clone();
            self.reading = Some(tokio::task::spawn_blocking(move || {
                let mut bytes = Vec::with_capacity(range.length() as usize);
                read(&file, range, &mut bytes).map(|()| bytes.into())
            }));
        }
        let Some(reading) = &mut self.reading else {
            return match self.pieces.pop_front() {
                Some(Piece::Text(text)) => self.hand_over(text),
                _ if self.left > 0 => self.fail(Error::because(Kind::Internal, "the file could not be read")),
                _ => Poll::Ready(None),
            };
        };
        let Poll::Ready(read) = Pin::new(reading).poll(cx) else { return Poll::Pending };
        self.reading = None;
        match read {
            Ok(Ok(bytes)) => self.hand_over(bytes),
            Ok(Err(error)) => self.fail(Error::new(Kind::Internal).with_detail(format!("reading a file: {error}"))),
            Err(_) => self.fail(Error::because(Kind::Internal, "reading a file panicked")),
        }
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.left)
    }
}
