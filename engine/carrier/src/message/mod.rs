//! What a worker and a handler process say to each other. All values are owned: nothing of the engine's reaches
//! Python, and nothing of Python's the engine.
//!
//! A *call* is one request that a handler answers; its number is the worker's, and not used again before all others
//! were: a message that comes too late finds nobody. A *part* is one call to an upstream within it; its number is the
//! handler's. A call is over once its answer is whole, unless the handler has said that it goes on (`Linger`): then it
//! is kept for the parts of work that follows the answer, until that is `Done` or the engine has had enough (`Over`).
//! Bodies that are whole travel with their heads. Others come in pieces, of which the receiver grants the sender so
//! many bytes (`Credit`), so that nobody holds more than was asked for.

mod from_handler;
#[cfg(test)]
mod tests;
mod tls;
mod to_handler;

use bytes::Bytes;

use crate::link::Broken;
use crate::wire::{Reader, Writer};

pub use from_handler::{Answer, Call, FromHandler};
pub use tls::{Certificate, Tls};
pub use to_handler::{CallFailure, Outcome, Start, ToHandler};

/// Names and values, in order, duplicates kept.
pub type Fields = Vec<(Bytes, Bytes)>;

/// A body as its head knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Empty,
    Full(Bytes),
    /// Pieces follow, as far as credit goes.
    Stream,
}

impl Body {
    fn write(&self, writer: &mut Writer) {
        match self {
            Body::Empty => writer.u8(0),
            Body::Full(bytes) => {
                writer.u8(1);
                writer.bytes(bytes);
            }
            Body::Stream => writer.u8(2),
        }
    }

    fn read(reader: &mut Reader) -> Result<Body, Broken> {
        match reader.u8()? {
            0 => Ok(Body::Empty),
            1 => Ok(Body::Full(reader.bytes()?)),
            2 => Ok(Body::Stream),
            _ => Err(Broken("a body of no known kind")),
        }
    }
}

fn write_fields(writer: &mut Writer, fields: &Fields) {
    writer.u16(u16::try_from(fields.len()).unwrap_or(u16::MAX));
    for (name, value) in fields.iter().take(usize::from(u16::MAX)) {
        writer.bytes(name);
        writer.bytes(value);
    }
}

fn read_fields(reader: &mut Reader) -> Result<Fields, Broken> {
    let count = usize::from(reader.u16()?);
    let mut fields = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        fields.push((reader.bytes()?, reader.bytes()?));
    }
    Ok(fields)
}

fn read_last(reader: &mut Reader) -> Result<bool, Broken> {
    Ok(reader.u8()? != 0)
}

const UNKNOWN: Broken = Broken("a message of no known kind");
