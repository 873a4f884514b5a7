//! A connection that begins with TLS: the handshake within its time, or only its first message where nothing is
//! decrypted; and what is written down of clients that come no further.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use glorieta_core::{Error, Kind, Moment, Secured};
use glorieta_net::tls::{Hello, NoHello, Refusal, UNRECOGNISED_NAME, last_words, read_hello};
use glorieta_net::{Stream, Timer};

use super::View;
use super::connection::{Open, serve_http};
use super::ended::{Ended, write_down};
use super::tcp::{Greeting, serve_tcp};
use crate::challenges::Challenge;
use crate::metrics::Handshake;
use crate::snapshot::Duty;

/// How long a handshake may still take that is under way when its entrance closes.
const LAST_HANDSHAKE: Duration = Duration::from_millis(500);
/// To a client that speaks HTTP without TLS where TLS is spoken.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 65\r\n\
Connection: close\r\n\r\n400 Bad Request\nThis port speaks HTTPS: write https:// in front.\n";

/// Serves a connection whose listener speaks TLS, to its end.
///
/// What is needed for the handshake alone is boxed and gone when the connection waits.
pub fn serve_secured(
    open: Open,
    view: Rc<View>,
    stream: Stream,
    address: Option<SocketAddr>,
) -> impl Future<Output = ()> {
    let shaking = Box::pin(shake_hands(open, view, stream, address));
    async move {
        let Some(Guest { open, view, stream, secured }) = shaking.await else { return };
        if let Duty::Tcp(route) = &view.listener.duty {
            let greeting = Box::new(Greeting { secured, ..Greeting::default() });
            let route = route.clone();
            return Box::pin(serve_tcp(open, view, route, stream, address, Some(greeting))).await;
        }
        drop(view);
        serve_http(open, stream, address, Some(Rc::new(secured))).await;
    }
}

/// Who was let in.
struct Guest {
    open: Open,
    view: Rc<View>,
    stream: Stream,
    secured: Secured,
}

async fn shake_hands(open: Open, view: Rc<View>, stream: Stream, address: Option<SocketAddr>) -> Option<Guest> {
    let started = Moment::now();
    let terminator = view.listener.tls.clone()?;
    let until = started.plus(view.listener.handshake);
    let is_asked = view.listener.challenge == Some(Challenge::TlsAlpn);
    let shared = is_asked.then(|| open.worker.shared.clone());
    let challenges = shared.as_ref().map(|shared| &shared.challenges.names);
    let error = match patiently(&open, until, pin!(terminator.accept(stream, challenges))).await {
        Some(Ok((stream, secured, resumed))) => {
            let handshake = if resumed { Handshake::Resumed } else { Handshake::Full };
            view.listener.series.shook_hands(open.worker.index, handshake);
            return Some(Guest { open, view, stream, secured });
        }
        Some(Err(refusal)) => match refused(&view, refusal).await {
            Some(error) => error,
            None => {
                view.listener.series.shook_hands(open.worker.index, Handshake::Full);
                return None;
            }
        },
        None => Error::new(Kind::HandshakeTimeout),
    };
    view.listener.series.shook_hands(open.worker.index, Handshake::Failed);
    give_up(&open, &view, address, started, &error);
    None
}

/// Waits for a client's side of a handshake or of a greeting; `None`: it took too long. Who is still at it when the entrance closes gets
/// no more than a moment.
pub(super) async fn patiently<F: Future>(open: &Open, until: Moment, mut greeted: Pin<&mut F>) -> Option<F::Output> {
    let timer = Timer::new();
    if let Some(guest) = open.entrance.connections.borrow_mut().get_mut(open.key) {
        guest.alarm = Some(timer.alarm());
    }
    timer.arm(until);
    let mut closing = false;
    poll_fn(|cx| {
        if let Poll::Ready(output) = greeted.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        loop {
            if !closing && open.entrance.is_closing() {
                closing = true;
                timer.arm(until.min(Moment::now().plus(LAST_HANDSHAKE)));
            }
            match timer.poll(cx) {
                Poll::Ready(()) if !closing && open.entrance.is_closing() => {}
                other => return other.map(|()| None),
            }
        }
    })
    .await
}

/// What a refusal is called; a client that can understand it is told. `None`: it had all that it came for.
async fn refused(view: &View, refusal: Refusal) -> Option<Error> {
    Some(match refusal {
        Refusal::Gone => Error::because(Kind::ClientGone, "in the handshake"),
        Refusal::PlainHttp(stream) => {
            if let Duty::Http { .. } = view.listener.duty {
                last_words(stream, PLAIN).await;
            }
            Error::new(Kind::PlainHttp)
        }
        Refusal::NameUnknown(name) => Error::new(Kind::NameUnknown).with_detail(name),
        Refusal::Awaited(names) => Error::new(Kind::CertificateAwaited).with_detail(names),
        Refusal::Convinced => return None,
        Refusal::Failed(reason) => Error::new(Kind::HandshakeFailed).with_detail(reason),
    })
}

/// Leads a connection to the upstream of the name that it asks for, to its end.
pub async fn serve_passthrough(open: Open, view: Rc<View>, mut stream: Stream, address: Option<SocketAddr>) {
    let started = Moment::now();
    let Duty::Passthrough(targets) = &view.listener.duty else { return };
    let until = started.plus(view.listener.handshake);
    let hello = Box::pin(patiently(&open, until, Box::pin(read_hello(&mut stream)).as_mut())).await;
    let (error, words) = match hello {
        Some(Ok(Hello { name, bytes, .. })) => match targets.find(name.as_deref()) {
            Some(route) => {
                let secured = Secured { server_name: name, ..Secured::default() };
                let greeting = Greeting { secured, bytes: bytes.into() };
                let route = route.clone();
                let serving = serve_tcp(open, view, route, stream, address, Some(Box::new(greeting)));
                return Box::pin(serving).await;
            }
            None => (Error::new(Kind::NameUnknown).with_detail(name.unwrap_or_default()), UNRECOGNISED_NAME.to_vec()),
        },
        Some(Err(NoHello::Gone)) => (Error::because(Kind::ClientGone, "in the handshake"), Vec::new()),
        Some(Err(NoHello::PlainHttp)) => (Error::new(Kind::PlainHttp), Vec::new()),
        Some(Err(NoHello::Bad { reason, alert })) => (Error::new(Kind::HandshakeFailed).with_detail(reason), alert),
        None => (Error::new(Kind::HandshakeTimeout), Vec::new()),
    };
    give_up(&open, &view, address, started, &error);
    if !words.is_empty() {
        Box::pin(last_words(stream, &words)).await;
    }
}

/// Writes down a client that came no further than its handshake.
fn give_up(open: &Open, view: &View, address: Option<SocketAddr>, since: Moment, error: &Error) {
    let connection = Ended { protocol: "tls", address, since, tls: "" };
    write_down(&open.worker, &view.listener, &connection, error);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_says_its_own_length() {
        let text = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
