//! The handler process's end of its links, as a Python object: messages in and out, nothing waits here.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use glorieta_carrier::{Answer, Body, Broken, Call, Event, FromHandler, LARGEST, Link, Memory, Side, ToHandler};
use pyo3::exceptions::{PyConnectionError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyList, PyTuple};

use crate::message::{fields, tuple};

/// Messages that one link gives at once, before others have their turn.
const BUDGET: usize = 256;

/// One link for each worker. `ConnectionError`: a link is broken, and the process of no use any more.
#[pyclass(frozen, module = "glorieta._engine")]
pub struct Carrier {
    event: Event,
    links: Mutex<Vec<Link>>,
}

fn broken(broken: Broken) -> PyErr {
    PyConnectionError::new_err(broken.0)
}

/// Takes a descriptor over; the number is closed.
fn own(number: RawFd) -> PyResult<OwnedFd> {
    if number < 0 {
        return Err(PyValueError::new_err(format!("{number} is no descriptor")));
    }
    // SAFETY: it is only duplicated, which fails if there is no such descriptor.
    let own = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()?;
    // SAFETY: it is open, as the duplicate shows, and given to us.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(own)
}

#[pymethods]
impl Carrier {
    /// Takes over the descriptors that the engine made for this process, in the order of its workers.
    #[new]
    fn new(memory: RawFd, event: RawFd, workers: Vec<RawFd>) -> PyResult<Carrier> {
        let memory = Arc::new(Memory::open(own(memory)?)?);
        let event = Event::from(own(event)?);
        if memory.links() != workers.len() {
            let message = format!("the memory has {} links, for {} workers", memory.links(), workers.len());
            return Err(PyValueError::new_err(message));
        }
        let mut links = Vec::with_capacity(workers.len());
        for (index, worker) in workers.into_iter().enumerate() {
            links.extend(Link::new(&memory, index, Side::Handler, Arc::new(Event::from(own(worker)?))));
        }
        Ok(Carrier { event, links: Mutex::new(links) })
    }

    /// Readable once there is something to receive.
    fn fileno(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// What has come, each message with its kind first.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        // Cleared before the look: what comes after it signals anew.
        self.event.clear();
        let mut messages = Vec::new();
        for (index, link) in self.links().iter_mut().enumerate() {
            link.send_waiting().map_err(broken)?;
            link.wake();
            for _ in 0..BUDGET {
                let Some(message) = link.receive().map_err(broken)? else { break };
                messages.push(tuple(py, index, ToHandler::decode(message).map_err(broken)?)?);
            }
        }
        Ok(messages)
    }

    /// Says that the next message has to be signalled. `False`: one is there already.
    fn sleep(&self) -> PyResult<bool> {
        let mut empty = true;
        for link in self.links().iter() {
            empty &= link.sleep().map_err(broken)?;
        }
        Ok(empty)
    }

    /// Wakes the workers that sleep and were sent something.
    fn flush(&self) -> PyResult<()> {
        for link in self.links().iter_mut() {
            link.send_waiting().map_err(broken)?;
            link.wake();
        }
        Ok(())
    }

    /// The answer; without a body (`None`) its pieces follow.
    fn answer(
        &self,
        link: usize,
        call: u32,
        status: u16,
        headers: &Bound<'_, PyList>,
        body: Option<PyBackedBytes>,
    ) -> PyResult<()> {
        let answer = Box::new(Answer { status, headers: fields(headers)?, body: whole_or_stream(body) });
        self.send(link, &FromHandler::Answer { call, answer })
    }

    fn answer_body(&self, link: usize, call: u32, data: PyBackedBytes, last: bool) -> PyResult<()> {
        self.send(link, &FromHandler::AnswerBody { call, data: Bytes::copy_from_slice(&data), last })
    }

    /// The handler goes on once its answer is whole; said before what makes it whole.
    fn linger(&self, link: usize, call: u32) -> PyResult<()> {
        self.send(link, &FromHandler::Linger { call })
    }

    /// A handler that went on has ended.
    fn done(&self, link: usize, call: u32) -> PyResult<()> {
        self.send(link, &FromHandler::Done { call })
    }

    /// Why the answer that follows is an error that the handler has not made itself; `reason` is the engine's word.
    fn explain(&self, link: usize, call: u32, reason: &str, detail: &str) -> PyResult<()> {
        let (reason, detail) = (Bytes::copy_from_slice(reason.as_bytes()), Bytes::copy_from_slice(detail.as_bytes()));
        self.send(link, &FromHandler::Explain { call, reason, detail })
    }

    fn failed(&self, link: usize, call: u32) -> PyResult<()> {
        self.send(link, &FromHandler::Failed { call })
    }

    fn credit(&self, link: usize, call: u32, bytes: u32) -> PyResult<()> {
        self.send(link, &FromHandler::Credit { call, bytes })
    }

    /// A call to an upstream, by its place in the list; without a body (`None`) its pieces follow. `timeout_ms` 0:
    /// until the request's deadline.
    #[expect(clippy::too_many_arguments, reason = "the message's own fields")]
    fn call(
        &self,
        link: usize,
        call: u32,
        part: u32,
        upstream: u32,
        timeout_ms: u32,
        method: PyBackedStr,
        target: PyBackedStr,
        headers: &Bound<'_, PyList>,
        body: Option<PyBackedBytes>,
    ) -> PyResult<()> {
        let request = Box::new(Call {
            upstream,
            timeout_ms,
            method: Bytes::copy_from_slice(method.as_bytes()),
            target: Bytes::copy_from_slice(target.as_bytes()),
            headers: fields(headers)?,
            body: whole_or_stream(body),
        });
        self.send(link, &FromHandler::Call { call, part, request })
    }

    fn call_body(&self, link: usize, call: u32, part: u32, data: PyBackedBytes, last: bool) -> PyResult<()> {
        self.send(link, &FromHandler::CallBody { call, part, data: Bytes::copy_from_slice(&data), last })
    }

    fn call_credit(&self, link: usize, call: u32, part: u32, bytes: u32) -> PyResult<()> {
        self.send(link, &FromHandler::CallCredit { call, part, bytes })
    }

    fn call_cancel(&self, link: usize, call: u32, part: u32) -> PyResult<()> {
        self.send(link, &FromHandler::CallCancel { call, part })
    }

    /// How late the event loop is, and how many requests it works on.
    fn beat(&self, lag_us: u32, running: u32) -> PyResult<()> {
        self.send(0, &FromHandler::Beat { lag: lag_us, running })
    }

    /// The same from another thread than the event loop's, at once. `False`: the event loop is at the links itself.
    fn sign(&self, lag_us: u32, running: u32) -> PyResult<bool> {
        // Never waits: the event loop may wait for the interpreter with the links in its hands.
        let Ok(mut links) = self.links.try_lock() else { return Ok(false) };
        let Some(first) = links.first_mut() else { return Ok(false) };
        first.send(FromHandler::Beat { lag: lag_us, running }.encode()).map_err(broken)?;
        // What handlers said before the loop was blocked has waited for the end of their turn.
        links.iter_mut().for_each(|link| link.wake());
        Ok(true)
    }
}

impl Carrier {
    fn links(&self) -> MutexGuard<'_, Vec<Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, link: usize, message: &FromHandler) -> PyResult<()> {
        let bytes = message.encode();
        if bytes.len() > LARGEST {
            let message = format!("a message of {} bytes; send at most {LARGEST}, and bodies in pieces", bytes.len());
            return Err(PyValueError::new_err(message));
        }
        match self.links().get_mut(link) {
            Some(link) => link.send(bytes).map_err(broken),
            None => Err(PyValueError::new_err(format!("there is no link {link}"))),
        }
    }
}

fn whole_or_stream(body: Option<PyBackedBytes>) -> Body {
    match body {
        None => Body::Stream,
        Some(body) if body.is_empty() => Body::Empty,
        Some(body) => Body::Full(Bytes::copy_from_slice(&body)),
    }
}
