//! The sockets of one address, of which each worker reads one.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

/// The UDP sockets of an address, one for each worker.
///
/// The kernel leads a client's datagrams to one of them by a hash of both ends, for as long as there are as many of
/// them. So they are closed together, once nobody keeps the group any more: a worker that has nothing left to do there
/// keeps its place until all others have come to their end.
#[derive(Debug)]
pub struct Group {
    sockets: Box<[UdpSocket]>,
    resting: Box<[AtomicBool]>,
}

impl Group {
    pub(crate) fn new(sockets: Vec<UdpSocket>) -> Group {
        let resting = sockets.iter().map(|_| AtomicBool::new(false)).collect();
        Group { sockets: sockets.into(), resting }
    }

    /// How many workers it is for.
    pub fn workers(&self) -> usize {
        self.sockets.len()
    }

    /// A worker's socket, as a descriptor of its own.
    ///
    /// # Errors
    /// There are no more descriptors, or no such worker.
    pub fn socket(&self, worker: usize) -> io::Result<UdpSocket> {
        self.sockets.get(worker).ok_or(io::ErrorKind::InvalidInput)?.try_clone()
    }

    /// A worker has nothing left to do here; whether that is so of all.
    pub fn rests(&self, worker: usize) -> bool {
        self.mark(worker, true);
        self.resting.iter().all(|resting| resting.load(Ordering::Acquire))
    }

    /// A worker has something to do here again.
    pub fn works(&self, worker: usize) {
        self.mark(worker, false);
    }

    fn mark(&self, worker: usize, rests: bool) {
        if let Some(resting) = self.resting.get(worker) {
            resting.store(rests, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_once_all_do() {
        let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let group = Group::new(vec![socket(), socket()]);
        assert!(!group.rests(0) && !group.rests(0));
        assert!(group.rests(1));
        group.works(0);
        assert!(!group.rests(1) && group.rests(0));
        let own = group.sockets[1].local_addr().unwrap();
        assert_eq!(group.socket(1).unwrap().local_addr().unwrap(), own);
        assert!(group.workers() == 2 && group.socket(2).is_err());
    }
}
