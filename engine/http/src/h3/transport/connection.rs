//! A connection: its streams as they come, and those that are opened towards the client.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use glorieta_core::{Error, Kind};
use h3::error::Code;
use h3::quic::{self, BidiStream, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ConnectionError, RecvStream, SendStream, VarInt};

use super::receiver::{OneWay, Receiver};
use super::sender::Sender;
use super::state::StreamState;
use super::{code, lost, stream_lost};

/// What a client may say besides requests when its connection begins: settings, and what means nothing to us.
const FIRST_WORDS: u64 = 64 << 10;
/// And with each request, such as its priority (RFC 9218).
const WORDS_PER_REQUEST: u64 = 1 << 10;

type Wait<T> = Option<Pin<Box<dyn Future<Output = Result<T, ConnectionError>>>>>;

/// What a connection's driver shares with its streams.
pub struct Shared {
    pub connection: quinn::Connection,
    /// The longest encoded head.
    pub longest_head: usize,
    /// What may still come on streams of one direction.
    words: Cell<u64>,
    /// Requests of this number and above are refused: the client was told so.
    refuse_from: Cell<u64>,
    /// The number after that of the last request that was taken.
    next_request: Cell<u64>,
    /// What the client was sent away for by its streams.
    violation: Cell<Option<Code>>,
    /// The stream that was taken last, until its request's task is there.
    taken: RefCell<Option<Rc<StreamState>>>,
}

impl Shared {
    pub fn new(connection: quinn::Connection, longest_head: usize) -> Rc<Shared> {
        Rc::new(Shared {
            connection,
            longest_head,
            words: Cell::new(FIRST_WORDS),
            refuse_from: Cell::new(u64::MAX),
            next_request: Cell::new(0),
            violation: Cell::new(None),
            taken: RefCell::default(),
        })
    }

    /// Takes no request any more that has not been taken yet. They may be sent elsewhere (RFC 9114 §4.1.1).
    pub fn refuse_from_now(&self) {
        self.refuse_from.set(self.next_request.get());
    }

    pub fn has_taken_any(&self) -> bool {
        self.next_request.get() > 0
    }

    /// What belongs to the request that `h3` has just handed out.
    pub fn take(&self) -> Option<Rc<StreamState>> {
        self.taken.borrow_mut().take()
    }

    pub fn close(&self, with: Code, reason: &str) {
        self.connection.close(code(with), reason.as_bytes());
    }

    /// Sends the client away.
    pub(super) fn violated(&self, with: Code) -> ConnectionErrorIncoming {
        self.violation.set(Some(with));
        self.close(with, "");
        lost(ConnectionError::LocallyClosed)
    }

    /// What the client was sent away for by its streams.
    pub fn broken(&self) -> Option<Error> {
        let code = self.violation.get()?;
        let kind = if code == Code::H3_EXCESSIVE_LOAD { Kind::Flood } else { Kind::ProtocolBroken };
        Some(Error::new(kind).with_detail(code.to_string()))
    }

    /// Counts what came on a stream of one direction.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), ConnectionErrorIncoming> {
        let Some(left) = self.words.get().checked_sub(bytes as u64) else {
            return Err(self.violated(Code::H3_EXCESSIVE_LOAD));
        };
        self.words.set(left);
        Ok(())
    }

    fn admit(&self, send: &SendStream) -> bool {
        let id = VarInt::from(send.id()).into_inner();
        if id >= self.refuse_from.get() {
            return false;
        }
        self.next_request.set(self.next_request.get().max(id + 4));
        self.words.set(self.words.get().saturating_add(WORDS_PER_REQUEST).min(FIRST_WORDS));
        true
    }
}

/// The connection that `h3` is given.
pub struct Transport {
    shared: Rc<Shared>,
    requests: Wait<(SendStream, RecvStream)>,
    one_way: Wait<RecvStream>,
    opening: Wait<SendStream>,
}

impl Transport {
    pub fn new(shared: Rc<Shared>) -> Transport {
        Transport { shared, requests: None, one_way: None, opening: None }
    }
}

/// Polls what is waited for, beginning anew once it has come.
fn poll_wait<T, F>(
    wait: &mut Wait<T>,
    connection: &quinn::Connection,
    begin: impl FnOnce(quinn::Connection) -> F,
    cx: &mut Context<'_>,
) -> Poll<Result<T, ConnectionError>>
where
    F: Future<Output = Result<T, ConnectionError>> + 'static,
{
    let waiting = wait.get_or_insert_with(|| Box::pin(begin(connection.clone())));
    let come = ready!(waiting.as_mut().poll(cx));
    *wait = None;
    Poll::Ready(come)
}

impl quic::Connection<Bytes> for Transport {
    type RecvStream = OneWay;
    type OpenStreams = Opener;

    fn poll_accept_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<OneWay, ConnectionErrorIncoming>> {
        let begin = |connection: quinn::Connection| async move { connection.accept_uni().await };
        let come = ready!(poll_wait(&mut self.one_way, &self.shared.connection, begin, cx));
        Poll::Ready(come.map(|stream| OneWay::new(stream, self.shared.clone())).map_err(lost))
    }

    fn poll_accept_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Both, ConnectionErrorIncoming>> {
        loop {
            let begin = |connection: quinn::Connection| async move { connection.accept_bi().await };
            let come = ready!(poll_wait(&mut self.requests, &self.shared.connection, begin, cx));
            let (mut send, mut receive) = come.map_err(lost)?;
            if !self.shared.admit(&send) {
                // Both may have ended already.
                let _ = send.reset(code(Code::H3_REQUEST_REJECTED));
                let _ = receive.stop(code(Code::H3_REQUEST_REJECTED));
                continue;
            }
            let state = Rc::new(StreamState::new(&send));
            *self.shared.taken.borrow_mut() = Some(state.clone());
            let receiver = Receiver::new(receive, self.shared.clone(), state.clone());
            return Poll::Ready(Ok(Both { sender: Sender::new(send, state), receiver }));
        }
    }

    fn opener(&self) -> Opener {
        Opener { shared: self.shared.clone(), opening: None }
    }
}

impl quic::OpenStreams<Bytes> for Transport {
    type BidiStream = Both;
    type SendStream = Sender;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Both, StreamErrorIncoming>> {
        Poll::Ready(Err(no_requests_of_ours()))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sender, StreamErrorIncoming>> {
        poll_open(&mut self.opening, &self.shared, cx)
    }

    fn close(&mut self, with: Code, reason: &[u8]) {
        self.shared.connection.close(code(with), reason);
    }
}

/// Opens streams apart from the connection; `h3` asks for one, and a server does not use it.
pub struct Opener {
    shared: Rc<Shared>,
    opening: Wait<SendStream>,
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = Both;
    type SendStream = Sender;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Both, StreamErrorIncoming>> {
        Poll::Ready(Err(no_requests_of_ours()))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sender, StreamErrorIncoming>> {
        poll_open(&mut self.opening, &self.shared, cx)
    }

    fn close(&mut self, with: Code, reason: &[u8]) {
        self.shared.connection.close(code(with), reason);
    }
}

fn poll_open(
    opening: &mut Wait<SendStream>,
    shared: &Rc<Shared>,
    cx: &mut Context<'_>,
) -> Poll<Result<Sender, StreamErrorIncoming>> {
    let begin = |connection: quinn::Connection| async move { connection.open_uni().await };
    let come = ready!(poll_wait(opening, &shared.connection, begin, cx));
    let sender = |stream: SendStream| {
        let state = Rc::new(StreamState::new(&stream));
        Sender::new(stream, state)
    };
    Poll::Ready(come.map(sender).map_err(stream_lost))
}

/// A server asks its clients nothing (RFC 9114 §6.1).
fn no_requests_of_ours() -> StreamErrorIncoming {
    stream_lost(ConnectionError::LocallyClosed)
}

/// Both directions of a request's stream.
pub struct Both {
    sender: Sender,
    receiver: Receiver,
}

impl BidiStream<Bytes> for Both {
    type SendStream = Sender;
    type RecvStream = Receiver;

    fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

impl quic::RecvStream for Both {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receiver.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.receiver.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.receiver.recv_id()
    }
}

impl quic::SendStream<Bytes> for Both {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sender.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.sender.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sender.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.sender.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.sender.send_id()
    }
}
