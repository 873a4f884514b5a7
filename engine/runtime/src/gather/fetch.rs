//! One call, and its answer whole in memory: it cannot be merged before it is there.

use std::cell::Cell;
use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use glorieta_core::{At, Body, Error, Frame, Kind, Moment, ResponseHead};
use glorieta_http::h1::codec::strip_hop_by_hop_response;
use glorieta_policy::gather::partial::Reason;
use glorieta_upstream::{Answer, CallContext, Host, Progress, call};

use super::{Asked, Part};

/// What a part's upstream answered.
#[derive(Debug)]
pub struct Arrived {
    pub head: ResponseHead,
    pub body: Bytes,
}

/// Why a part is not there.
#[derive(Clone, Debug)]
pub struct Failure {
    pub reason: Reason,
    /// The upstream's status, where there was one.
    pub status: Option<u16>,
    /// What it means for the whole where the part is required.
    pub error: Error,
}

impl Failure {
    pub fn new(reason: Reason, error: Error) -> Failure {
        Failure { reason, status: None, error }
    }
}

/// Bytes that all answers of one request may still have.
pub type Room = Cell<u64>;

/// Asks a part's upstream. Dropping the future cancels the call, down to its connection.
///
/// # Errors
/// Why there is no whole answer; one without success is an answer.
pub async fn fetch(
    part: &Part,
    asked: Asked,
    key: Option<u64>,
    deadline: Option<Moment>,
    room: &Room,
    progress: &Progress,
) -> Result<Arrived, Failure> {
    let Asked { mut head, body } = asked;
    // HTTP/1.0 may come without a host; HTTP/1.1 must not go without one.
    let nameless = part.host == Host::Preserve && head.authority.length == 0;
    let context = CallContext {
        timeouts: part.timeouts,
        deadline,
        retries: part.retries,
        key,
        upgrade: None,
        host: if nameless { &Host::Upstream } else { &part.host },
        // What is interim between an upstream and here is no answer to the client.
        wire: None,
        progress,
    };
    let body = body.map_or(Body::Empty, Body::Full);
    let failed = |error: Error| Failure::new(Reason::of(error.kind), error);
    let response = match call(&part.upstream, &mut head, body, &context).await.map_err(failed)? {
        Answer::Response(response) => response,
        Answer::Switched { .. } => {
            let error = Error::because(Kind::ResponseMalformed, "it switched the protocol, which nobody asked for");
            return Err(failed(error));
        }
    };
    let mut head = response.head;
    strip_hop_by_hop_response(&mut head);
    match whole(response.body, room).await {
        Ok(body) => Ok(Arrived { head, body }),
        Err(mut failure) => {
            failure.status = Some(head.status);
            note_broken(part, progress, &failure.error);
            Err(failure)
        }
    }
}

/// Reads a body to its end.
async fn whole(mut body: Body, room: &Room) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        match frame {
            Ok(Frame::Data(data)) => {
                take(room, data.len())?;
                // Most answers are one piece, which is not copied.
                if first.is_empty() && rest.is_empty() {
                    first = data;
                } else {
                    if rest.is_empty() {
                        rest.extend_from_slice(&first);
                    }
                    rest.extend_from_slice(&data);
                }
            }
            Ok(Frame::Trailers(_)) => {}
            Err(error) => return Err(Failure::new(Reason::of(error.kind), error)),
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn take(room: &Room, bytes: usize) -> Result<(), Failure> {
    match room.get().checked_sub(bytes as u64) {
        Some(left) => room.set(left),
        None => {
            let error = Error::because(Kind::PartTooLarge, "the answers are larger than what may be gathered");
            return Err(Failure::new(Reason::TooLarge, error));
        }
    }
    Ok(())
}

/// An answer that breaks off within its body counts against its endpoint.
fn note_broken(part: &Part, progress: &Progress, error: &Error) {
    if error.kind.at() == At::Upstream
        && error.kind != Kind::PartTooLarge
        && let Some(endpoint) = &*progress.endpoint.borrow()
    {
        part.upstream.note_broken(endpoint, error.kind);
    }
}
