//! What is sent without anybody waiting for its answer: mirrored requests, and shadow parts of gathered answers.
//!
//! None of it may cost a client anything, so all of it is bounded: by number and by bytes for each worker, and each
//! by its own deadline. Beyond a bound nothing is sent.

use std::cell::Cell;
use std::future::poll_fn;
use std::time::Duration;

use glorieta_core::{At, Body, Error, Frame, Kind, Moment, RequestHead};
use glorieta_net::timer;
use glorieta_upstream::{Answer, CallContext, Host, Progress, Timeouts, Upstream, call};

/// Calls of one worker that may be under way.
const MOST: u32 = 1000;
/// Bytes of bodies that one worker may keep for them.
const MOST_BYTES: usize = 16 << 20;
/// Bytes of an answer that are read so that its connection can be used again.
const READ: u64 = 64 << 10;
/// How long those under way may still take when their worker ends.
const MOMENT: Duration = Duration::from_millis(500);
/// How often it is looked whether they are over.
const LOOK: Duration = Duration::from_millis(10);

thread_local! {
    static UNDER_WAY: Cell<u32> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Counts one that is under way, also when it is cut.
pub struct Place(());

impl Place {
    /// `None`: so many are under way that this one is not sent.
    pub fn take() -> Option<Place> {
        let under_way = UNDER_WAY.get();
        (under_way < MOST).then(|| {
            UNDER_WAY.set(under_way + 1);
            Place(())
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get() - 1);
    }
}

/// Counts the bytes of one body, for as long as they are kept.
#[derive(Default)]
pub struct Room(usize);

impl Room {
    /// `false`: the worker keeps so much that there is no room for these.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let fits = BYTES.get() + bytes <= MOST_BYTES;
        if fits {
            BYTES.set(BYTES.get() + bytes);
            self.0 += bytes;
        }
        fits
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        BYTES.set(BYTES.get() - self.0);
    }
}

/// How something is asked.
pub struct Asking<'a> {
    pub upstream: &'a Upstream,
    pub host: &'a Host,
    pub timeouts: Timeouts,
    pub retries: u32,
    /// The hash of the value by which an endpoint is chosen.
    pub key: Option<u64>,
    /// For the whole call, its answer included.
    pub patience: Duration,
}

/// Asks, and throws the answer away: its status is all that is kept.
///
/// # Errors
/// Why there is no whole answer.
pub async fn ask(asking: &Asking<'_>, head: &mut RequestHead, body: Body) -> Result<u16, Error> {
    // HTTP/1.0 may come without a host; HTTP/1.1 must not go without one.
    let nameless = *asking.host == Host::Preserve && head.authority.length == 0;
    let progress = Progress::default();
    let context = CallContext {
        timeouts: asking.timeouts,
        deadline: Some(Moment::now().plus(asking.patience)),
        retries: asking.retries,
        key: asking.key,
        upgrade: None,
        host: if nameless { &Host::Upstream } else { asking.host },
        wire: None,
        progress: &progress,
    };
    let response = match call(asking.upstream, head, body, &context).await? {
        Answer::Response(response) => response,
        Answer::Switched { .. } => {
            return Err(Error::because(Kind::ResponseMalformed, "it switched the protocol, which nobody asked for"));
        }
    };
    let status = response.head.status;
    discard(response.body).await.map(|()| status).inspect_err(|error| {
        if error.kind.at() == At::Upstream
            && let Some(endpoint) = &*progress.endpoint.borrow()
        {
            asking.upstream.note_broken(endpoint, error.kind);
        }
    })
}

/// Reads a body for its connection's sake; a long one costs the connection instead.
async fn discard(mut body: Body) -> Result<(), Error> {
    let mut left = READ;
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        if let Frame::Data(data) = frame? {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => left = rest,
                None => return Ok(()),
            }
        }
    }
    Ok(())
}

/// Waits for those of this worker that are under way, for a moment: what is left is cut with the worker.
pub async fn finish() {
    let until = Moment::now().plus(MOMENT);
    while UNDER_WAY.get() > 0 && Moment::now() < until {
        timer::sleep_until(Moment::now().plus(LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_may_be_under_way_and_no_more() {
        let all: Vec<Place> = (0..MOST).map(|_| Place::take().expect("room")).collect();
        assert!(Place::take().is_none());
        drop(all);
        assert!(Place::take().is_some());
        assert_eq!(UNDER_WAY.get(), 0);
    }

    #[test]
    fn so_many_bytes_are_kept_and_no_more() {
        let (mut one, mut other) = (Room::default(), Room::default());
        assert!(one.grow(MOST_BYTES - 1) && other.grow(1));
        assert!(!other.grow(1) && !one.grow(1));
        drop(one);
        assert!(other.grow(MOST_BYTES - 1));
        drop(other);
        assert_eq!(BYTES.get(), 0);
    }
}
