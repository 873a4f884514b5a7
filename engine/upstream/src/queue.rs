//! Requests that wait because every connection is in use: first come, first served, over all workers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::Endpoint;

/// Why a waiter is woken.
pub(crate) enum Grant {
    /// This endpoint has a connection less than before, or an idle one on the waiter's worker.
    Released(Arc<Endpoint>),
    /// The endpoints or their bounds have changed.
    Changed,
}

struct Waiter {
    worker: usize,
    sender: oneshot::Sender<Grant>,
}

/// A place in the queue. Leaving it with a word that was not used passes the word on.
pub(crate) struct Place<'a> {
    queue: &'a Queue,
    receiver: oneshot::Receiver<Grant>,
}

impl Place<'_> {
    /// Waits to be woken.
    pub(crate) async fn woken(&mut self) -> Grant {
        // The sender is dropped only with its word given.
        (&mut self.receiver).await.unwrap_or(Grant::Changed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Ok(grant) = self.receiver.try_recv() {
            self.queue.wake_first(grant);
        }
    }
}

thread_local! {
    static WORKER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// The number of this thread among those that wait and release.
fn this_worker() -> usize {
    WORKER.with(|worker| *worker)
}

#[derive(Default)]
pub(crate) struct Queue {
    count: AtomicU32,
    waiters: Mutex<VecDeque<Waiter>>,
    /// Wakes the workers' keepers of idle connections: somebody needs what they hold.
    pub(crate) wanted: Notify,
}

impl Queue {
    fn waiters(&self) -> MutexGuard<'_, VecDeque<Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    #[inline]
    pub(crate) fn waiting(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// Joins the queue, at its front if it was woken before in vain; `None`: `most` wait already.
    pub(crate) fn join(&self, most: u32, again: bool) -> Option<Place<'_>> {
        let mut waiters = self.waiters();
        if !again {
            waiters.retain(|waiter| !waiter.sender.is_closed());
            if waiters.len() >= most as usize {
                self.count.store(waiters.len() as u32, Ordering::Release);
                return None;
            }
        }
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter { worker: this_worker(), sender };
        if again {
            waiters.push_front(waiter)
        } else {
            waiters.push_back(waiter)
        }
        self.count.store(waiters.len() as u32, Ordering::Release);
        Some(Place { queue: self, receiver })
    }

    /// Whether whoever has waited longest is of this thread: then an idle connection can be handed over as it is.
    pub(crate) fn first_is_here(&self) -> bool {
        let mut waiters = self.waiters();
        while waiters.front().is_some_and(|waiter| waiter.sender.is_closed()) {
            waiters.pop_front();
        }
        self.count.store(waiters.len() as u32, Ordering::Release);
        waiters.front().is_some_and(|waiter| waiter.worker == this_worker())
    }

    /// Wakes whoever has waited longest and still does.
    pub(crate) fn wake_first(&self, mut grant: Grant) {
        let mut waiters = self.waiters();
        while let Some(waiter) = waiters.pop_front() {
            match waiter.sender.send(grant) {
                Ok(()) => break,
                Err(back) => grant = back,
            }
        }
        self.count.store(waiters.len() as u32, Ordering::Release);
    }

    pub(crate) fn wake_all(&self) {
        if self.waiting() == 0 {
            return;
        }
        let all = std::mem::take(&mut *self.waiters());
        self.count.store(0, Ordering::Release);
        for waiter in all {
            // One that has given up meanwhile needs no word.
            drop(waiter.sender.send(Grant::Changed));
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
