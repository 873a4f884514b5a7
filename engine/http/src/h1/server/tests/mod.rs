//! A client's connection, over real sockets: the client is the test, and answers come from a service by script.

mod bodies;
mod cancelling;
mod closing;
mod framing;
mod keeping;
mod limits;
mod relaying;
mod switching;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;

use bytes::Bytes;
use glorieta_core::{Error, Peer, Response, ResponseHead, Scheme};
use glorieta_net::{Timer, TunnelReport, timer::Alarm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::*;
use crate::h1::codec::Limits;
use crate::serve_connection;
use crate::testing::{
    PATIENCE, Script, Step, collect, on_worker, pattern, read_all, read_bytes, read_head, reset, settings, tcp_pair,
};

const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

/// What became of a request, as its record was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Out(u64),
    Failed(Kind),
    Instead(Kind),
    Tunnelled(u64, u64),
    /// The record is written down.
    Over,
}

type Story = Rc<RefCell<Vec<Told>>>;

struct Note(Story);

impl Record for Note {
    fn bytes_out(&mut self, bytes: u64) {
        self.0.borrow_mut().push(Told::Out(bytes));
    }

    fn fail(&mut self, error: &Error) {
        self.0.borrow_mut().push(Told::Failed(error.kind));
    }

    fn instead(&mut self, error: &Error) -> Response {
        self.0.borrow_mut().push(Told::Instead(error.kind));
        full(error.kind.status(), "instead")
    }

    fn tunnelled(&mut self, report: &TunnelReport) {
        self.0.borrow_mut().push(Told::Tunnelled(report.bytes_in, report.bytes_out));
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.0.borrow_mut().push(Told::Over);
    }
}

type Serving = Pin<Box<dyn Future<Output = Reply<Note>>>>;
type Handler = Box<dyn FnOnce(Exchange, Note) -> Serving>;

/// Answers each request by the next handler of its script.
struct Scripted {
    settings: Settings,
    handlers: RefCell<VecDeque<Handler>>,
    story: Story,
    closing: Rc<Cell<bool>>,
    /// How often the connection began and ceased to wait.
    rests: Rc<Cell<(u32, u32)>>,
}

impl Service for Scripted {
    type Record = Note;

    fn settings(&self) -> Rc<Settings> {
        Rc::new(self.settings)
    }

    fn serve(&self, exchange: Exchange) -> impl Future<Output = Reply<Note>> {
        let handler = self.handlers.borrow_mut().pop_front().expect("a request that is not in the script");
        handler(exchange, Note(self.story.clone()))
    }

    fn refuse(&self, _: &Peer, _: RequestHead, _: Moment, error: Error) -> (Response, Note) {
        (full(error.kind.status(), error.kind.reason()), Note(self.story.clone()))
    }

    fn broken(&self, _: &Peer, _: Moment, _: &Error) {}

    fn is_closing(&self) -> bool {
        self.closing.get()
    }

    fn date(&self) -> [u8; 29] {
        *DATE
    }

    fn became_idle(&self) {
        let (began, ceased) = self.rests.get();
        self.rests.set((began + 1, ceased));
    }

    fn ceased_idle(&self) {
        let (began, ceased) = self.rests.get();
        self.rests.set((began, ceased + 1));
    }
}

fn full(status: u16, text: &str) -> Response {
    Response { body: Body::Full(Bytes::copy_from_slice(text.as_bytes())), ..Response::new(status) }
}

/// A handler that has something to wait for.
fn handler<F: Future<Output = Response> + 'static>(serve: impl FnOnce(Exchange) -> F + 'static) -> Handler {
    Box::new(|exchange, note| {
        let serving = serve(exchange);
        Box::pin(async { Reply::Answer(serving.await, note) })
    })
}

/// A handler that looks neither at the request nor at its body.
fn answer(response: Response) -> Handler {
    handler(|_| async { response })
}

fn ok(text: &str) -> Handler {
    answer(full(200, text))
}

/// Answers with the request's path and body, or what its body failed with.
fn echo() -> Handler {
    handler(|mut exchange| async move {
        match collect(&mut exchange.body).await {
            Ok((data, trailers)) => {
                let path = String::from_utf8_lossy(exchange.head.path()).into_owned();
                full(200, &format!("{path} {}{trailers}", String::from_utf8_lossy(&data)))
            }
            Err(error) => full(error.kind.status(), error.kind.reason()),
        }
    })
}

/// A connection that is being served, seen from its client.
struct Served {
    client: TcpStream,
    story: Story,
    closing: Rc<Cell<bool>>,
    rests: Rc<Cell<(u32, u32)>>,
    alarm: Alarm,
    task: JoinHandle<()>,
}

async fn serve(handlers: impl IntoIterator<Item = Handler>) -> Served {
    serve_with(settings(), handlers).await
}

async fn serve_with(settings: Settings, handlers: impl IntoIterator<Item = Handler>) -> Served {
    let (inside, client) = tcp_pair().await;
    let service = Scripted {
        settings,
        handlers: RefCell::new(handlers.into_iter().collect()),
        story: Story::default(),
        closing: Rc::default(),
        rests: Rc::default(),
    };
    let (story, closing, rests) = (service.story.clone(), service.closing.clone(), service.rests.clone());
    let timer = Timer::new();
    let alarm = timer.alarm();
    let peer = Peer { address: None, client: None, scheme: Scheme::Http, trusted: false };
    let task = spawn_local(serve_connection(inside, timer, peer, service, None));
    Served { client, story, closing, rests, alarm, task }
}

impl Served {
    async fn send(&mut self, bytes: &str) {
        self.client.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Reads an answer with a length: its head, and its body.
    async fn answer(&mut self) -> (String, String) {
        let head = read_head(&mut self.client).await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |length| length.parse().unwrap());
        (head, String::from_utf8(read_bytes(&mut self.client, length).await).unwrap())
    }

    /// Sends a request and reads the body of its answer.
    async fn ask(&mut self, request: &str) -> String {
        self.send(request).await;
        self.answer().await.1
    }

    /// Closes the client's side and waits until the server's has ended; what was told of its requests.
    async fn ended(self) -> Vec<Told> {
        let Served { client, story, task, .. } = self;
        drop(client);
        task.await.unwrap();
        story.take()
    }
}

/// Waits until something has become true.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
