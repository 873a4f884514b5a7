//! The bytes of messages: numbers in little endian, byte strings with their length before them.

use bytes::{Buf, Bytes};

use crate::link::Broken;

const CUT: Broken = Broken("a message ends too early");

/// Builds a message.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn tag(tag: u8, call: u32, room: usize) -> Writer {
        let mut bytes = Vec::with_capacity(room + 16);
        bytes.push(tag);
        let mut writer = Writer(bytes);
        writer.u32(call);
        writer
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.u32(value.len() as u32);
        self.0.extend_from_slice(value);
    }
}

/// Reads a message.
pub(crate) struct Reader(Bytes);

impl Reader {
    pub(crate) fn new(message: Vec<u8>) -> Reader {
        Reader(Bytes::from(message))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Broken> {
        self.0.try_get_u8().map_err(|_| CUT)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Broken> {
        self.0.try_get_u16_le().map_err(|_| CUT)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Broken> {
        self.0.try_get_u32_le().map_err(|_| CUT)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Broken> {
        self.0.try_get_i64_le().map_err(|_| CUT)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, Broken> {
        let length = self.u32()? as usize;
        if length > self.0.len() {
            return Err(CUT);
        }
        Ok(self.0.split_to(length))
    }

    /// Everything was read.
    pub(crate) fn end(self) -> Result<(), Broken> {
        if self.0.is_empty() { Ok(()) } else { Err(Broken("a message goes on after its end")) }
    }
}
