//! A client's HTTP/2 connection, over real sockets: the client is the `h2` crate's or writes frames itself, and answers
//! come from a service by script.

mod answers;
mod bodies;
mod closing;
mod frames;
mod tunnels;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Body, Kind, Peer, Response, ResponseHead, Scheme};
use glorieta_net::Timer;
use glorieta_net::timer::Alarm;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use crate::serve_connection;
use crate::service::{Reply, Settings};
use crate::testing::service::{Handler, Scripted, Story, Told, answer, echo, full, handler, ok, until};
use crate::testing::{PATIENCE, Script, Step, fields, on_worker, pattern, settings, tcp_pair};

/// A connection that is being served, as it looks from within.
struct Served {
    story: Story,
    closing: Rc<Cell<bool>>,
    rests: Rc<Cell<(u32, u32)>>,
    broken: Rc<RefCell<Vec<Kind>>>,
    refused: Rc<RefCell<Vec<Kind>>>,
    alarm: Alarm,
    task: JoinHandle<()>,
}

impl Served {
    /// Waits until the connection has ended; what was told of its requests.
    async fn ended(self) -> Vec<Told> {
        self.task.await.unwrap();
        self.story.take()
    }

    /// Asks the connection to end soon.
    fn close(&self) {
        self.closing.set(true);
        self.alarm.ring();
    }
}

/// Serves a connection; its other end.
async fn serve_raw(settings: Settings, handlers: impl IntoIterator<Item = Handler>) -> (Served, TcpStream) {
    let (inside, outside) = tcp_pair().await;
    let service = Scripted::new(settings, handlers);
    let timer = Timer::new();
    let alarm = timer.alarm();
    let (story, closing) = (service.story.clone(), service.closing.clone());
    let (rests, broken, refused) = (service.rests.clone(), service.broken.clone(), service.refused.clone());
    let peer = Peer { address: None, client: None, scheme: Scheme::Http, trusted: false };
    let task = spawn_local(serve_connection(inside, timer, peer, service, None));
    (Served { story, closing, rests, broken, refused, alarm, task }, outside)
}

/// A client of the `h2` crate's, driven until its connection ends.
struct Client {
    send: SendRequest<Bytes>,
    task: JoinHandle<Result<(), h2::Error>>,
}

/// Serves a connection for a client.
async fn serve(handlers: impl IntoIterator<Item = Handler>) -> (Served, Client) {
    serve_with(settings(), h2::client::Builder::new(), handlers).await
}

async fn serve_with(
    settings: Settings,
    client: h2::client::Builder,
    handlers: impl IntoIterator<Item = Handler>,
) -> (Served, Client) {
    let (served, outside) = serve_raw(settings, handlers).await;
    let (send, connection) = client.handshake(outside).await.unwrap();
    (served, Client { send, task: spawn_local(connection) })
}

impl Client {
    /// Sends a request without a body, and waits for the head of the answer.
    async fn get(&mut self, path: &str) -> Result<http::Response<RecvStream>, h2::Error> {
        self.ask(Request::get(format!("http://a.example{path}")).body(()).unwrap()).await
    }

    async fn ask(&mut self, request: Request<()>) -> Result<http::Response<RecvStream>, h2::Error> {
        self.ready().await;
        let (response, _) = self.send.send_request(request, true).unwrap();
        response.await
    }

    /// Begins a request whose body follows.
    async fn post(&mut self, path: &str) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        self.ready().await;
        let request = Request::post(format!("http://a.example{path}")).body(()).unwrap();
        self.send.send_request(request, false).unwrap()
    }

    async fn ready(&mut self) {
        let send = self.send.clone();
        self.send = send.ready().await.unwrap();
    }

    /// Closes the connection, and waits until it has ended.
    async fn leave(self) -> Result<(), h2::Error> {
        drop(self.send);
        self.task.await.unwrap()
    }
}

/// An answer of these bytes.
fn large(bytes: Vec<u8>) -> Response {
    Response { body: Body::Full(Bytes::from(bytes)), ..Response::new(200) }
}

/// Reads a body to its end: data, and the trailers.
async fn read(body: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut data = Vec::new();
    while let Some(bytes) = body.data().await {
        let bytes = bytes?;
        data.extend_from_slice(&bytes);
        body.flow_control().release_capacity(bytes.len())?;
    }
    Ok((data, body.trailers().await?))
}

async fn text(response: http::Response<RecvStream>) -> String {
    let (data, _) = read(&mut response.into_body()).await.unwrap();
    String::from_utf8(data).unwrap()
}
