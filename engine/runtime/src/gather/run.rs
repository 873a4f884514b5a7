//! All parts at once, those that need others after them. Whoever asked waits for the slowest required one, and for
//! optional ones until the deadline.

use std::cell::OnceCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use glorieta_core::{Body, Error, Frame, Kind, Moment, RequestHead, Response};
use glorieta_policy::gather::Hole;
use glorieta_policy::gather::partial::Reason;
use glorieta_upstream::{Balance, Progress};

use super::answer::{self, Composed};
use super::fetch::{Arrived, Failure, Room, fetch};
use super::judge::{Over, judge};
use super::{Asked, Gather, Need, Part, ask, shadow};
use crate::mirror;
use crate::serve::{Request, RequestRecord, hash_of};
use crate::worker::current_worker;

/// The share of the time that is kept back for making the answer where optional parts are waited for and nobody said
/// how long: a twentieth, and no more than this. So a slow optional part costs itself, and not the whole answer.
const RESERVE: u32 = 20;
const MOST_RESERVED: Duration = Duration::from_millis(100);

/// Answers a request with the answers of several. Boxed: other targets do not pay for what this one keeps.
///
/// Dropping the future cancels every call that is under way, but for shadows.
///
/// # Errors
/// Why a required part is not there, or why the parts do not make one answer.
pub fn run<'a>(
    record: &'a mut RequestRecord,
    gather: &'a Gather,
    body: Body,
    deadline: Option<Moment>,
) -> Pin<Box<dyn Future<Output = Result<Response, Error>> + 'a>> {
    Box::pin(async move {
        let body = mirror::copy(record, body);
        let progress: Vec<Progress> = gather.parts.iter().map(|_| Progress::default()).collect();
        let composed = gathered(&record.request, gather, body, deadline, &progress).await;
        record.progress.tries.set(progress.iter().map(|each| each.tries.get()).fold(0, u16::saturating_add));
        match composed {
            Ok(composed) => {
                if let Some(error) = composed.partial {
                    record.note(error);
                }
                Ok(answer::finish(composed.response, &record.request))
            }
            Err(stop) => stopped(record, gather, &progress, stop),
        }
    })
}

/// The answer of all parts, each of which tells how far it has come.
pub async fn gathered(
    request: &Request,
    gather: &Gather,
    body: Body,
    deadline: Option<Moment>,
    progress: &[Progress],
) -> Result<Composed, Stop> {
    let until = end(gather, deadline, Moment::now());
    let nobody = |error| Stop { part: None, error, passed: None };
    let body = match gather.sends_body() {
        true => Some(read(body, gather.max_bytes, until).await.map_err(nobody)?),
        false => None,
    };
    let room = Room::new(gather.max_bytes);
    let arrived: Vec<OnceCell<Arrived>> = gather.parts.iter().map(|_| OnceCell::new()).collect();
    let over = Course::new(gather, request, body, until, &room, progress, &arrived).run().await?;
    answer::compose(gather, over)
}

/// Why there is no answer of all.
#[derive(Debug)]
pub struct Stop {
    /// The part that is to blame.
    pub part: Option<usize>,
    pub error: Error,
    /// What its upstream said, where the client shall read it.
    pub passed: Option<Box<Response>>,
}

/// The part and its endpoint stand in the log. A 4xx passes: it says something to the client.
fn stopped(record: &mut RequestRecord, gather: &Gather, progress: &[Progress], stop: Stop) -> Result<Response, Error> {
    let Stop { part, error, passed } = stop;
    if let Some(place) = part {
        record.upstream = Some(gather.parts[place].upstream.clone());
        record.progress.tries.set(progress[place].tries.get());
        record.progress.endpoint.swap(&progress[place].endpoint);
    }
    match passed {
        Some(passed) => {
            record.note(error);
            Ok(answer::finish(*passed, &record.request))
        }
        None => Err(error),
    }
}

/// When all must have ended.
pub fn end(gather: &Gather, deadline: Option<Moment>, now: Moment) -> Option<Moment> {
    let own = gather.deadline.map(|patience| now.plus(patience));
    let waits = gather.parts.iter().any(|part| matches!(part.need, Need::Optional(_)));
    let whole = match deadline {
        Some(deadline) if own.is_none() && waits => {
            let left = Duration::from_nanos(deadline.since(now).as_nanos() as u64);
            Some(now.plus(left.saturating_sub((left / RESERVE).min(MOST_RESERVED))))
        }
        other => other,
    };
    own.into_iter().chain(whole).min()
}

/// Reads the client's body to its end.
async fn read(mut body: Body, most: u64, until: Option<Moment>) -> Result<Bytes, Error> {
    let reading = async {
        let mut whole = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| body.poll_frame(cx)).await {
            if let Frame::Data(data) = frame? {
                if (whole.len() + data.len()) as u64 > most {
                    return Err(Error::because(Kind::BodyTooLarge, "larger than what may be gathered"));
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole.freeze())
    };
    match until {
        None => reading.await,
        Some(until) => glorieta_net::timer::within(until, pin!(reading))
            .await
            .unwrap_or_else(|| Err(Error::because(Kind::Deadline, "the request's body has not come"))),
    }
}

enum State<'a> {
    Waiting,
    UnderWay(Pin<Box<dyn Future<Output = Result<Arrived, Failure>> + 'a>>),
    /// The same request as another part's, which is under way.
    SameAs(usize),
    Over(Over<'a>),
}

/// The parts of one request on their way.
struct Course<'a> {
    gather: &'a Gather,
    request: &'a Request,
    body: Option<Bytes>,
    until: Option<Moment>,
    room: &'a Room,
    progress: &'a [Progress],
    /// The answers as they came, of which what the parts give is only a view.
    arrived: &'a [OnceCell<Arrived>],
    states: Vec<State<'a>>,
    /// What was asked, of parts that may ask the same as others.
    asked: Vec<Option<Vec<u8>>>,
}

impl<'a> Course<'a> {
    fn new(
        gather: &'a Gather,
        request: &'a Request,
        body: Option<Bytes>,
        until: Option<Moment>,
        room: &'a Room,
        progress: &'a [Progress],
        arrived: &'a [OnceCell<Arrived>],
    ) -> Course<'a> {
        let states = gather.parts.iter().map(|_| State::Waiting).collect();
        let asked = vec![None; gather.parts.len()];
        Course { gather, request, body, until, room, progress, arrived, states, asked }
    }

    async fn run(mut self) -> Result<Vec<Over<'a>>, Stop> {
        loop {
            while let Some(place) = self.ready() {
                self.begin(place)?;
            }
            if self.states.iter().all(|state| matches!(state, State::Over(_))) {
                let over = self.states.into_iter().filter_map(|state| match state {
                    State::Over(over) => Some(over),
                    _ => None,
                });
                return Ok(over.collect());
            }
            let (place, fetched) = std::future::poll_fn(|cx| self.poll(cx)).await;
            self.ended(place, fetched)?;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Result<Arrived, Failure>)> {
        for (place, state) in self.states.iter_mut().enumerate() {
            if let State::UnderWay(future) = state
                && let Poll::Ready(fetched) = future.as_mut().poll(cx)
            {
                return Poll::Ready((place, fetched));
            }
        }
        Poll::Pending
    }

    /// A part that has not begun, and needs nothing that is not over.
    fn ready(&self) -> Option<usize> {
        let is_over = |&need: &usize| matches!(self.states[need], State::Over(_));
        let mut waiting = (0..self.states.len()).filter(|&place| matches!(self.states[place], State::Waiting));
        waiting.find(|&place| self.gather.parts[place].needs.iter().all(is_over))
    }

    /// The JSON of a part that is over.
    fn json(&self, place: usize) -> Option<&[u8]> {
        match &self.states[place] {
            State::Over(over) => over.json.as_deref(),
            _ => None,
        }
    }

    /// Whether a part that is over has given something, if only by its default.
    fn ended_well(&self, place: usize) -> bool {
        match &self.states[place] {
            State::Over(over) => over.json.is_some() || matches!(over.answer, Some(Ok(_))),
            _ => false,
        }
    }

    fn begin(&mut self, place: usize) -> Result<(), Stop> {
        let part = &self.gather.parts[place];
        if let Some(&lacking) = part.needs.iter().find(|&&need| !self.ended_well(need)) {
            return self.unsent(place, &format!("part {} gave nothing", self.gather.parts[lacking].name));
        }
        let answers = |place: usize| self.json(place);
        let asked = match ask(self.request, part, &answers, self.body.as_ref()) {
            Ok(asked) => asked,
            Err(Hole::Refused(error)) if part.needs.is_empty() => {
                return Err(Stop { part: None, error, passed: None });
            }
            Err(Hole::Refused(error)) => return self.unsent(place, error.detail()),
            Err(Hole::Missing(word)) => return self.unsent(place, &format!("there is no {word}")),
        };
        let key = match &part.upstream.settings.balance {
            Balance::Hash(word) => hash_of(self.request, word),
            _ => None,
        };
        if part.need == Need::Shadow {
            if let Some(route) = &self.request.route {
                shadow::send(Arc::clone(route), place, asked, key);
            }
            self.states[place] = State::Over(Over::unheard());
            return Ok(());
        }
        if part.may_repeat {
            let own = identity(part, &asked.head);
            if let Some(same) = self.asked.iter().position(|other| other.as_ref() == Some(&own)) {
                return self.join(place, same);
            }
            self.asked[place] = Some(own);
        }
        self.start(place, asked, key);
        Ok(())
    }

    fn start(&mut self, place: usize, asked: Asked, key: Option<u64>) {
        let part = &self.gather.parts[place];
        let own = part.timeout.map(|timeout| Moment::now().plus(timeout));
        let deadline = own.into_iter().chain(self.until).min();
        let fetching = fetch(part, asked, key, deadline, self.room, &self.progress[place]);
        self.states[place] = State::UnderWay(Box::pin(fetching));
    }

    /// Waits for another part's answer, which is this one's as well.
    fn join(&mut self, place: usize, same: usize) -> Result<(), Stop> {
        let fetched = match (self.arrived[same].get(), &self.states[same]) {
            (Some(arrived), _) => Ok(arrived),
            (None, State::Over(Over { answer: Some(Err(failure)), .. })) => Err(failure.clone()),
            _ => {
                self.states[place] = State::SameAs(same);
                return Ok(());
            }
        };
        self.settle(place, fetched)
    }

    /// A call has ended: for its part, and for those that asked the same.
    fn ended(&mut self, place: usize, fetched: Result<Arrived, Failure>) -> Result<(), Stop> {
        let fetched = fetched.map(|arrived| self.arrived[place].get_or_init(|| arrived));
        for other in 0..self.states.len() {
            if matches!(self.states[other], State::SameAs(same) if same == place) {
                self.settle(other, fetched.clone())?;
            }
        }
        self.settle(place, fetched)
    }

    fn unsent(&mut self, place: usize, why: &str) -> Result<(), Stop> {
        let error = Error::new(Kind::PartInvalid).with_detail(format!("not sent: {why}"));
        self.settle(place, Err(Failure::new(Reason::Unsent, error)))
    }

    /// A part is over: what it gives is looked at now, so that one that fails ends the others at once.
    fn settle(&mut self, place: usize, fetched: Result<&'a Arrived, Failure>) -> Result<(), Stop> {
        let part = &self.gather.parts[place];
        let judged = fetched.clone().and_then(|arrived| judge(part, arrived));
        let over = match judged {
            Ok(over) => over,
            Err(failure) => {
                part.series.count(current_worker(), Some(failure.reason));
                match &part.need {
                    Need::Required => return Err(required(part, place, failure, fetched.ok())),
                    Need::Optional(default) => Over::missing(failure, default.as_deref()),
                    Need::Shadow => Over::unheard(),
                }
            }
        };
        self.states[place] = State::Over(over);
        Ok(())
    }
}

/// A required part is not there, so there is no answer.
fn required(part: &Part, place: usize, failure: Failure, arrived: Option<&Arrived>) -> Stop {
    let detail = match failure.error.detail() {
        "" => format!("part {}: {}", part.name, failure.error.kind.reason()),
        detail => format!("part {}: {detail}", part.name),
    };
    let passes = failure.reason == Reason::Status && failure.status.is_some_and(|status| (400..500).contains(&status));
    let passed = arrived.filter(|_| passes).map(|arrived| Box::new(answer::passed(arrived)));
    Stop { part: Some(place), error: failure.error.with_detail(detail), passed }
}

/// What makes two requests the same: upstream, method, target, headers and time.
fn identity(part: &Part, head: &RequestHead) -> Vec<u8> {
    let mut own = Vec::with_capacity(256);
    own.extend_from_slice(part.upstream.id.as_bytes());
    for text in [part.method.as_bytes(), head.path(), head.query().unwrap_or_default()] {
        own.push(0);
        own.extend_from_slice(text);
    }
    for (_, name, value) in head.fields.iter() {
        own.push(0);
        own.extend(name.iter().map(u8::to_ascii_lowercase));
        own.push(0);
        own.extend_from_slice(value);
    }
    own.extend_from_slice(format!("\0{:?}", part.timeout).as_bytes());
    own
}
