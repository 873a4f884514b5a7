//! A desk with the other ends of its links in the same process: what a handler process would do is done by the test.

mod answers;
mod bodies;
mod ends;
mod lingering;
mod nonsense;
mod silences;
mod tunnels;
mod upstreams;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;
use glorieta_carrier::{Answer, Broken, Event, FromHandler, Link, Memory, Side, Start, ToHandler};
use glorieta_core::{Body, Error, Frame, Moment, Response};
use glorieta_net::timer;
use tokio::task::{JoinHandle, spawn_local};

use super::*;
use crate::metrics::Registry;

/// Runs on a runtime like a worker's, timers included; what takes longer than this hangs.
fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        spawn_local(timer::drive());
        tokio::time::timeout(Duration::from_secs(20), work).await.expect("it hangs")
    })
}

/// Long enough to never matter.
const PATIENCE: Duration = Duration::from_secs(60);

/// A handler that calls nothing, and as its Plan says it otherwise.
fn handler(change: impl FnOnce(&mut Handler)) -> Arc<Handler> {
    let mut handler = Handler {
        id: "app".into(),
        generation: "one".into(),
        calls: Vec::new(),
        hashes: false,
        queue: 8,
        queue_timeout: PATIENCE,
        background: PATIENCE,
        tunnel: PATIENCE,
        series: Registry::new(1).handler("app"),
        waiting: AtomicU32::new(0),
    };
    change(&mut handler);
    Arc::new(handler)
}

struct House {
    roster: Arc<Roster>,
    desk: Rc<Desk>,
}

impl House {
    fn new() -> House {
        let roster = Arc::new(Roster::new(1));
        let desk = Desk::open(&roster, 0).unwrap();
        House { roster, desk }
    }

    /// Starts a process of that generation.
    fn process(&self, generation: &str) -> Fake {
        let doors = self.roster.announce(&["app".to_owned()], generation).unwrap();
        let memory = Arc::new(Memory::open(doors.memory).unwrap());
        let worker = doors.workers.into_iter().next().unwrap();
        let link = Link::new(&memory, 0, Side::Handler, Arc::new(Event::from(worker))).unwrap();
        let process = self.roster.ready(doors.process).unwrap();
        self.desk.join(process.clone());
        Fake { process, link: RefCell::new(link) }
    }

    /// Sends a request; `GET /` without a body, if nothing else is said.
    fn ask(&self, handler: &Arc<Handler>) -> JoinHandle<Result<Answered, Error>> {
        self.ask_with(handler, Body::Empty, None)
    }

    fn ask_with(
        &self,
        handler: &Arc<Handler>,
        body: Body,
        deadline: Option<Moment>,
    ) -> JoinHandle<Result<Answered, Error>> {
        let (desk, handler) = (self.desk.clone(), handler.clone());
        spawn_local(async move { call(&desk, &handler, asked(), body, deadline).await })
    }

    fn has_ended(&self, process: &Fake) {
        self.roster.remove(process.process.id);
        self.desk.part(process.process.id);
    }
}

fn asked() -> Asked {
    let text = Bytes::from_static;
    Asked {
        start: Start {
            route: 3,
            deadline_ms: 0,
            method: text(b"GET"),
            path: text(b"/"),
            query: text(b""),
            protocol: text(b"http/1.1"),
            scheme: text(b"http"),
            client: text(b"192.0.2.1"),
            request_id: text(b"id"),
            parameters: Vec::new(),
            headers: Vec::new(),
            body: glorieta_carrier::Body::Empty,
        },
        authority: b"shop.example".to_vec(),
        keys: Vec::new(),
        upgrade: true,
        first_byte: PATIENCE,
        tries: Rc::default(),
    }
}

/// A handler process, played by the test.
struct Fake {
    process: Arc<Process>,
    link: RefCell<Link>,
}

impl Fake {
    /// The next message.
    async fn receive(&self) -> ToHandler {
        loop {
            if let Some(message) = self.next() {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The next message, if there is one.
    fn next(&self) -> Option<ToHandler> {
        let mut link = self.link.borrow_mut();
        let message = link.receive().unwrap();
        if message.is_none() {
            link.sleep().unwrap();
        }
        message.map(|message| ToHandler::decode(message).unwrap())
    }

    fn send(&self, message: FromHandler) {
        self.send_bytes(message.encode());
    }

    fn send_bytes(&self, message: Vec<u8>) {
        let mut link = self.link.borrow_mut();
        link.send(message).unwrap();
        link.wake();
    }

    /// The number of the request that begins.
    async fn begun(&self) -> (u32, Start) {
        match self.receive().await {
            ToHandler::Start { call, start } => (call, *start),
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self, call: u32, body: glorieta_carrier::Body) {
        self.answer_as(call, 200, &[], body);
    }

    fn answer_as(&self, call: u32, status: u16, headers: &[(&str, &str)], body: glorieta_carrier::Body) {
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let headers = headers.iter().map(|(name, value)| (text(name), text(value))).collect();
        self.send(FromHandler::Answer { call, answer: Box::new(Answer { status, headers, body }) });
    }

    fn piece(&self, call: u32, data: &[u8], last: bool) {
        self.send(FromHandler::AnswerBody { call, data: Bytes::copy_from_slice(data), last });
    }

    /// Reads past credit until something else comes.
    async fn receive_but_credit(&self) -> ToHandler {
        loop {
            match self.receive().await {
                ToHandler::Credit { .. } | ToHandler::CallCredit { .. } => {}
                other => return other,
            }
        }
    }
}

fn full(text: &'static str) -> glorieta_carrier::Body {
    glorieta_carrier::Body::Full(Bytes::from_static(text.as_bytes()))
}

async fn response(asking: JoinHandle<Result<Answered, Error>>) -> Response {
    match asking.await.unwrap().unwrap() {
        Answered::Response(response, _) => response,
        Answered::Switched { .. } => panic!("switched"),
    }
}

async fn error(asking: JoinHandle<Result<Answered, Error>>) -> Error {
    match asking.await.unwrap() {
        Err(error) => error,
        Ok(_) => panic!("answered"),
    }
}

/// Everything of a body.
async fn read(body: &mut Body) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) => whole.extend_from_slice(&data),
            Frame::Trailers(_) => {}
        }
    }
    Ok(whole)
}

/// Lets all other tasks run for a while, to see that nothing comes of it.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Waits until something has become true.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn soon(milliseconds: u64) -> Option<Moment> {
    Some(Moment::now().plus_millis(milliseconds))
}

fn broken(house: &House) -> Vec<(u64, &'static str)> {
    let _: fn(&'static str) -> Broken = Broken;
    house.roster.take_troubles()
}
