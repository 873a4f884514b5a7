//! What those who answer a request may ask of its stream.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use glorieta_core::{ResponseHead, Wire};

use crate::multiplexed::{Asker, MOST_INTERIM};

/// Interim answers wait here until the request's task sends them.
#[derive(Default)]
pub struct StreamWire {
    bytes_in: Cell<u64>,
    size: Cell<usize>,
    waiting: RefCell<VecDeque<ResponseHead>>,
}

impl StreamWire {
    pub fn next_interim(&self) -> Option<ResponseHead> {
        self.waiting.borrow_mut().pop_front()
    }
}

impl Asker for StreamWire {
    fn bytes_in(&self) -> &Cell<u64> {
        &self.bytes_in
    }

    fn send_continue(&self) {
        self.interim(&ResponseHead::new(100));
    }
}

impl Wire for StreamWire {
    fn interim(&self, head: &ResponseHead) {
        let size = self.size.get() + head.fields.block.len() + 32;
        if size <= MOST_INTERIM {
            self.size.set(size);
            self.waiting.borrow_mut().push_back(head.clone());
        }
    }

    fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }
}
