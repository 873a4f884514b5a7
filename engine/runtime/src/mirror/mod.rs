//! Mirroring: a copy of a request goes to another upstream, whose answer nobody sees.
//!
//! The copy is what the route's own target gets: after its filters, and of a proxied request after its path was
//! changed. It is marked by [`MARK`] and sent once the request's body has passed whole, so that a slow client holds
//! nothing open there. Whatever becomes of it, the client's request does not notice.

mod body;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glorieta_core::{Body, Fields, Method, RequestHead};
use glorieta_upstream::{Balance, Host, Timeouts, Upstream};

use crate::metrics::{Dropped, MirrorSeries, Outcome};
use crate::serve::{Request, RequestRecord, hash_of};
use crate::shadow::{self, Asking, Place, Room};
use crate::worker::current_worker;

use body::Tee;

/// The field that marks a copy; its value is a boolean of structured fields (RFC 9651 §3.3.6).
pub const MARK: &[u8] = b"glorieta-mirror";
const MARKED: &[u8] = b"?1";

/// Who gets copies of a route's requests.
pub struct Mirror {
    pub upstream: Arc<Upstream>,
    /// In percent.
    pub share: u32,
    methods: Vec<Box<[u8]>>,
    max_body: u64,
    in_flight: u32,
    timeout: Duration,
    host: Host,
    timeouts: Timeouts,
    series: Arc<MirrorSeries>,
}

/// What has become of a request's copy, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The request's body has not come to its end yet.
    Pending,
    Sent,
    Dropped(Dropped),
}

impl Fate {
    /// The word in the log. What still waits for its body when the request is over is never sent.
    pub const fn word(self) -> &'static str {
        match self {
            Fate::Sent => "sent",
            Fate::Pending => Dropped::BodyUnread.word(),
            Fate::Dropped(why) => why.word(),
        }
    }
}

impl Mirror {
    /// # Errors
    /// A sentence for what cannot be.
    pub fn build(
        plan: &glorieta_plan::Mirror,
        upstream: Arc<Upstream>,
        host: Host,
        timeouts: Timeouts,
        series: Arc<MirrorSeries>,
    ) -> Result<Mirror, String> {
        if !(1..=100).contains(&plan.share_percent) {
            return Err(format!("mirror: {} percent is no share; write 1 to 100", plan.share_percent));
        }
        if let Some(bad) = plan.methods.iter().find(|name| !Fields::is_token(name.as_bytes())) {
            return Err(format!("mirror: {bad:?} is no method"));
        }
        Ok(Mirror {
            upstream,
            share: plan.share_percent,
            methods: plan.methods.iter().map(|name| name.as_bytes().into()).collect(),
            max_body: plan.max_body_bytes,
            in_flight: plan.in_flight,
            timeout: Duration::from_millis(plan.timeout_ms),
            host,
            timeouts,
            series,
        })
    }

    /// Why no copy of a request is sent, whatever chance says; `None`: one may be.
    pub fn refuses(&self, request: &Request) -> Option<&'static str> {
        let is = |name: &[u8]| self.methods.iter().any(|method| **method == *name);
        let method = &request.head;
        let is_meant = is(method.method_text()) || method.method == Method::Head && is(b"GET");
        if !is_meant {
            return Some("its method is not copied");
        }
        if request.upgrade.is_some() {
            return Some("it asks for another protocol");
        }
        request.is_copy.then_some("it is a copy itself")
    }
}

/// Has a copy of a request sent, if its route wants one. The head is as the route's target gets it; the body that is
/// given back is to be read in place of the other.
pub fn copy(record: &mut RequestRecord, body: Body) -> Body {
    let mirror = record.request.route.as_ref().and_then(|route| route.mirror.as_ref());
    let Some(mirror) = mirror else { return body };
    if mirror.refuses(&record.request).is_some() || fastrand::u32(..100) >= mirror.share {
        return body;
    }
    let copy = Copy::of(&record.request, mirror.clone());
    record.mirrored = Some(copy.fate.clone());
    copy.with(body)
}

/// A copy that is not sent yet.
struct Copy {
    mirror: Arc<Mirror>,
    head: RequestHead,
    key: Option<u64>,
    fate: Rc<Cell<Fate>>,
}

impl Copy {
    fn of(request: &Request, mirror: Arc<Mirror>) -> Copy {
        let mut head = request.head.clone();
        head.fields.set_named(MARK, MARKED);
        let key = match &mirror.upstream.settings.balance {
            Balance::Hash(word) => hash_of(request, word),
            _ => None,
        };
        Copy { mirror, head, key, fate: Rc::new(Cell::new(Fate::Pending)) }
    }

    fn with(self, body: Body) -> Body {
        let most = self.mirror.max_body;
        match body {
            Body::Empty => {
                self.send(Bytes::new(), Room::default());
                Body::Empty
            }
            Body::Full(bytes) => {
                let mut room = Room::default();
                if bytes.len() as u64 > most {
                    self.drop_because(Dropped::BodyTooLarge);
                } else if room.grow(bytes.len()) {
                    self.send(bytes.clone(), room);
                } else {
                    self.drop_because(Dropped::Memory);
                }
                Body::Full(bytes)
            }
            Body::Stream(source) => {
                if source.remaining().is_some_and(|length| length > most) {
                    self.drop_because(Dropped::BodyTooLarge);
                    return Body::Stream(source);
                }
                Body::Stream(Box::new(Tee::new(source, self)))
            }
        }
    }

    fn drop_because(self, why: Dropped) {
        self.fate.set(Fate::Dropped(why));
        self.mirror.series.dropped(current_worker(), why);
    }

    fn send(self, body: Bytes, room: Room) {
        let turn = MirrorSeries::begin(&self.mirror.series, self.mirror.in_flight);
        let (Some(turn), Some(place)) = (turn, Place::take()) else { return self.drop_because(Dropped::InFlight) };
        self.fate.set(Fate::Sent);
        tokio::task::spawn_local(async move {
            let _held = (turn, place, room);
            self.run(if body.is_empty() { Body::Empty } else { Body::Full(body) }).await;
        });
    }

    async fn run(self, body: Body) {
        let Copy { mirror, mut head, key, .. } = self;
        let asking = Asking {
            upstream: &mirror.upstream,
            host: &mirror.host,
            timeouts: mirror.timeouts,
            retries: 0,
            key,
            patience: mirror.timeout,
        };
        let outcome = match shadow::ask(&asking, &mut head, body).await {
            Ok(status) => Outcome::Status(status),
            Err(error) => Outcome::Error(error.kind),
        };
        mirror.series.ended(current_worker(), outcome);
    }
}
