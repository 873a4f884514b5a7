//! What the tests of this crate share: a runtime like a worker's, upstreams of a few lines, and endpoints by script.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glorieta_core::{Body, Error, Frame, Kind, Moment, RequestHead};
use glorieta_net::timer;
use glorieta_net::tls::Absent;
use glorieta_plan as plan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::{Answer, CallContext, Endpoint, Host, Observer, Outcome, Progress, Timeouts, Upstream, call};

/// Long enough to never matter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs on a runtime like a worker's, timers included; what takes longer than this hangs.
pub(crate) fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        spawn_local(timer::drive());
        tokio::time::timeout(Duration::from_secs(30), work).await.expect("it hangs")
    })
}

/// Waits until something has become true.
pub(crate) async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An upstream of these endpoints, in this order, with everything that decides by itself switched off.
pub(crate) fn plan(addresses: &[&str]) -> plan::Upstream {
    plan::Upstream {
        id: "orders".to_owned(),
        endpoints: addresses
            .iter()
            .map(|address| plan::Endpoint { address: (*address).to_owned(), weight: 1 })
            .collect(),
        tls: None,
        proxy_protocol: None,
        version: plan::UpstreamVersion::H1,
        balance: plan::Balance::FirstAvailable,
        pool: plan::Pool { max_connections: 100, idle_ms: 60_000, max_age_ms: 3_600_000, max_streams: 100 },
        queue: plan::Queue { max: 100, timeout_ms: 60_000 },
        retry_budget: plan::RetryBudget { percent: 100, window_ms: 10_000, floor_per_second: 100, backoff_ms: 1 },
        health: None,
        outlier: None,
        panic_percent: 0,
        response_head_bytes: 65_536,
        response_header_count: 200,
    }
}

/// Keeps what it is told.
#[derive(Default)]
pub(crate) struct Recorder {
    pub tried: Mutex<Vec<Outcome>>,
    pub retried: Mutex<Vec<Kind>>,
}

impl Observer for Recorder {
    fn tried(&self, outcome: Outcome, _: u64) {
        self.tried.lock().unwrap().push(outcome);
    }

    fn retried(&self, because: Kind) {
        self.retried.lock().unwrap().push(because);
    }
}

pub(crate) fn build(plan: &plan::Upstream) -> Arc<Upstream> {
    build_observed(plan, &Arc::default())
}

pub(crate) fn build_observed(plan: &plan::Upstream, recorder: &Arc<Recorder>) -> Arc<Upstream> {
    let upstream = Upstream::build(plan, None, recorder.clone(), Absent::Wrong).unwrap();
    upstream.refresh();
    Arc::new(upstream)
}

pub(crate) fn endpoint(upstream: &Upstream, index: usize) -> Arc<Endpoint> {
    upstream.state.set().endpoints[index].clone()
}

/// Makes an endpoint look as after a failed active check.
pub(crate) fn take_down(upstream: &Upstream, index: usize) {
    endpoint(upstream, index).streak.observe(false, 1, 1);
    upstream.state.troubled.store(true, std::sync::atomic::Ordering::Relaxed);
}

pub(crate) fn bring_up(upstream: &Upstream, index: usize) {
    endpoint(upstream, index).streak.observe(true, 1, 1);
}

/// A port that is taken and at which nobody listens: connecting to it is refused.
pub(crate) struct Refusing {
    _held: tokio::net::TcpSocket,
    pub address: String,
}

impl Refusing {
    pub(crate) fn new() -> Refusing {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = socket.local_addr().unwrap().to_string();
        Refusing { _held: socket, address }
    }
}

/// A port at which connecting neither succeeds nor fails: its queue of connections is full.
pub(crate) struct Hanging {
    _listener: tokio::net::TcpListener,
    _queued: Vec<TcpStream>,
    pub address: String,
}

impl Hanging {
    pub(crate) async fn new() -> Hanging {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        Hanging { _listener: listener, _queued: queued, address: address.to_string() }
    }
}

/// What an endpoint does once it has read a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Answers 200 with this text.
    Say(&'static str),
    /// Answers with these bytes.
    Raw(&'static str),
    /// Answers 200 with this text after a while.
    Slow(Duration, &'static str),
    /// Closes the connection without an answer.
    Close,
    /// Keeps silent for ever.
    Hang,
}

/// A request as an endpoint saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The number of its connection, and its own on that connection.
    pub connection: usize,
    pub number: usize,
    pub head: String,
    pub body: String,
}

/// An endpoint that acts by script, as a task of the test.
#[derive(Clone)]
pub(crate) struct Server {
    pub address: String,
    pub seen: Rc<RefCell<Vec<Seen>>>,
    /// Connections whose end has been read.
    pub ended: Rc<Cell<usize>>,
}

impl Server {
    pub(crate) fn new(act: impl Fn(&Seen) -> Act + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server { address, seen: Rc::default(), ended: Rc::default() };
        let (running, act) = (server.clone(), Rc::new(act));
        spawn_local(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (running, act) = (running.clone(), act.clone());
                spawn_local(async move { running.serve(connection, stream, &*act).await });
            }
        });
        server
    }

    pub(crate) fn saying(text: &'static str) -> Server {
        Server::new(move |_| Act::Say(text))
    }

    async fn serve(&self, connection: usize, mut stream: TcpStream, act: &dyn Fn(&Seen) -> Act) {
        for number in 0.. {
            let Some((head, body)) = read_request(&mut stream).await else {
                self.ended.set(self.ended.get() + 1);
                return;
            };
            let seen = Seen { connection, number, head, body };
            let act = act(&seen);
            self.seen.borrow_mut().push(seen);
            let ok = |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            let answer = match act {
                Act::Say(text) => ok(text),
                Act::Raw(bytes) => bytes.to_owned(),
                Act::Slow(time, text) => {
                    tokio::time::sleep(time).await;
                    ok(text)
                }
                Act::Close => return,
                Act::Hang => std::future::pending().await,
            };
            // Who asked may have gone.
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    /// How many connections carried a request.
    pub(crate) fn connections(&self) -> usize {
        self.seen.borrow().iter().filter(|seen| seen.number == 0).count()
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

/// What a call is made with; the tests change single fields.
pub(crate) struct Caller {
    pub timeouts: Timeouts,
    pub deadline: Option<Moment>,
    pub retries: u32,
    pub key: Option<u64>,
    pub host: Host,
    pub progress: Progress,
}

impl Default for Caller {
    fn default() -> Caller {
        let timeouts = Timeouts { connect: PATIENCE, first_byte: PATIENCE, idle: PATIENCE, tunnel: PATIENCE };
        let progress = Progress::default();
        Caller { timeouts, deadline: None, retries: 0, key: None, host: Host::Preserve, progress }
    }
}

impl Caller {
    pub(crate) fn retrying(retries: u32) -> Caller {
        Caller { retries, ..Caller::default() }
    }

    pub(crate) fn context(&self) -> CallContext<'_> {
        CallContext {
            timeouts: self.timeouts,
            deadline: self.deadline,
            retries: self.retries,
            key: self.key,
            upgrade: None,
            host: &self.host,
            wire: None,
            progress: &self.progress,
        }
    }

    pub(crate) async fn call(&self, upstream: &Upstream, method: &str, body: Body) -> Result<(u16, String), Error> {
        let mut head = RequestHead::build(method, "a.example", "/", None);
        match call(upstream, &mut head, body, &self.context()).await? {
            Answer::Response(mut response) => Ok((response.head.status, text(&mut response.body).await?)),
            Answer::Switched { .. } => panic!("nobody asked to switch"),
        }
    }

    /// The text that a GET is answered with, or the kind of its error.
    pub(crate) async fn get(&self, upstream: &Upstream) -> Result<String, Kind> {
        match self.call(upstream, "GET", Body::Empty).await {
            Ok((200, text)) => Ok(text),
            Ok((status, text)) => Ok(format!("{status} {text}")),
            Err(error) => Err(error.kind),
        }
    }
}

/// One GET as anybody would make it.
pub(crate) async fn get(upstream: &Upstream) -> Result<String, Kind> {
    Caller::default().get(upstream).await
}

pub(crate) async fn text(body: &mut Body) -> Result<String, Error> {
    let mut data = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        if let Frame::Data(bytes) = frame? {
            data.extend_from_slice(&bytes);
        }
    }
    Ok(String::from_utf8(data).unwrap())
}
