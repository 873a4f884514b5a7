//! A stream of HTTP/2 and another connection, joined byte for byte: each side's end is passed on after its last byte
//! (half-close), and a reset as a reset.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use glorieta_core::Moment;
use glorieta_net::{End, Stream, Timer, TunnelReport};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::AsyncWrite;

/// Room for what is read at once; held only while bytes are on their way.
const READ: usize = 16 << 10;
/// Pieces passed on in one turn before others get theirs.
const PIECES_PER_TURN: u32 = 64;

pub struct Tunnel {
    receive: RecvStream,
    send: SendStream<Bytes>,
    upstream: Stream,
    /// From the client, and not yet taken by the other side.
    inward: Bytes,
    /// To the client, and not yet sent.
    outward: Bytes,
    client_ended: bool,
    /// Whether the client's end has been passed on.
    inward_over: bool,
    outward_over: bool,
    report: TunnelReport,
    idle: Duration,
    timer: Timer,
    /// What had moved when the timer was armed.
    seen: u64,
}

impl Tunnel {
    pub fn new(
        receive: RecvStream,
        send: SendStream<Bytes>,
        upstream: Stream,
        leftover: Bytes,
        idle: Duration,
    ) -> Tunnel {
        Tunnel {
            receive,
            send,
            upstream,
            inward: Bytes::new(),
            outward: leftover,
            client_ended: false,
            inward_over: false,
            outward_over: false,
            report: TunnelReport { bytes_in: 0, bytes_out: 0, end: End::Closed },
            idle,
            timer: Timer::new(),
            seen: u64::MAX,
        }
    }

    pub fn report(&self, end: End) -> TunnelReport {
        TunnelReport { end, ..self.report }
    }

    /// Ready once both directions have ended, or nothing has moved for too long.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let inward = self.poll_inward(cx);
        let outward = match inward {
            Poll::Ready(Err(_)) => Poll::Pending,
            _ => self.poll_outward(cx),
        };
        if let (Poll::Ready(Err(end)), _) | (_, Poll::Ready(Err(end))) = (inward, outward) {
            self.cut();
            return Poll::Ready(end);
        }
        if self.inward_over && self.outward_over {
            return Poll::Ready(End::Closed);
        }
        let moved = self.report.bytes_in + self.report.bytes_out;
        if moved != self.seen && !self.idle.is_zero() {
            self.seen = moved;
            self.timer.arm(Moment::now().plus(self.idle));
        }
        ready!(self.timer.poll(cx));
        self.cut();
        Poll::Ready(End::Idle)
    }

    /// Neither side may take what it has for all there was.
    fn cut(&mut self) {
        if !self.outward_over {
            self.send.send_reset(Reason::CANCEL);
        }
        if !self.inward_over {
            self.upstream.reset_on_close();
        }
    }

    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        for _ in 0..PIECES_PER_TURN {
            if self.inward_over {
                return Poll::Ready(Ok(()));
            }
            if !self.inward.is_empty() {
                let written = ready!(Pin::new(&mut self.upstream).poll_write(cx, &self.inward));
                let count = written.map_err(|_| End::UpstreamError)?;
                self.inward.advance(count);
                self.report.bytes_in += count as u64;
                // It fails where the stream is over, and then nothing is owed.
                let _ = self.receive.flow_control().release_capacity(count);
                continue;
            }
            if self.client_ended {
                // What the other side does not take any more it will say itself.
                let _ = ready!(Pin::new(&mut self.upstream).poll_shutdown(cx));
                self.inward_over = true;
                continue;
            }
            match ready!(self.receive.poll_data(cx)) {
                Some(Ok(bytes)) => self.inward = bytes,
                Some(Err(_)) => return Poll::Ready(Err(End::ClientError)),
                None => self.client_ended = true,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_outward(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        for _ in 0..PIECES_PER_TURN {
            if self.outward_over {
                return Poll::Ready(Ok(()));
            }
            if self.outward.is_empty() {
                // An idle tunnel holds no buffer, and none of the connection's window.
                let readable = self.upstream.poll_readable(cx);
                if readable.is_pending() {
                    return self.send.poll_reset(cx).map(|_| Err(End::ClientError));
                }
                let mut buffer = BytesMut::with_capacity(READ);
                let read = ready!(self.upstream.poll_read_into(cx, &mut buffer, READ));
                if read.map_err(|_| End::UpstreamError)? == 0 {
                    self.outward_over = true;
                    self.send.send_data(Bytes::new(), true).map_err(|_| End::ClientError)?;
                    continue;
                }
                self.outward = buffer.freeze();
            }
            self.send.reserve_capacity(self.outward.len());
            let room = self.send.capacity();
            if room == 0 {
                match ready!(self.send.poll_capacity(cx)) {
                    Some(Ok(_)) => continue,
                    _ => return Poll::Ready(Err(End::ClientError)),
                }
            }
            let piece = self.outward.split_to(room.min(self.outward.len()));
            self.report.bytes_out += piece.len() as u64;
            self.send.send_data(piece, false).map_err(|_| End::ClientError)?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
