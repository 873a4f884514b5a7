//! A worker's end of the link to one process: what is sent, and to whom what comes belongs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use glorieta_carrier::{Broken, FromHandler, LARGEST, Link, Side, ToHandler};
use glorieta_core::{Error, Kind};
use rustc_hash::FxHashMap;

use super::flow::Line;
use super::linger;
use super::part;
use super::talk::Talk;
use super::{Process, Roster};
use crate::metrics::Background;

/// Messages that are read in one go, before others have their turn.
const BUDGET: usize = 512;
/// So many messages may wait for room before bodies stop.
const CONGESTED: usize = 32;
/// So many messages wait for a process that does not read what it asked for.
const MOST_WAITING: usize = 65_536;

pub(super) struct End {
    pub process: Arc<Process>,
    roster: Arc<Roster>,
    link: RefCell<Link>,
    talks: RefCell<FxHashMap<u32, Rc<Talk>>>,
    /// The number of the last request. Numbers come again after 2^32: an answer that is late finds nobody.
    last: Cell<u32>,
    /// Nothing is sent or read any more.
    closed: Cell<bool>,
    /// Who waits until messages have room again.
    room: RefCell<Vec<Waker>>,
}

impl End {
    /// `None`: the process has no link for this worker.
    pub fn new(process: Arc<Process>, worker: usize, roster: Arc<Roster>) -> Option<End> {
        let link = Link::new(&process.memory, worker, Side::Worker, process.event.clone())?;
        Some(End {
            process,
            roster,
            link: RefCell::new(link),
            talks: RefCell::default(),
            last: Cell::new(0),
            closed: Cell::new(false),
            room: RefCell::default(),
        })
    }

    /// Messages that wait for room.
    pub fn waiting(&self) -> usize {
        self.link.borrow().waiting()
    }

    pub fn is_open(&self) -> bool {
        !self.closed.get() && !self.process.is_broken()
    }

    /// Sends a request's first message, as `message` makes it of the request's number.
    ///
    /// # Errors
    /// `head_too_large`: the message is larger than a link carries.
    pub fn begin(&self, talk: Rc<Talk>, message: impl FnOnce(u32) -> Option<Vec<u8>>) -> Result<u32, Error> {
        let mut talks = self.talks.borrow_mut();
        let mut call = self.last.get();
        loop {
            call = call.wrapping_add(1);
            if !talks.contains_key(&call) {
                break;
            }
        }
        self.last.set(call);
        let Some(message) = message(call).filter(|message| message.len() <= LARGEST) else {
            return Err(Error::because(Kind::HeadTooLarge, "the head is larger than what a handler gets"));
        };
        talks.insert(call, talk.clone());
        drop(talks);
        self.process.begin_call();
        self.send_bytes(message);
        talk.begun(self.link.borrow().sent());
        Ok(call)
    }

    /// Whether the process has read the message of that number. What a process says that is broken says nothing.
    pub fn has_taken(&self, number: u64) -> bool {
        self.process.is_broken() || self.link.borrow().taken() >= number
    }

    pub fn send(&self, message: &ToHandler) {
        if !self.closed.get() {
            self.send_bytes(message.encode());
        }
    }

    fn send_bytes(&self, message: Vec<u8>) {
        let mut link = self.link.borrow_mut();
        let sent = link.send(message);
        link.wake();
        let waiting = link.waiting();
        drop(link);
        if let Err(broken) = sent {
            self.break_off(broken);
        } else if waiting > MOST_WAITING {
            self.break_off(Broken("it does not read what it asked for"));
        }
    }

    /// Ready while a body may be sent: messages that wait for room hold it up.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.closed.get() || self.link.borrow().waiting() < CONGESTED {
            return Poll::Ready(());
        }
        let mut room = self.room.borrow_mut();
        if !room.iter().any(|waker| waker.will_wake(cx.waker())) {
            room.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Reads what has come; `true`: there is more.
    pub fn turn(self: &Rc<End>) -> bool {
        if self.closed.get() {
            return false;
        }
        self.try_turn().unwrap_or_else(|broken| {
            self.break_off(broken);
            false
        })
    }

    fn try_turn(self: &Rc<End>) -> Result<bool, Broken> {
        self.link.borrow_mut().send_waiting()?;
        self.wake_waiting();
        for _ in 0..BUDGET {
            let message = self.link.borrow_mut().receive()?;
            let Some(message) = message else {
                let link = self.link.borrow();
                link.wake();
                if link.sleep()? {
                    return Ok(false);
                }
                continue;
            };
            self.route(FromHandler::decode(message)?)?;
            if self.closed.get() {
                return Ok(false);
            }
        }
        self.link.borrow().wake();
        Ok(true)
    }

    fn wake_waiting(&self) {
        if self.link.borrow().waiting() < CONGESTED {
            let waiting = std::mem::take(&mut *self.room.borrow_mut());
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Gives a message to the request that it belongs to. One for a request that is over comes too late: it was
    /// answered or cancelled while the message was on its way.
    fn route(self: &Rc<End>, message: FromHandler) -> Result<(), Broken> {
        let talk = |call| self.talks.borrow().get(&call).cloned();
        let answering = |call| talk(call).filter(|talk| !talk.is_lingering());
        let line = |call, part| Line { end: self.clone(), call, part };
        match message {
            FromHandler::Answer { call, answer } => {
                if let Some(talk) = answering(call)
                    && talk.answered(answer, &line(call, None))?
                {
                    self.finish(call);
                }
            }
            FromHandler::AnswerBody { call, data, last } => {
                if let Some(talk) = answering(call)
                    && talk.piece(data, last)?
                {
                    self.finish(call);
                }
            }
            FromHandler::Linger { call } => {
                if let Some(talk) = answering(call) {
                    talk.goes_on();
                }
            }
            FromHandler::Explain { call, reason, detail } => {
                if let Some(talk) = answering(call) {
                    talk.explained(&reason, &detail);
                }
            }
            FromHandler::Done { call } => {
                if let Some(talk) = talk(call) {
                    talk.is_done();
                    if talk.is_lingering() {
                        self.forget(call, Background::Ended);
                    }
                }
            }
            FromHandler::Failed { call } => {
                if let Some(talk) = self.forget(call, Background::Ended) {
                    talk.failed();
                }
            }
            FromHandler::Credit { call, bytes } => {
                if let Some(talk) = talk(call) {
                    talk.outflow.grant(bytes);
                }
            }
            FromHandler::Call { call, part, request } => {
                return part::begin(talk(call).as_ref(), line(call, Some(part)), part, *request);
            }
            FromHandler::CallBody { call, part, data, last } => {
                if let Some(talk) = talk(call) {
                    return talk.parts.borrow().get(&part).map_or(Ok(()), |part| part.piece(data, last));
                }
            }
            FromHandler::CallCredit { call, part, bytes } => {
                if let Some(talk) = talk(call)
                    && let Some(part) = talk.parts.borrow().get(&part)
                {
                    part.outflow.grant(bytes);
                }
            }
            FromHandler::CallCancel { call, part } => {
                if let Some(talk) = talk(call) {
                    let part = talk.parts.borrow_mut().remove(&part);
                    drop(part);
                }
            }
            FromHandler::Beat { lag, running } => self.process.beat(lag, running),
        }
        Ok(())
    }

    /// Forgets a part that has come to its end.
    pub fn part_ended(&self, call: u32, part: u32) {
        let talk = self.talks.borrow().get(&call).cloned();
        let part = talk.and_then(|talk| talk.parts.borrow_mut().remove(&part));
        drop(part);
    }

    /// A request has been answered whole, or nobody waits for that any more: it is over, unless its handler goes on.
    /// `false`: that was so before.
    fn finish(self: &Rc<End>, call: u32) -> bool {
        let talk = self.talks.borrow().get(&call).filter(|talk| !talk.is_lingering()).cloned();
        let Some(talk) = talk else { return false };
        let Some(until) = talk.after() else {
            self.forget(call, Background::Ended);
            return true;
        };
        match linger::begin(self, call, &talk, until) {
            Some(lingering) => {
                talk.linger(lingering);
                self.process.end_call();
            }
            None => {
                self.forget(call, Background::Refused);
                self.send(&linger::over(call, Kind::QueueFull));
            }
        }
        true
    }

    /// A request is over, what its handler did after its answer included; `how` that has ended.
    pub fn forget(&self, call: u32, how: Background) -> Option<Rc<Talk>> {
        let talk = self.talks.borrow_mut().remove(&call)?;
        self.end(&talk, how);
        Some(talk)
    }

    fn end(&self, talk: &Talk, how: Background) {
        match talk.leave() {
            Some(lingering) => lingering.ended(how),
            None => self.process.end_call(),
        }
        talk.end_parts();
    }

    /// Nobody waits for an answer any more. Nothing where it has been answered whole.
    pub fn cancel(self: &Rc<End>, call: u32) {
        if self.finish(call) {
            self.send(&ToHandler::Cancel { call });
        }
    }

    /// The process has said what cannot be.
    fn break_off(&self, why: Broken) {
        if self.closed.get() {
            return;
        }
        self.roster.report(&self.process, why);
        self.lose(why.0);
    }

    /// The process is of no use any more: everything that it had is lost.
    pub fn lose(&self, why: &'static str) {
        self.closed.set(true);
        let talks = std::mem::take(&mut *self.talks.borrow_mut());
        for talk in talks.into_values() {
            self.end(&talk, Background::Lost);
            talk.fail(Error::because(Kind::HandlerLost, why));
        }
        self.room.take().into_iter().for_each(Waker::wake);
    }
}
