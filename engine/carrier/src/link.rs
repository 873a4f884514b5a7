//! Both directions between one worker and one handler process.
//!
//! What does not fit into the ring waits here, in order; how much that can be is bounded by whoever sends: by calls
//! in flight and by the credit that each body has.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::event::Event;
use crate::memory::Memory;
use crate::ring::{Consumer, Producer, Ring};

/// Which end of a link this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Worker,
    Handler,
}

/// The other side has written what cannot be; the link is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

/// One end of a link.
pub struct Link {
    out: Producer,
    inn: Consumer,
    waiting: VecDeque<Vec<u8>>,
    /// Messages ever sent, those that wait included.
    sent: u64,
    /// Wakes the other side: there is a message, or room.
    other: Arc<Event>,
}

impl Link {
    /// The end of link number `index` in this memory; `None`: it has no such link. Each end may exist once.
    pub fn new(memory: &Arc<Memory>, index: usize, side: Side, other: Arc<Event>) -> Option<Link> {
        let out = Ring::of(memory, index, side == Side::Handler)?;
        let inn = Ring::of(memory, index, side == Side::Worker)?;
        Some(Link { out: Producer::new(out), inn: Consumer::new(inn), waiting: VecDeque::new(), sent: 0, other })
    }

    /// Sends a message, or keeps it until there is room. The other side learns of it by [`wake`](Link::wake).
    ///
    /// # Errors
    /// The link is broken.
    pub fn send(&mut self, message: Vec<u8>) -> Result<(), Broken> {
        if !self.waiting.is_empty() || !self.out.push(&message)? {
            self.waiting.push_back(message);
        }
        self.sent += 1;
        Ok(())
    }

    /// The number of the last message sent; the first is 1.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The number of the last message that the other side has read, as it says.
    pub fn taken(&self) -> u64 {
        self.out.taken()
    }

    /// Sends what waited for room. Called when this side's event was signalled.
    ///
    /// # Errors
    /// The link is broken.
    pub fn send_waiting(&mut self) -> Result<(), Broken> {
        while let Some(message) = self.waiting.front() {
            if !self.out.push(message)? {
                break;
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Messages that wait for room.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Wakes the other side if it sleeps; once for all that was sent since.
    pub fn wake(&self) {
        if self.out.must_wake() {
            self.other.signal();
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// The link is broken.
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        self.inn.pop()
    }

    /// Says that there is nothing left to do until this side's event is signalled, and lets the other side know of
    /// the room that was made. `false`: a message has come meanwhile.
    ///
    /// # Errors
    /// The link is broken.
    pub fn sleep(&self) -> Result<bool, Broken> {
        if self.inn.must_wake() {
            self.other.signal();
        }
        self.inn.sleep()
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
