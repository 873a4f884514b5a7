//! One ring of bytes in shared memory, with one producer and one consumer.
//!
//! Messages lie whole and in order: a length of four bytes, the bytes, padding to eight. One that would run over
//! the end begins at the start, and `SKIP` stands where it would have begun. Each side keeps its own index for
//! itself and only publishes it: what the other side wrote is believed only as far as it is possible.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::link::Broken;
use crate::memory::Memory;

/// Bytes of a ring. Its pages are used up to the last one and stay resident, so it is no larger than a burst needs.
const ROOM: u64 = 256 << 10;
/// The largest message. Two always fit, so that a ring whose consumer is slow still carries on.
pub const LARGEST: usize = (ROOM / 2) as usize - 16;
const HEADER: usize = 4096;
/// Header and bytes of a ring.
pub(crate) const WHOLE: usize = HEADER + ROOM as usize;
/// Both rings of a link.
pub(crate) const PAIR: usize = 2 * WHOLE;
const SKIP: u32 = u32::MAX;
const LENGTH: usize = 4;

/// What both sides see of a ring; each field on a cache line of its own.
#[repr(C)]
struct Header {
    /// Bytes ever written, by the producer.
    head: Line<AtomicU64>,
    /// What was ever read, by the consumer.
    tail: Line<Tail>,
    /// 1 while the consumer waits for its event.
    asleep: Line<AtomicU32>,
    /// 1 while the producer waits for room.
    blocked: Line<AtomicU32>,
}

#[repr(C)]
struct Tail {
    bytes: AtomicU64,
    messages: AtomicU64,
}

#[repr(C, align(128))]
struct Line<T>(T);

#[derive(Clone)]
pub(crate) struct Ring {
    start: NonNull<u8>,
    /// Keeps it mapped.
    _memory: Arc<Memory>,
}

// SAFETY: it points into memory that it keeps mapped; indices are atomics, bytes are copied within checked bounds.
unsafe impl Send for Ring {}

impl Ring {
    pub(crate) fn of(memory: &Arc<Memory>, link: usize, second: bool) -> Option<Ring> {
        Some(Ring { start: memory.ring(link, second)?, _memory: memory.clone() })
    }

    fn header(&self) -> &Header {
        // SAFETY: a ring begins on a page with a header, whose fields are valid for any bytes.
        unsafe { self.start.cast::<Header>().as_ref() }
    }

    fn at(&self, index: u64) -> *mut u8 {
        // SAFETY: what is taken modulo the room lies within the ring's bytes, which follow the header.
        unsafe { self.start.as_ptr().add(HEADER + (index % ROOM) as usize) }
    }

    fn write_length(&self, index: u64, length: u32) {
        // SAFETY: messages begin at multiples of eight, so four bytes are there before the end.
        unsafe { self.at(index).cast::<u32>().write(length) };
    }

    fn read_length(&self, index: u64) -> u32 {
        // SAFETY: the consumer's index is a multiple of eight: it is its own and grows by `taken_up` only.
        unsafe { self.at(index).cast::<u32>().read_volatile() }
    }
}

fn taken_up(length: usize) -> u64 {
    (length + LENGTH).next_multiple_of(8) as u64
}

/// The end that writes.
pub(crate) struct Producer {
    ring: Ring,
    head: u64,
}

impl Producer {
    pub(crate) fn new(ring: Ring) -> Producer {
        Producer { ring, head: 0 }
    }

    /// Writes one message; `false`: there is no room yet, and the consumer will signal when there is.
    pub(crate) fn push(&mut self, message: &[u8]) -> Result<bool, Broken> {
        if message.len() > LARGEST {
            return Err(Broken("a message is larger than a ring carries"));
        }
        let need = taken_up(message.len());
        let left = ROOM - self.head % ROOM;
        let skipped = if left < need { left } else { 0 };
        if !self.has_room(skipped + need)? && !self.wait_for_room(skipped + need)? {
            return Ok(false);
        }
        if skipped > 0 {
            self.ring.write_length(self.head, SKIP);
            self.head += skipped;
        }
        self.ring.write_length(self.head, message.len() as u32);
        // SAFETY: the message fits before the end of the ring, and the consumer does not read beyond the head.
        unsafe { std::ptr::copy_nonoverlapping(message.as_ptr(), self.ring.at(self.head).add(LENGTH), message.len()) };
        self.head += need;
        self.ring.header().head.0.store(self.head, Ordering::Release);
        Ok(true)
    }

    fn has_room(&self, need: u64) -> Result<bool, Broken> {
        let used = self.head.wrapping_sub(self.ring.header().tail.0.bytes.load(Ordering::Acquire));
        if used > ROOM {
            return Err(Broken("the other side read more than was written"));
        }
        Ok(used + need <= ROOM)
    }

    /// Says that room is waited for, and looks again: the consumer may have made some just before.
    fn wait_for_room(&self, need: u64) -> Result<bool, Broken> {
        let blocked = &self.ring.header().blocked.0;
        blocked.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let room = self.has_room(need)?;
        if room {
            blocked.store(0, Ordering::Relaxed);
        }
        Ok(room)
    }

    /// Messages that the consumer has read, as it says.
    pub(crate) fn taken(&self) -> u64 {
        self.ring.header().tail.0.messages.load(Ordering::Acquire)
    }

    /// Whether the consumer sleeps and has to be signalled; asked once after a batch.
    pub(crate) fn must_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        let asleep = &self.ring.header().asleep.0;
        asleep.load(Ordering::Relaxed) == 1 && asleep.swap(0, Ordering::SeqCst) == 1
    }
}

/// The end that reads.
pub(crate) struct Consumer {
    ring: Ring,
    tail: u64,
    messages: u64,
}

impl Consumer {
    pub(crate) fn new(ring: Ring) -> Consumer {
        Consumer { ring, tail: 0, messages: 0 }
    }

    /// Takes one message out.
    pub(crate) fn pop(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let mut available = self.available()?;
        if available == 0 {
            return Ok(None);
        }
        let mut length = self.ring.read_length(self.tail);
        if length == SKIP {
            let left = ROOM - self.tail % ROOM;
            self.tail += left;
            available = available.checked_sub(left).filter(|rest| *rest > 0).ok_or(Broken("a ring skips its end"))?;
            length = self.ring.read_length(self.tail);
        }
        let length = length as usize;
        let before_end = ROOM - self.tail % ROOM;
        if length > LARGEST || taken_up(length) > available.min(before_end) {
            return Err(Broken("a message is longer than what was written"));
        }
        let mut message = Vec::with_capacity(length);
        // SAFETY: so many bytes lie before the ring's end. Should the other side change them meanwhile, then the
        // message says something else, which its reader checks like anything that comes from there.
        unsafe {
            std::ptr::copy_nonoverlapping(self.ring.at(self.tail).add(LENGTH), message.as_mut_ptr(), length);
            message.set_len(length);
        }
        self.tail += taken_up(length);
        self.messages += 1;
        // The count comes first: whoever is gone in between has read no less than it says.
        let tail = &self.ring.header().tail.0;
        tail.messages.store(self.messages, Ordering::Release);
        tail.bytes.store(self.tail, Ordering::Release);
        Ok(Some(message))
    }

    fn available(&self) -> Result<u64, Broken> {
        let available = self.ring.header().head.0.load(Ordering::Acquire).wrapping_sub(self.tail);
        if available > ROOM || !available.is_multiple_of(8) {
            return Err(Broken("the other side wrote more than there is room for"));
        }
        Ok(available)
    }

    /// Says that the next message has to be signalled. `false`: one is there already.
    pub(crate) fn sleep(&self) -> Result<bool, Broken> {
        let asleep = &self.ring.header().asleep.0;
        asleep.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let empty = self.available()? == 0;
        if !empty {
            asleep.store(0, Ordering::Relaxed);
        }
        Ok(empty)
    }

    /// Whether the producer waits for the room that was made; asked once after a batch.
    pub(crate) fn must_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        let blocked = &self.ring.header().blocked.0;
        blocked.load(Ordering::Relaxed) == 1 && blocked.swap(0, Ordering::SeqCst) == 1
    }
}
