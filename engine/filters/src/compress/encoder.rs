//! The encoders, behind one face. Each call takes all that it is given; what comes of it is appended to `out`.

use std::cell::RefCell;
use std::io::Write;

use brotli::CompressorWriter;
use flate2::{Compress, Compression, FlushCompress};
use glorieta_core::{Error, Kind};
use glorieta_plan::CompressLevels;
use glorieta_policy::Coding;
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

use crate::memory::Reservation;

/// zstd looks back 128 KiB at most: what is sent over HTTP is seldom longer, and each stream keeps that much.
const ZSTD_WINDOW_BITS: u32 = 17;
/// The same for Brotli: 256 KiB, below which its middle levels become several times slower.
const BROTLI_WINDOW_BITS: u32 = 18;
/// gzip has no larger one.
const GZIP_WINDOW_BITS: u8 = 15;
const BROTLI_BUFFER: usize = 4 << 10;
/// So much room is made for output when there is none.
const ROOM: usize = 16 << 10;
/// Encoders that a worker keeps for the next answer. Making one anew is not expensive, its first use is: its tables
/// are large, and have to be fetched from the system.
const KEPT: usize = 4;

thread_local! {
    static IDLE: RefCell<Vec<(Style, Engine)>> = const { RefCell::new(Vec::new()) };
}

/// A coding and how much work is put into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub coding: Coding,
    /// 1 (fast) to 9 (small).
    pub level: u32,
}

impl Style {
    /// # Errors
    /// A level that there is not, or a coding in which nothing is encoded.
    pub fn read(coding: Coding, levels: &CompressLevels) -> Result<Style, String> {
        let level = match coding {
            Coding::Zstd => levels.zstd,
            Coding::Brotli => levels.br,
            Coding::Gzip => levels.gzip,
            Coding::Deflate => return Err("answers are not compressed by deflate".to_owned()),
        };
        if !(1..=9).contains(&level) {
            return Err(format!("{level} is no level of {}; use 1 to 9", coding.token()));
        }
        Ok(Style { coding, level })
    }

    /// What an encoder takes while it is in use, in bytes: measured, rounded up.
    fn memory(self) -> usize {
        match (self.coding, self.level) {
            (Coding::Zstd, ..=2) => 3 << 19,
            (Coding::Zstd, ..=4) => 3 << 20,
            (Coding::Zstd, ..=7) => 4 << 20,
            (Coding::Zstd, _) => 12 << 20,
            (Coding::Brotli, ..=4) => 2 << 20,
            (Coding::Brotli, ..=6) => 4 << 20,
            // Its table doubles with each level: 64 KiB of words at level 5.
            (Coding::Brotli, level) => (2 << 20) + (1 << (level + 16)),
            (Coding::Gzip | Coding::Deflate, _) => 300 << 10,
        }
    }
}

/// An encoder in use.
pub struct Encoder {
    style: Style,
    /// `None` once it has been given back.
    engine: Option<Engine>,
    _reservation: Reservation,
}

enum Engine {
    Gzip(Compress),
    Zstd(CCtx<'static>),
    /// It cannot begin anew, so it is never kept.
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

/// How far a call goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// Nothing needs to come out yet.
    Take,
    /// All that was given so far can be decoded from what comes out.
    Flush,
    Finish,
}

fn broken(why: &str) -> Error {
    Error::new(Kind::Internal).with_detail(format!("compressing: {why}"))
}

impl Encoder {
    /// `None`: the worker's encoders take all that they may, and this answer goes as it is.
    pub fn begin(style: Style) -> Option<Encoder> {
        let reservation = Reservation::take(style.memory())?;
        let engine = take_idle(style).or_else(|| Engine::new(style))?;
        Some(Encoder { style, engine: Some(engine), _reservation: reservation })
    }

    /// # Errors
    /// `internal`: the library gave up.
    pub fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.run(input, Aim::Take, out)
    }

    /// # Errors
    /// `internal`: the library gave up.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.run(b"", Aim::Flush, out)
    }

    /// Nothing may be given after this.
    ///
    /// # Errors
    /// `internal`: the library gave up.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.run(b"", Aim::Finish, out)?;
        self.give_back();
        Ok(())
    }

    fn run(&mut self, input: &[u8], aim: Aim, out: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.engine {
            Some(Engine::Gzip(engine)) => gzip(engine, input, aim, out),
            Some(Engine::Zstd(engine)) => zstd(engine, input, aim, out),
            Some(Engine::Brotli(engine)) => {
                engine.write_all(input).map_err(|error| broken(&error.to_string()))?;
                if aim == Aim::Flush {
                    engine.flush().map_err(|error| broken(&error.to_string()))?;
                }
                out.append(engine.get_mut());
                if aim == Aim::Finish
                    && let Some(Engine::Brotli(engine)) = self.engine.take()
                {
                    out.append(&mut engine.into_inner());
                }
                Ok(())
            }
            None => Err(broken("it has ended")),
        }
    }

    fn give_back(&mut self) {
        let Some(engine @ (Engine::Gzip(_) | Engine::Zstd(_))) = self.engine.take() else { return };
        IDLE.with_borrow_mut(|idle| {
            if idle.len() < KEPT {
                idle.push((self.style, engine));
            }
        });
    }
}

impl Drop for Encoder {
    /// One whose client has gone serves the next.
    fn drop(&mut self) {
        self.give_back();
    }
}

fn take_idle(style: Style) -> Option<Engine> {
    let mut engine = IDLE.with_borrow_mut(|idle| {
        let place = idle.iter().position(|(known, _)| *known == style)?;
        Some(idle.swap_remove(place).1)
    })?;
    match &mut engine {
        Engine::Gzip(engine) => engine.reset(),
        Engine::Zstd(engine) => drop(engine.reset(ResetDirective::SessionOnly).ok()?),
        Engine::Brotli(_) => return None,
    }
    Some(engine)
}

impl Engine {
    fn new(style: Style) -> Option<Engine> {
        Some(match style.coding {
            Coding::Zstd => {
                let mut engine = CCtx::try_create()?;
                engine.set_parameter(CParameter::CompressionLevel(style.level as i32)).ok()?;
                engine.set_parameter(CParameter::WindowLog(ZSTD_WINDOW_BITS)).ok()?;
                Engine::Zstd(engine)
            }
            Coding::Brotli => {
                let engine = CompressorWriter::new(Vec::new(), BROTLI_BUFFER, style.level, BROTLI_WINDOW_BITS);
                Engine::Brotli(Box::new(engine))
            }
            Coding::Gzip | Coding::Deflate => {
                Engine::Gzip(Compress::new_gzip(Compression::new(style.level), GZIP_WINDOW_BITS))
            }
        })
    }
}

fn gzip(engine: &mut Compress, mut input: &[u8], aim: Aim, out: &mut Vec<u8>) -> Result<(), Error> {
    let flush = match aim {
        Aim::Take => FlushCompress::None,
        Aim::Flush => FlushCompress::Sync,
        Aim::Finish => FlushCompress::Finish,
    };
    loop {
        if out.spare_capacity_mut().is_empty() {
            out.reserve(ROOM);
        }
        let before = engine.total_in();
        let status = engine.compress_vec(input, out, flush).map_err(|error| broken(&error.to_string()))?;
        input = &input[(engine.total_in() - before) as usize..];
        let done = match aim {
            Aim::Take => input.is_empty(),
            // Room is left, so there was no more to say.
            Aim::Flush => !out.spare_capacity_mut().is_empty(),
            Aim::Finish => status == flate2::Status::StreamEnd,
        };
        if done {
            return Ok(());
        }
    }
}

fn zstd(engine: &mut CCtx<'_>, input: &[u8], aim: Aim, out: &mut Vec<u8>) -> Result<(), Error> {
    let directive = match aim {
        Aim::Take => ZSTD_EndDirective::ZSTD_e_continue,
        Aim::Flush => ZSTD_EndDirective::ZSTD_e_flush,
        Aim::Finish => ZSTD_EndDirective::ZSTD_e_end,
    };
    let mut input = InBuffer::around(input);
    loop {
        if out.spare_capacity_mut().is_empty() {
            out.reserve(ROOM);
        }
        let filled = out.len();
        let left = engine
            .compress_stream2(&mut OutBuffer::around_pos(out, filled), &mut input, directive)
            .map_err(|code| broken(zstd_safe::get_error_name(code)))?;
        let taken = input.pos() == input.src.len();
        if taken && (left == 0 || aim == Aim::Take) {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
pub(super) mod tests;
