//! A client's first message, read without answering: for the choice of a certificate, and of an upstream where nothing
//! is decrypted.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use glorieta_core::Moment;
use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Stream, timer};

/// The largest first message: with keys for the time after quantum computers they have some 2 KiB.
const LARGEST: usize = 16 << 10;
/// Room for a read.
const READ: usize = 4 << 10;
/// How long a connection is read from after its last words, in milliseconds, and how much.
const LINGER: u64 = 1000;
const LINGER_BYTES: usize = 64 << 10;

/// The alert `unrecognized_name` (RFC 6066 §3), fatal, as long as nothing is encrypted.
pub const UNRECOGNISED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

/// A client's first message.
pub struct Hello {
    /// The name that it asks for (SNI), in lower case.
    pub name: Option<Box<str>>,
    /// Everything that has been read, for whoever is to answer it.
    pub bytes: Vec<u8>,
    pub(super) accepted: Accepted,
    /// How much of `bytes` the message takes; what follows is not part of it.
    pub(super) used: usize,
}

/// Why there is none.
#[derive(Debug)]
pub enum NoHello {
    /// The client went before it was whole.
    Gone,
    /// It speaks HTTP without TLS.
    PlainHttp,
    /// It is no TLS, or none that is spoken here; the alert that says so may be empty.
    Bad { reason: String, alert: Vec<u8> },
}

/// Reads a client's first message.
///
/// # Errors
/// See [`NoHello`].
pub async fn read_hello(stream: &mut Stream) -> Result<Hello, NoHello> {
    let (mut acceptor, mut bytes, mut used) = (Acceptor::default(), Vec::new(), 0);
    loop {
        if read_more(stream, &mut bytes).await.map_err(|_| NoHello::Gone)? == 0 {
            return Err(NoHello::Gone);
        }
        // The first byte of a handshake is 22; methods of HTTP begin with a letter.
        match bytes[0] {
            22 => {}
            byte if byte.is_ascii_uppercase() => return Err(NoHello::PlainHttp),
            _ => return Err(bad("not TLS", Vec::new())),
        }
        while used < bytes.len() {
            let mut rest = &bytes[used..];
            let left = rest.len();
            acceptor.read_tls(&mut rest).map_err(|error| bad(&error.to_string(), Vec::new()))?;
            used += left - rest.len();
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let name = accepted.client_hello().server_name().map(|name| name.to_ascii_lowercase().into());
                    return Ok(Hello { name, bytes, accepted, used });
                }
                Err((error, mut alert)) => {
                    let mut words = Vec::new();
                    // Writing to memory cannot fail.
                    let _ = alert.write_all(&mut words);
                    return Err(bad(&error.to_string(), words));
                }
            }
        }
        if bytes.len() > LARGEST {
            return Err(bad("the first message is too long", Vec::new()));
        }
    }
}

fn bad(reason: &str, alert: Vec<u8>) -> NoHello {
    NoHello::Bad { reason: reason.to_owned(), alert }
}

async fn read_more(stream: &mut Stream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let start = bytes.len();
    bytes.resize(start + READ, 0);
    let read = poll_fn(|cx| {
        let mut buffer = ReadBuf::new(&mut bytes[start..]);
        Pin::new(&mut *stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    });
    let read = read.await;
    bytes.truncate(start + read.as_ref().map_or(0, |count| *count));
    read
}

/// Sends last words and closes, so that they arrive: closing with unread bytes would send a reset, which may overtake
/// them.
pub async fn last_words(mut stream: Stream, words: &[u8]) {
    let mut at = 0;
    let mut left = LINGER_BYTES;
    let mut scratch = [0; 1024];
    let talk = poll_fn(|cx| {
        let stream = Pin::new(&mut stream).get_mut();
        while at < words.len() {
            match Pin::new(&mut *stream).poll_write(cx, &words[at..]) {
                Poll::Ready(Ok(count)) if count > 0 => at += count,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        match Pin::new(&mut *stream).poll_shutdown(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && buffer.filled().len() <= left => {
                    left -= buffer.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let talk = std::pin::pin!(talk);
    // Who does not listen within that time never will.
    let _ = timer::within(Moment::now().plus_millis(LINGER), talk).await;
}
