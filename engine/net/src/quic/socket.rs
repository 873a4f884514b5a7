//! A worker's UDP socket, as `quinn` reads it.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::exchange::Exchange;
use super::ids::owner_of_datagram;

/// Reads what is this worker's, wherever it came in, and passes on what is not.
#[derive(Debug)]
pub(super) struct SharedSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    exchange: Arc<Exchange>,
    worker: usize,
    /// Which of the box's readers this is.
    reader: u64,
}

impl SharedSocket {
    pub fn new(inner: Arc<dyn AsyncUdpSocket>, exchange: Arc<Exchange>, worker: usize) -> SharedSocket {
        let reader = exchange.open(worker);
        SharedSocket { inner, exchange, worker, reader }
    }

    /// The other worker that a datagram is for.
    fn other(&self, datagram: &[u8]) -> Option<usize> {
        owner_of_datagram(datagram).map(usize::from).filter(|&owner| owner != self.worker)
    }

    /// Passes on what is another's of a batch of datagrams, all from one address and of one size. Mixed ones are
    /// parted: what is left of them is then read from the own box.
    fn sort(&self, meta: &mut RecvMeta, batch: &[u8]) {
        let stride = meta.stride.max(1);
        if batch.chunks(stride).all(|datagram| self.other(datagram).is_none()) {
            return;
        }
        let about = *meta;
        for datagram in batch.chunks(stride) {
            let about = RecvMeta { len: datagram.len(), stride: datagram.len(), ..about };
            let passed = self.other(datagram).is_some_and(|owner| self.exchange.put(owner, about, datagram));
            if !passed {
                self.exchange.put(self.worker, about, datagram);
            }
        }
        // Nothing of it is read here.
        meta.len = 0;
    }
}

impl AsyncUdpSocket for SharedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.exchange.is_alone() {
            return self.inner.poll_recv(cx, buffers, meta);
        }
        let taken = self.exchange.take(self.worker, cx, buffers, meta);
        if taken > 0 {
            return Poll::Ready(Ok(taken));
        }
        let received = ready!(self.inner.poll_recv(cx, buffers, meta))?;
        for (meta, buffer) in meta.iter_mut().zip(buffers).take(received) {
            let length = meta.len.min(buffer.len());
            self.sort(meta, &buffer[..length]);
        }
        Poll::Ready(Ok(received))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

impl Drop for SharedSocket {
    fn drop(&mut self) {
        self.exchange.close(self.worker, self.reader);
    }
}
