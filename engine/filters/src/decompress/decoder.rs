//! The decoders, behind one face: a step fills the room that `out` has, and no more.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use glorieta_core::{Error, Kind};
use glorieta_policy::Coding;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

/// What RFC 9659 lets a sender of zstd look back: 8 MiB.
const ZSTD_WINDOW_BITS: u32 = 23;
const GZIP_WINDOW_BITS: u8 = 15;
/// Members of one gzip body (RFC 1952 §2.2): tools that cut a file into blocks write one for each 64 KiB, and each
/// costs more to begin than its few bytes show.
const MOST_MEMBERS: u32 = 1024;

pub enum Decoder {
    Gzip { engine: Decompress, members: u32, within: bool },
    Deflate { engine: Decompress, ended: bool },
    Zstd { engine: DCtx<'static>, begun: bool, within: bool },
    Brotli { engine: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>, ended: bool },
}

fn undecodable(why: &'static str) -> Error {
    Error::because(Kind::ContentUndecodable, why)
}

impl Decoder {
    /// # Errors
    /// `internal`: there is no memory for it.
    pub fn new(coding: Coding) -> Result<Decoder, Error> {
        Ok(match coding {
            Coding::Gzip => Decoder::Gzip { engine: Decompress::new_gzip(GZIP_WINDOW_BITS), members: 0, within: false },
            Coding::Deflate => Decoder::Deflate { engine: Decompress::new(true), ended: false },
            Coding::Zstd => {
                let failed = || Error::because(Kind::Internal, "no decoder of zstd could be made");
                let mut engine = DCtx::try_create().ok_or_else(failed)?;
                engine.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_BITS)).map_err(|_| failed())?;
                Decoder::Zstd { engine, begun: false, within: false }
            }
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                // Strict: no windows of a gigabyte.
                Decoder::Brotli { engine: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())), ended: false }
            }
        })
    }

    /// What it takes from its beginning, and how large its window can become, in bytes.
    pub const fn memory(coding: Coding) -> (usize, usize) {
        match coding {
            Coding::Gzip | Coding::Deflate => (64 << 10, 0),
            Coding::Zstd => (512 << 10, 1 << ZSTD_WINDOW_BITS),
            Coding::Brotli => (256 << 10, 1 << 24),
        }
    }

    /// Decodes into the spare room of `out`, which is not empty. How much of the input is used.
    ///
    /// # Errors
    /// `content_undecodable`
    pub fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        match self {
            Decoder::Gzip { engine, members, within } => gzip(engine, members, within, input, out),
            Decoder::Deflate { engine, ended } => {
                if *ended {
                    return behind_the_end(input);
                }
                let (used, status) = inflate(engine, input, out)?;
                *ended = status == Status::StreamEnd;
                Ok(used)
            }
            Decoder::Zstd { engine, begun, within } => {
                *begun |= !input.is_empty();
                zstd(engine, within, input, out)
            }
            Decoder::Brotli { engine, ended } => brotli(engine, ended, input, out),
        }
    }

    /// Whether a body may end here.
    ///
    /// # Errors
    /// `content_undecodable`: it is cut off.
    pub fn end(&self) -> Result<(), Error> {
        let is_whole = match self {
            Decoder::Gzip { members, within, .. } => *members > 0 && !within,
            Decoder::Deflate { ended, .. } | Decoder::Brotli { ended, .. } => *ended,
            Decoder::Zstd { begun, within, .. } => *begun && !within,
        };
        if is_whole { Ok(()) } else { Err(undecodable("its compressed body is cut off")) }
    }
}

/// Nothing follows but nothing.
fn behind_the_end(input: &[u8]) -> Result<usize, Error> {
    if input.is_empty() { Ok(0) } else { Err(undecodable("something stands behind the end of its compressed body")) }
}

fn inflate(engine: &mut Decompress, input: &[u8], out: &mut Vec<u8>) -> Result<(usize, Status), Error> {
    let before = engine.total_in();
    let status = engine
        .decompress_vec(input, out, FlushDecompress::None)
        .map_err(|_| undecodable("its body is not what its Content-Encoding says"))?;
    Ok(((engine.total_in() - before) as usize, status))
}

fn gzip(
    engine: &mut Decompress,
    members: &mut u32,
    within: &mut bool,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<usize, Error> {
    if !*within {
        if input.is_empty() {
            return Ok(0);
        }
        if *members > 0 {
            // What follows a member is another one (RFC 1952 §2.2), or garbage, which has no such beginning.
            engine.reset(true);
        }
        *members += 1;
        if *members > MOST_MEMBERS {
            return Err(undecodable("its gzip has too many members"));
        }
        *within = true;
    }
    let (used, status) = inflate(engine, input, out)?;
    *within = status != Status::StreamEnd;
    Ok(used)
}

fn zstd(engine: &mut DCtx<'_>, within: &mut bool, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
    if input.is_empty() && !*within {
        return Ok(0);
    }
    let filled = out.len();
    let mut source = InBuffer::around(input);
    let hint = engine
        .decompress_stream(&mut OutBuffer::around_pos(out, filled), &mut source)
        .map_err(|_| undecodable("its body is not what its Content-Encoding says"))?;
    // 0: a frame has ended, and another one may follow (RFC 8878 §3).
    *within = hint != 0;
    Ok(source.pos())
}

fn brotli(
    engine: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    ended: &mut bool,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<usize, Error> {
    if *ended {
        return behind_the_end(input);
    }
    let filled = out.len();
    // It writes into bytes that are there already.
    out.resize(out.capacity(), 0);
    let (mut left, mut used, mut room, mut at, mut total) = (input.len(), 0, out.len() - filled, filled, 0);
    let result = BrotliDecompressStream(&mut left, &mut used, input, &mut room, &mut at, out, &mut total, engine);
    out.truncate(at);
    match result {
        BrotliResult::ResultSuccess => *ended = true,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        BrotliResult::ResultFailure => return Err(undecodable("its body is not what its Content-Encoding says")),
    }
    Ok(used)
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
pub(super) mod tests;
