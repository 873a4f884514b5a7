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

use bytes::Bytes;
use glorieta_core::{Peer, Response, ResponseHead, Scheme};
use glorieta_net::{Timer, timer::Alarm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use super::*;
use crate::h1::codec::Limits;
use crate::serve_connection;
use crate::testing::service::{DATE, Handler, Scripted, Story, Told, answer, echo, full, handler, ok, until};
use crate::testing::{
    PATIENCE, Script, Step, collect, on_worker, pattern, read_all, read_bytes, read_head, reset, settings, tcp_pair,
};

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
    let service = Scripted::new(settings, handlers);
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
