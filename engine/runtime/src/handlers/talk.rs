//! One request that a handler answers, as messages reach it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use glorieta_carrier::{Answer, Body, Broken};
use glorieta_core::{Error, Kind, Moment};
use rustc_hash::FxHashMap;

use super::Handler;
use super::flow::{Inflow, Line, Outflow};
use super::linger::Lingering;
use super::part::Part;

pub(super) struct Talk {
    pub handler: Arc<Handler>,
    /// None for what follows a 101, however long that lasts.
    pub deadline: Cell<Option<Moment>>,
    /// The host that was asked for, which calls to upstreams name where they name none.
    pub authority: Vec<u8>,
    /// For each upstream that may be called, the hash of the value by which an endpoint is chosen.
    pub keys: Vec<Option<u64>>,
    /// What comes of the request's body.
    pub outflow: Rc<Outflow>,
    /// The number of the message that began it.
    number: Cell<u64>,
    progress: RefCell<Progress>,
    /// The answer's body, where it comes in pieces.
    inflow: RefCell<Option<Rc<Inflow>>>,
    /// Why its answer, an error, is none of the handler's own making.
    explained: RefCell<Option<Error>>,
    waker: RefCell<Option<Waker>>,
    /// Calls to upstreams under way.
    pub parts: RefCell<FxHashMap<u32, Part>>,
    /// How often all of them together were sent.
    pub tries: Rc<Cell<u16>>,
    /// Until when the handler may go on once its answer is whole; `None`: it has not said that it does.
    after: Cell<Option<Moment>>,
    /// Its answer is whole or not wanted any more, and the handler goes on.
    lingering: RefCell<Option<Lingering>>,
}

/// An answer's head, and its body where that comes in pieces.
pub(super) type Told = (Answer, Option<Rc<Inflow>>);

enum Progress {
    Waiting,
    Answered(Box<Answer>),
    /// Whoever waited has taken the answer.
    Taken,
    Failed(Error),
}

impl Talk {
    pub fn new(
        handler: Arc<Handler>,
        deadline: Option<Moment>,
        authority: Vec<u8>,
        keys: Vec<Option<u64>>,
        tries: Rc<Cell<u16>>,
    ) -> Talk {
        Talk {
            handler,
            deadline: Cell::new(deadline),
            authority,
            keys,
            outflow: Rc::default(),
            number: Cell::new(0),
            progress: RefCell::new(Progress::Waiting),
            inflow: RefCell::default(),
            explained: RefCell::default(),
            waker: RefCell::default(),
            parts: RefCell::default(),
            tries,
            after: Cell::new(None),
            lingering: RefCell::default(),
        }
    }

    pub fn number(&self) -> u64 {
        self.number.get()
    }

    pub fn begun(&self, number: u64) {
        self.number.set(number);
    }

    fn wake(&self) {
        let waiting = self.waker.borrow_mut().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// The handler has answered; `true`: nothing more belongs to the answer.
    ///
    /// # Errors
    /// It had answered already.
    pub fn answered(&self, answer: Box<Answer>, line: &Line) -> Result<bool, Broken> {
        let mut progress = self.progress.borrow_mut();
        if !matches!(*progress, Progress::Waiting) {
            return Err(Broken("a second answer to one request"));
        }
        if answer.status == 101 {
            self.deadline.set(None);
        }
        let streams = answer.body == Body::Stream;
        if streams {
            self.inflow.replace(Some(Inflow::open(line)));
        }
        *progress = Progress::Answered(answer);
        drop(progress);
        self.wake();
        Ok(!streams)
    }

    /// A piece of the answer; `true`: it was the last.
    ///
    /// # Errors
    /// There is no answer that has pieces, or more has come than was asked for.
    pub fn piece(&self, data: Bytes, last: bool) -> Result<bool, Broken> {
        match &*self.inflow.borrow() {
            Some(inflow) => inflow.push(data, last).map(|()| last),
            None => Err(Broken("a piece of an answer that has none")),
        }
    }

    /// Ends what is still open.
    pub fn fail(&self, error: Error) {
        if let Some(inflow) = &*self.inflow.borrow() {
            inflow.fail(error.clone());
        }
        let mut progress = self.progress.borrow_mut();
        if matches!(*progress, Progress::Waiting) {
            *progress = Progress::Failed(error);
            drop(progress);
            self.wake();
        }
    }

    /// The handler says that it has failed.
    pub fn failed(&self) {
        self.fail(Error::because(Kind::HandlerFailed, "the handler raised an exception"));
    }

    /// The handler says why the answer that follows is an error. A word that is none of the engine's counts as a
    /// failure of its own.
    pub fn explained(&self, reason: &[u8], detail: &[u8]) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (kind, detail) = match Kind::of_reason(reason) {
            Some(kind) => (kind, text(detail)),
            None => (Kind::HandlerFailed, format!("{}: {}", text(reason), text(detail))),
        };
        self.explained.replace(Some(Error::new(kind).with_detail(self.named(&detail))));
    }

    /// Why the answer is an error, once; `None`: it is the handler's own.
    pub fn take_explained(&self) -> Option<Error> {
        self.explained.take()
    }

    /// A detail that says which handler it is about.
    pub fn named(&self, detail: &str) -> String {
        format!("{}: {detail}", self.handler.id)
    }

    /// The answer, once.
    pub fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Result<Told, Error>> {
        let mut progress = self.progress.borrow_mut();
        match std::mem::replace(&mut *progress, Progress::Taken) {
            Progress::Answered(answer) => Poll::Ready(Ok((*answer, self.inflow.borrow().clone()))),
            Progress::Failed(error) => Poll::Ready(Err(error)),
            Progress::Waiting => {
                *progress = Progress::Waiting;
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
            Progress::Taken => Poll::Pending,
        }
    }

    /// The handler goes on after its answer, and may call upstreams for so long.
    pub fn goes_on(&self) {
        self.after.set(Some(Moment::now().plus(self.handler.background)));
    }

    /// The handler has nothing more to do.
    pub fn is_done(&self) {
        self.after.set(None);
    }

    /// Until when the handler may go on once its answer is whole; `None`: it does not.
    pub fn after(&self) -> Option<Moment> {
        self.after.get()
    }

    /// When calls to upstreams have to be over.
    pub fn last_call(&self) -> Option<Moment> {
        self.after.get().or(self.deadline.get())
    }

    /// Keeps it for what the handler still does. Nothing of the answer is wanted any more.
    pub fn linger(&self, lingering: Lingering) {
        self.inflow.take();
        self.lingering.replace(Some(lingering));
    }

    pub fn is_lingering(&self) -> bool {
        self.lingering.borrow().is_some()
    }

    /// It is kept no longer; `None`: it was not.
    pub fn leave(&self) -> Option<Lingering> {
        self.lingering.take()
    }

    /// Ends the calls to upstreams; their connections are closed.
    pub fn end_parts(&self) {
        let parts = std::mem::take(&mut *self.parts.borrow_mut());
        drop(parts);
    }
}
