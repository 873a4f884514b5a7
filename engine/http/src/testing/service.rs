//! A service by script, and what became of the requests that it answered.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Body, Error, Exchange, Kind, Moment, Peer, RequestHead, Response};
use glorieta_net::TunnelReport;

use super::collect;
use crate::service::{Record, Reply, Service, Settings};

pub(crate) const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

/// What became of a request, as its record was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Out(u64),
    Failed(Kind),
    Instead(Kind),
    Tunnelled(u64, u64),
    /// The record is written down.
    Over,
}

pub(crate) type Story = Rc<RefCell<Vec<Told>>>;

pub(crate) struct Note(pub Story);

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

pub(crate) type Serving = Pin<Box<dyn Future<Output = Reply<Note>>>>;
pub(crate) type Handler = Box<dyn FnOnce(Exchange, Note) -> Serving>;

/// Answers each request by the next handler of its script.
pub(crate) struct Scripted {
    pub settings: Settings,
    pub handlers: RefCell<VecDeque<Handler>>,
    pub story: Story,
    pub closing: Rc<Cell<bool>>,
    /// How often the connection began and ceased to wait.
    pub rests: Rc<Cell<(u32, u32)>>,
    /// Why the connection was ended, where no request was to blame.
    pub broken: Rc<RefCell<Vec<Kind>>>,
    /// Why there was no request.
    pub refused: Rc<RefCell<Vec<Kind>>>,
}

impl Scripted {
    pub(crate) fn new(settings: Settings, handlers: impl IntoIterator<Item = Handler>) -> Scripted {
        Scripted {
            settings,
            handlers: RefCell::new(handlers.into_iter().collect()),
            story: Story::default(),
            closing: Rc::default(),
            rests: Rc::default(),
            broken: Rc::default(),
            refused: Rc::default(),
        }
    }
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
        self.refused.borrow_mut().push(error.kind);
        (full(error.kind.status(), error.kind.reason()), Note(self.story.clone()))
    }

    fn broken(&self, _: &Peer, _: Moment, error: &Error) {
        self.broken.borrow_mut().push(error.kind);
    }

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

pub(crate) fn full(status: u16, text: &str) -> Response {
    Response { body: Body::Full(Bytes::copy_from_slice(text.as_bytes())), ..Response::new(status) }
}

/// A handler that has something to wait for.
pub(crate) fn handler<F: Future<Output = Response> + 'static>(serve: impl FnOnce(Exchange) -> F + 'static) -> Handler {
    Box::new(|exchange, note| {
        let serving = serve(exchange);
        Box::pin(async { Reply::Answer(serving.await, note) })
    })
}

/// A handler that looks neither at the request nor at its body.
pub(crate) fn answer(response: Response) -> Handler {
    handler(|_| async { response })
}

pub(crate) fn ok(text: &str) -> Handler {
    answer(full(200, text))
}

/// Answers with the request's path and body, or what its body failed with.
pub(crate) fn echo() -> Handler {
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

/// Waits until something has become true.
pub(crate) async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
