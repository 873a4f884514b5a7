//! Datagrams that came in at one worker and are another's: one bounded box per worker.

use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use quinn::udp::RecvMeta;

/// Datagrams that may wait for a worker. What is too much is dropped, as on any way through a network: their senders
/// send them again.
const MOST: usize = 512;

/// The boxes of all workers at one address.
#[derive(Debug)]
pub(super) struct Exchange {
    boxes: Box<[Mutex<Letters>]>,
}

/// What lies in one worker's box.
#[derive(Debug, Default)]
struct Letters {
    datagrams: VecDeque<(RecvMeta, Box<[u8]>)>,
    waker: Option<Waker>,
    closed: bool,
}

impl Exchange {
    pub fn new(workers: usize) -> Exchange {
        Exchange { boxes: (0..workers).map(|_| Mutex::default()).collect() }
    }

    /// One worker has nothing to pass on, and nobody to pass it to.
    pub fn is_alone(&self) -> bool {
        self.boxes.len() < 2
    }

    fn letters(&self, worker: usize) -> Option<MutexGuard<'_, Letters>> {
        self.boxes.get(worker).map(|letters| letters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a datagram into a worker's box; `false`: it has none, or has closed it.
    pub fn put(&self, worker: usize, meta: RecvMeta, datagram: &[u8]) -> bool {
        let Some(mut letters) = self.letters(worker).filter(|letters| !letters.closed) else { return false };
        if letters.datagrams.len() < MOST {
            letters.datagrams.push_back((meta, datagram.into()));
        }
        let waker = letters.waker.take();
        drop(letters);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Takes out what fits into the buffers; 0: the worker is woken when there is something.
    pub fn take(
        &self,
        worker: usize,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> usize {
        let Some(mut letters) = self.letters(worker) else { return 0 };
        let mut taken = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            let Some((about, datagram)) = letters.datagrams.pop_front() else { break };
            let Some(room) = buffer.get_mut(..datagram.len()) else { continue };
            room.copy_from_slice(&datagram);
            *meta = about;
            taken += 1;
        }
        if taken == 0 && !letters.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            letters.waker = Some(cx.waker().clone());
        }
        taken
    }

    /// Nobody reads this worker's box any more.
    pub fn close(&self, worker: usize) {
        if let Some(mut letters) = self.letters(worker) {
            *letters = Letters { closed: true, ..Letters::default() };
        }
    }
}
