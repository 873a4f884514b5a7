//! What those who answer a request may ask of its stream.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{Method, ResponseHead, Wire};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::Response;

use crate::multiplexed::{Asker, MOST_INTERIM, response_out};

pub struct StreamWire {
    respond: RefCell<SendResponse<Bytes>>,
    bytes_in: Cell<u64>,
    interim: Cell<usize>,
    answered: Cell<bool>,
    /// What is still to come of a body that nobody wants any more.
    unwanted: RefCell<Option<RecvStream>>,
}

impl StreamWire {
    pub fn new(respond: SendResponse<Bytes>) -> StreamWire {
        StreamWire {
            respond: RefCell::new(respond),
            bytes_in: Cell::new(0),
            interim: Cell::new(0),
            answered: Cell::new(false),
            unwanted: RefCell::new(None),
        }
    }

    pub fn leave_unread(&self, body: RecvStream) {
        self.unwanted.replace(Some(body));
    }

    pub fn take_unread(&self) -> Option<RecvStream> {
        self.unwanted.take()
    }

    /// Ready once the client has given the request up, or the connection is gone. Only while there is no answer.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.respond.borrow_mut().poll_reset(cx).map(|_| ())
    }

    /// Begins the answer; `None`: nobody is there any more.
    pub fn respond(&self, response: Response<()>, end: bool) -> Option<SendStream<Bytes>> {
        self.answered.set(true);
        self.respond.borrow_mut().send_response(response, end).ok()
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
        let size = self.interim.get() + head.fields.block.len() + 32;
        if self.answered.get() || size > MOST_INTERIM {
            return;
        }
        self.interim.set(size);
        let response = response_out(head, Method::Get, None, None);
        // Whether it arrives is the client's affair.
        let _ = self.respond.borrow_mut().send_informational(response);
    }

    fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }
}
