//! Connections to endpoints, over real sockets: the endpoint is a task of the test that reads and writes raw bytes.

mod broken;
mod early;
mod interim;
mod replay;
mod reuse;
mod timeouts;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use glorieta_core::{Name, RequestHead, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::*;
use crate::h1::codec::Limits;
use crate::testing::{Script, Step, collect, fields, on_worker, pattern, read_bytes, read_head, reset, tcp_pair};

/// Long enough to never matter.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where connections come home to.
#[derive(Clone, Default)]
struct Place(Rc<RefCell<VecDeque<Box<Client>>>>);

impl Place {
    fn count(&self) -> usize {
        self.0.borrow().len()
    }

    fn take(&self) -> Box<Client> {
        self.0.borrow_mut().pop_back().expect("no connection came home")
    }
}

impl Home for Place {
    fn welcome(self, client: Box<Client>) {
        self.0.borrow_mut().push_back(client);
    }
}

/// Keeps the interim answers that are passed on: their status and fields.
#[derive(Default)]
struct Heard(RefCell<Vec<(u16, Vec<String>)>>);

impl Wire for Heard {
    fn interim(&self, head: &ResponseHead) {
        let names = head.fields.iter().map(|(_, name, _)| String::from_utf8_lossy(name).into_owned());
        self.0.borrow_mut().push((head.status, names.collect()));
    }

    fn bytes_in(&self) -> u64 {
        0
    }
}

fn get() -> RequestHead {
    RequestHead::build("GET", "a.example", "/", None)
}

fn put() -> RequestHead {
    RequestHead::build("PUT", "a.example", "/", None)
}

fn expecting() -> RequestHead {
    let mut head = put();
    head.fields.add(Name::Expect, b"100-continue");
    head
}

/// A request whose times never matter.
fn request(head: &RequestHead) -> Request<'_> {
    Request {
        head,
        upgrade: None,
        limits: Limits::default(),
        first_byte: PATIENCE,
        idle: PATIENCE,
        deadline: None,
        wire: None,
    }
}

async fn connected() -> (Box<Client>, TcpStream) {
    let (inside, outside) = tcp_pair().await;
    (Client::new(inside, Moment::now()), outside)
}

async fn send(client: Box<Client>, head: &RequestHead, body: Body) -> Result<Arrived, Error> {
    client.send(&request(head), &mut Upload::new(body)).await
}

/// Sends a request to an endpoint that answers with these bytes and then closes or, if `open`, waits.
async fn answered(head: &RequestHead, answer: &str, open: bool) -> Result<Arrived, Error> {
    let (client, mut endpoint) = connected().await;
    let answer = answer.to_owned();
    spawn_local(async move {
        read_head(&mut endpoint).await;
        endpoint.write_all(answer.as_bytes()).await.unwrap();
        if open {
            std::future::pending::<()>().await;
        }
    });
    send(client, head, Body::Empty).await
}

/// What is left of a request's body on the wire, decoded.
async fn read_chunked(endpoint: &mut TcpStream) -> (Vec<u8>, String) {
    let mut data = Vec::new();
    loop {
        let size = crate::testing::read_until(endpoint, "\r\n").await;
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        if size == 0 {
            let mut trailers = String::new();
            loop {
                let line = crate::testing::read_until(endpoint, "\r\n").await;
                if line == "\r\n" {
                    return (data, trailers);
                }
                trailers += &line;
            }
        }
        data.extend(read_bytes(endpoint, size).await);
        assert_eq!(read_bytes(endpoint, 2).await, b"\r\n");
    }
}
