//! Bodies by credit: the receiver says how many bytes may come, so nobody holds more than was asked for.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use glorieta_carrier::{Broken, CallFailure, ToHandler};
use glorieta_core::{Body, BodySource, Error, Frame};

use super::end::End;

/// So much of a body from a handler may be on its way.
pub(super) const WINDOW: u32 = 64 << 10;
/// A body up to this many bytes travels with its head.
pub(super) const INLINE: usize = 64 << 10;
/// The largest piece that is sent: several fit into a ring.
pub(super) const PIECE: usize = 32 << 10;

/// Where the pieces of a body belong: to a request, or to one of the calls made for it.
#[derive(Clone)]
pub(super) struct Line {
    pub end: Rc<End>,
    pub call: u32,
    pub part: Option<u32>,
}

impl Line {
    fn data(&self, data: Bytes, last: bool) {
        let call = self.call;
        self.end.send(&match self.part {
            None => ToHandler::Body { call, data, last },
            Some(part) => ToHandler::ResultBody { call, part, data, last },
        });
    }

    /// Says that what was begun will not be whole.
    pub fn failed(&self, error: &Error, tries: u16) {
        let call = self.call;
        self.end.send(&match self.part {
            None => ToHandler::BodyFailed { call, reason: Bytes::from_static(error.kind.reason().as_bytes()) },
            Some(part) => ToHandler::ResultFailed { call, part, failure: Box::new(failure(error, tries)) },
        });
    }

    fn grant(&self, bytes: u32) {
        let call = self.call;
        self.end.send(&match self.part {
            None => ToHandler::Credit { call, bytes },
            Some(part) => ToHandler::CallCredit { call, part, bytes },
        });
    }
}

pub(super) fn failure(error: &Error, tries: u16) -> CallFailure {
    CallFailure {
        reason: Bytes::from_static(error.kind.reason().as_bytes()),
        detail: Bytes::copy_from_slice(error.detail().as_bytes()),
        tries,
    }
}

fn wake(waker: &RefCell<Option<Waker>>) {
    let waiting = waker.borrow_mut().take();
    if let Some(waker) = waiting {
        waker.wake();
    }
}

enum Ending {
    Open,
    Whole,
    Failed(Error),
}

/// A body that comes from a handler.
pub(super) struct Inflow {
    pieces: RefCell<VecDeque<Bytes>>,
    ending: RefCell<Ending>,
    /// Bytes that may still come. Who has any may send one piece more than that.
    granted: Cell<i64>,
    /// Bytes that were taken out and not granted anew.
    owed: Cell<u32>,
    waker: RefCell<Option<Waker>>,
}

impl Inflow {
    /// Lets the first bytes come.
    pub fn open(line: &Line) -> Rc<Inflow> {
        line.grant(WINDOW);
        Rc::new(Inflow {
            pieces: RefCell::default(),
            ending: RefCell::new(Ending::Open),
            granted: Cell::new(i64::from(WINDOW)),
            owed: Cell::new(0),
            waker: RefCell::default(),
        })
    }

    /// A piece has come.
    ///
    /// # Errors
    /// More has come than was granted, or something behind the end.
    pub fn push(&self, data: Bytes, last: bool) -> Result<(), Broken> {
        if !matches!(*self.ending.borrow(), Ending::Open) {
            return Err(Broken("a body goes on after its end"));
        }
        if !data.is_empty() {
            if self.granted.get() <= 0 {
                return Err(Broken("more of a body than was asked for"));
            }
            self.granted.set(self.granted.get() - data.len() as i64);
            self.pieces.borrow_mut().push_back(data);
        }
        if last {
            self.ending.replace(Ending::Whole);
        }
        wake(&self.waker);
        Ok(())
    }

    /// Nothing more comes, and the body is not whole.
    pub fn fail(&self, error: Error) {
        let mut ending = self.ending.borrow_mut();
        if matches!(*ending, Ending::Open) {
            *ending = Ending::Failed(error);
            wake(&self.waker);
        }
    }

    /// The next piece; `None` once it has ended well.
    pub fn poll_piece(&self, cx: &mut Context<'_>, line: &Line) -> Poll<Option<Result<Bytes, Error>>> {
        let piece = self.pieces.borrow_mut().pop_front();
        if let Some(piece) = piece {
            self.repay(line, piece.len() as u32);
            return Poll::Ready(Some(Ok(piece)));
        }
        match &*self.ending.borrow() {
            Ending::Open => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
            Ending::Whole => Poll::Ready(None),
            Ending::Failed(error) => Poll::Ready(Some(Err(error.clone()))),
        }
    }

    fn repay(&self, line: &Line, taken: u32) {
        let owed = self.owed.get() + taken;
        self.owed.set(owed);
        if owed >= WINDOW / 2 && matches!(*self.ending.borrow(), Ending::Open) {
            self.owed.set(0);
            self.granted.set(self.granted.get() + i64::from(owed));
            line.grant(owed);
        }
    }
}

/// An inflow as the body of a request to an upstream.
pub(super) struct InflowBody {
    pub inflow: Rc<Inflow>,
    pub line: Line,
}

impl BodySource for InflowBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        self.inflow.poll_piece(cx, &self.line).map(|piece| piece.map(|piece| piece.map(Frame::Data)))
    }
}

/// What a handler lets come of a body that goes to it.
#[derive(Default)]
pub(super) struct Outflow {
    credit: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Outflow {
    pub fn grant(&self, bytes: u32) {
        self.credit.set(self.credit.get().saturating_add(u64::from(bytes)));
        wake(&self.waker);
    }

    /// How many bytes may be sent now.
    pub fn poll_room(&self, cx: &mut Context<'_>, line: &Line) -> Poll<usize> {
        let credit = usize::try_from(self.credit.get()).unwrap_or(usize::MAX);
        if credit == 0 {
            self.waker.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        line.end.poll_room(cx).map(|()| credit.min(PIECE))
    }

    /// Sends a piece for which there is room.
    pub fn send(&self, line: &Line, data: Bytes) {
        self.credit.set(self.credit.get().saturating_sub(data.len() as u64));
        line.data(data, false);
    }

    pub fn finish(&self, line: &Line) {
        line.data(Bytes::new(), true);
    }
}

/// A body on its way to a handler, asked for only as far as the handler wants it.
pub(super) struct Upload {
    body: Body,
    held: Bytes,
    over: bool,
    /// Bytes that were sent.
    pub sent: u64,
}

impl Upload {
    pub fn new(body: Body) -> Upload {
        Upload { body, held: Bytes::new(), over: false, sent: 0 }
    }

    /// The body as its head carries it; what is too long for that, or is not there yet, follows in pieces.
    pub fn announce(&mut self) -> glorieta_carrier::Body {
        match &self.body {
            Body::Full(bytes) if bytes.len() <= INLINE => {
                self.over = true;
                let whole = bytes.clone();
                if whole.is_empty() { glorieta_carrier::Body::Empty } else { glorieta_carrier::Body::Full(whole) }
            }
            Body::Empty => {
                self.over = true;
                glorieta_carrier::Body::Empty
            }
            _ => glorieta_carrier::Body::Stream,
        }
    }

    /// Lets a body follow that was to travel with its head; `None`: it was not.
    pub fn hold_back(&mut self) -> Option<glorieta_carrier::Body> {
        let whole = self.over && !self.body.is_empty();
        self.over = !whole;
        whole.then_some(glorieta_carrier::Body::Stream)
    }

    /// Sends as much as may be sent; ready once all has been, or an error has been told.
    pub fn poll(&mut self, cx: &mut Context<'_>, outflow: &Outflow, line: &Line) -> Poll<Result<(), Error>> {
        while !self.over {
            let room = ready!(outflow.poll_room(cx, line));
            if self.held.is_empty() {
                match ready!(self.body.poll_frame(cx)) {
                    Some(Ok(Frame::Data(data))) => self.held = data,
                    // A handler has no use for them.
                    Some(Ok(Frame::Trailers(_))) => {}
                    Some(Err(error)) => {
                        self.over = true;
                        return Poll::Ready(Err(error));
                    }
                    None => {
                        self.over = true;
                        outflow.finish(line);
                    }
                }
            } else {
                let piece = self.held.split_to(room.min(self.held.len()));
                self.sent += piece.len() as u64;
                outflow.send(line, piece);
            }
        }
        Poll::Ready(Ok(()))
    }
}
