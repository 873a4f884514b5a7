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
    /// How many readers it has had; the last of them is the one that reads it.
    readers: u64,
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
        while taken < buffers.len().min(meta.len()) {
            let Some((about, datagram)) = letters.datagrams.pop_front() else { break };
            let Some(room) = buffers[taken].get_mut(..datagram.len()) else { continue };
            room.copy_from_slice(&datagram);
            meta[taken] = about;
            taken += 1;
        }
        if taken == 0 && !letters.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            letters.waker = Some(cx.waker().clone());
        }
        taken
    }

    /// A worker's box has a reader from now on, of this number.
    pub fn open(&self, worker: usize) -> u64 {
        let Some(mut letters) = self.letters(worker) else { return 0 };
        *letters = Letters { readers: letters.readers + 1, ..Letters::default() };
        letters.readers
    }

    /// Nobody reads a worker's box any more, unless another reader has come since.
    pub fn close(&self, worker: usize, reader: u64) {
        if let Some(mut letters) = self.letters(worker).filter(|letters| letters.readers == reader) {
            *letters = Letters { closed: true, readers: reader, ..Letters::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicUsize);

    impl Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn meta(length: usize) -> RecvMeta {
        RecvMeta { len: length, stride: length, ..RecvMeta::default() }
    }

    /// What lies in a box, taken out two at a time.
    fn taken(exchange: &Exchange, worker: usize, cx: &mut Context<'_>) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let (mut first, mut second) = ([0; 8], [0; 8]);
            let mut metas = [RecvMeta::default(); 2];
            let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            let count = exchange.take(worker, cx, &mut buffers, &mut metas);
            if count == 0 {
                return all;
            }
            all.extend(buffers.iter().zip(metas).take(count).map(|(buffer, meta)| buffer[..meta.len].to_vec()));
        }
    }

    #[test]
    fn a_box_wakes_its_worker_keeps_so_many_and_may_be_closed() {
        let (exchange, count) = (Exchange::new(2), std::sync::Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(!exchange.is_alone() && Exchange::new(1).is_alone());
        assert!(taken(&exchange, 1, &mut cx).is_empty());
        for number in 0..3u8 {
            assert!(exchange.put(1, meta(1), &[number]));
        }
        assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 1, "once for all that waits");
        assert_eq!(taken(&exchange, 1, &mut cx), [[0], [1], [2]]);
        assert!(taken(&exchange, 0, &mut cx).is_empty(), "it is nobody else's");
        assert!((0..2 * MOST).all(|_| exchange.put(1, meta(1), b"x")), "what is too much is dropped silently");
        assert_eq!(taken(&exchange, 1, &mut cx).len(), MOST);
        // What fits nowhere is dropped, as by a socket.
        assert!(exchange.put(1, meta(9), b"too large") && exchange.put(1, meta(1), b"x"));
        assert_eq!(taken(&exchange, 1, &mut cx).concat().len(), 1);
        let (first, second) = (exchange.open(1), exchange.open(1));
        exchange.close(1, first);
        assert!(exchange.put(1, meta(1), b"x"), "another reads it");
        exchange.close(1, second);
        assert!(!exchange.put(1, meta(1), b"x") && !exchange.put(7, meta(1), b"x"));
        exchange.open(1);
        assert!(exchange.put(1, meta(1), b"x"));
    }
}
