//! After a 101: a connection on one side, pieces to and from a handler on the other.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use glorieta_core::Moment;
use glorieta_net::{Stream, Timer};
use tokio::io::AsyncWrite;
use tokio::net::UnixStream;

use super::call::Call;
use super::flow::{Inflow, Line, Outflow};

/// What a handler reads and writes.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub line: &'a Line,
    pub inflow: &'a Inflow,
    pub outflow: &'a Outflow,
}

/// Whether the other end of a tunnel is still there.
#[derive(Default)]
pub(super) struct Presence {
    gone: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A client's tunnel to a handler. Dropped when the client's side has ended: the handler gets what had come before,
/// and its request is cancelled if it has not ended by itself.
pub struct Tunnel {
    presence: Rc<Presence>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.presence.gone.set(true);
        let waiting = self.presence.waker.borrow_mut().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl Tunnel {
    /// Begins to pass bytes; the stream is the client's side.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(super) fn open(call: Call, inflow: Rc<Inflow>) -> io::Result<(Tunnel, Stream)> {
        let (inside, outside) = UnixStream::pair()?;
        let presence: Rc<Presence> = Rc::default();
        let tunnel = Tunnel { presence: presence.clone() };
        tokio::task::spawn_local(async move {
            let ends = Ends { line: &call.line, inflow: &inflow, outflow: &call.talk.outflow };
            pump(Stream::Unix(inside), Bytes::new(), ends, None, Some(&presence)).await;
        });
        Ok((tunnel, Stream::Unix(outside)))
    }
}

/// Passes bytes in both directions until both have ended, one is broken, nothing has moved for `idle`, or the other
/// end is gone. `leftover` came with the head.
pub(super) async fn pump(
    stream: Stream,
    leftover: Bytes,
    ends: Ends<'_>,
    idle: Option<Duration>,
    presence: Option<&Presence>,
) {
    let mut pump = Pump {
        stream,
        ends,
        read: leftover,
        written: Bytes::new(),
        inward: true,
        outward: true,
        starved: false,
        moved: 0,
    };
    let (timer, mut seen) = (Timer::new(), u64::MAX);
    poll_fn(|cx| {
        if let Some(presence) = presence {
            presence.waker.replace(Some(cx.waker().clone()));
        }
        if pump.poll(cx).is_err() || !(pump.inward || pump.outward) {
            return Poll::Ready(());
        }
        // What had come before is read to its end first, as far as the handler wants it.
        if presence.is_some_and(|presence| presence.gone.get()) && (pump.starved || !pump.inward) {
            return Poll::Ready(());
        }
        let Some(idle) = idle else { return Poll::Pending };
        if seen != pump.moved {
            seen = pump.moved;
            timer.arm(Moment::now().plus(idle));
        }
        timer.poll(cx)
    })
    .await;
}

struct Pump<'a> {
    stream: Stream,
    ends: Ends<'a>,
    /// Read from the stream, and not yet sent to the handler; and the other way.
    read: Bytes,
    written: Bytes,
    /// Whether the stream, and whether the handler, has not ended its direction.
    inward: bool,
    outward: bool,
    /// Whether the handler wants no more at the moment.
    starved: bool,
    moved: u64,
}

/// The stream is broken, or the handler has failed.
struct Cut;

impl Pump<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), Cut> {
        while self.inward && self.poll_inward(cx)?.is_ready() {}
        while self.outward && self.poll_outward(cx)?.is_ready() {}
        Ok(())
    }

    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Cut> {
        let Ends { line, outflow, .. } = self.ends;
        let room = outflow.poll_room(cx, line);
        self.starved = room.is_pending();
        let Poll::Ready(room) = room else { return Ok(Poll::Pending) };
        if self.read.is_empty() {
            let mut buffer = BytesMut::with_capacity(room);
            match self.stream.poll_read_into(cx, &mut buffer, room) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Err(_)) => return Err(Cut),
                Poll::Ready(Ok(0)) => {
                    self.inward = false;
                    outflow.finish(line);
                    return Ok(Poll::Ready(()));
                }
                Poll::Ready(Ok(_)) => self.read = buffer.freeze(),
            }
        }
        let piece = self.read.split_to(room.min(self.read.len()));
        self.moved += piece.len() as u64;
        outflow.send(line, piece);
        Ok(Poll::Ready(()))
    }

    fn poll_outward(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Cut> {
        let Ends { line, inflow, .. } = self.ends;
        if self.written.is_empty() {
            match inflow.poll_piece(cx, line) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(Ok(piece))) => self.written = piece,
                Poll::Ready(Some(Err(_))) => return Err(Cut),
                Poll::Ready(None) => {
                    return match Pin::new(&mut self.stream).poll_shutdown(cx) {
                        Poll::Pending => Ok(Poll::Pending),
                        Poll::Ready(Err(_)) => Err(Cut),
                        Poll::Ready(Ok(())) => {
                            self.outward = false;
                            Ok(Poll::Ready(()))
                        }
                    };
                }
            }
        }
        match Pin::new(&mut self.stream).poll_write(cx, &self.written) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(count)) if count > 0 => {
                self.written.advance(count);
                self.moved += count as u64;
                Ok(Poll::Ready(()))
            }
            Poll::Ready(_) => Err(Cut),
        }
    }
}
