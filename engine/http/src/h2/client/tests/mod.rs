//! Connections to endpoints, over real sockets: the endpoint is the library's server, or writes frames by hand.

mod bodies;
mod broken;
mod endings;
mod waiting;
mod websockets;

use std::cell::RefCell;
use std::time::Duration;

use ::h2::server::{self, SendResponse};
use ::h2::{RecvStream, SendStream};
use glorieta_core::{Body, RequestHead, ResponseHead, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::*;
use crate::outgoing::{Request, Upload};
use crate::testing::{Script, Step, collect, fields, on_worker, pattern, read_bytes, tcp_pair};

/// Long enough to never matter.
const PATIENCE: Duration = Duration::from_secs(60);
const SETTINGS: Settings = Settings {
    max_streams: 100,
    limits: Limits { head_bytes: 4096, header_count: 20, target_bytes: 100 },
    encrypted: false,
};

/// A request that an endpoint has received, and the way to answer it.
type Asked = (http::Request<RecvStream>, SendResponse<Bytes>);

/// Keeps the status of interim answers that are passed on.
#[derive(Default)]
struct Heard(RefCell<Vec<u16>>);

impl Wire for Heard {
    fn interim(&self, head: &ResponseHead) {
        self.0.borrow_mut().push(head.status);
    }

    fn bytes_in(&self) -> u64 {
        0
    }
}

fn head(method: &str) -> RequestHead {
    RequestHead::build(method, "a.example", "/", None)
}

/// A request whose times never matter.
fn request(head: &RequestHead) -> Request<'_> {
    let limits = SETTINGS.limits;
    Request { head, upgrade: None, limits, first_byte: PATIENCE, idle: PATIENCE, deadline: None, wire: None }
}

/// A connection whose endpoint is the library's server: each request is handed to `serve` in a task of its own.
async fn connected<F: Future<Output = ()> + 'static>(serve: impl Fn(Asked) -> F + 'static) -> Rc<Client> {
    let (inside, outside) = tcp_pair().await;
    spawn_local(async move {
        let mut connection = server::handshake(outside).await.unwrap();
        while let Some(Ok(asked)) = connection.accept().await {
            spawn_local(serve(asked));
        }
    });
    let (client, driver) = Client::open(inside, &SETTINGS).await.unwrap();
    spawn_local(driver);
    client
}

/// A connection whose endpoint has said its SETTINGS, and writes and reads frames by hand from there on.
async fn by_hand() -> (Rc<Client>, Driver, TcpStream) {
    let (inside, mut outside) = tcp_pair().await;
    outside.write_all(&frame(4, 0, 0, b"")).await.unwrap();
    let (client, driver) = Client::open(inside, &SETTINGS).await.unwrap();
    assert_eq!(read_bytes(&mut outside, 24).await, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    (client, driver, outside)
}

/// A frame: its length, type, flags and stream, and what it holds (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The next frame of this type: its flags and what it holds.
async fn next_frame(endpoint: &mut TcpStream, wanted: u8) -> (u8, Vec<u8>) {
    loop {
        let head = read_bytes(endpoint, 9).await;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = read_bytes(endpoint, length).await;
        if head[3] == wanted {
            return (head[4], payload);
        }
    }
}

async fn ask(client: &Rc<Client>, head: &RequestHead, body: Body) -> Result<(u16, Vec<u8>, String), Error> {
    let slot = client.take();
    let arrived = slot.send(&request(head), &mut Upload::new(body)).await?;
    let (head, mut body) = arrived.into_body(slot, PATIENCE, None);
    let (data, trailers) = collect(&mut body).await?;
    Ok((head.status, data, trailers))
}

/// What an answer that comes to nothing fails with.
async fn fails(client: &Rc<Client>) -> Error {
    ask(client, &head("GET"), Body::Empty).await.expect_err("it was answered")
}

/// Reads what has been sent to an endpoint, giving the window back.
async fn read(body: &mut RecvStream) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        data.extend_from_slice(&piece);
    }
    data
}

/// Sends as much as the windows let through.
async fn write(stream: &mut SendStream<Bytes>, mut data: Bytes, end: bool) {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(Ok(room)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        let piece = data.split_to(room.min(data.len()));
        let last = end && data.is_empty();
        if stream.send_data(piece, last).is_err() {
            return;
        }
    }
}

fn answer(status: u16) -> http::Response<()> {
    http::Response::builder().status(status).body(()).unwrap()
}
