//! One client and one endpoint.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use glorieta_core::{Error, Kind, Moment};
use glorieta_net::Timer;
use glorieta_upstream::{Assigned, Assigning, Progress};

use super::hall::{Hall, Pair};
use super::story::Story;
use crate::metrics::Direction;
use crate::snapshot::DatagramRoute;
use crate::worker::View;
use crate::worker::connection::Open;

/// Endpoints that are tried after the first has refused.
const RETRIES: u32 = 2;
/// The largest datagram that is kept until it is answered, to be sent to another endpoint if this one refuses it.
const KEPT: usize = 2048;
/// How long nothing may move any more once the listener is gone.
const LAST_QUIET: Duration = Duration::from_secs(1);

/// A session, known to the hall that finds it and to the task that waits for answers.
pub struct Session {
    hall: Rc<Hall>,
    pub view: Rc<View>,
    pub route: Arc<DatagramRoute>,
    pub pair: Pair,
    pub progress: Progress,
    pub traffic: Traffic,
    assigning: RefCell<Assigning>,
    /// `None` only while another is being found.
    assigned: RefCell<Option<Assigned>>,
    kept: RefCell<Option<Box<[u8]>>>,
    /// The endpoint refused what was sent.
    refused: Cell<bool>,
    /// It has less time than its route gives it, since the listener is gone.
    hurried: Cell<bool>,
    timer: Timer,
}

/// What has gone through a session.
#[derive(Default)]
pub struct Traffic {
    pub datagrams_in: Cell<u64>,
    pub datagrams_out: Cell<u64>,
    pub bytes_in: Cell<u64>,
    pub bytes_out: Cell<u64>,
}

fn add(cell: &Cell<u64>, amount: u64) {
    cell.set(cell.get() + amount);
}

impl Session {
    /// Begins a session: its first datagram is sent at once, its task waits for the answers.
    pub fn begin(
        hall: &Rc<Hall>,
        open: Open,
        view: Rc<View>,
        route: Arc<DatagramRoute>,
        pair: Pair,
        hash: Option<u64>,
        first: &[u8],
    ) {
        let session = Rc::new(Session {
            hall: hall.clone(),
            progress: Progress::default(),
            traffic: Traffic::default(),
            assigning: RefCell::new(Assigning::new(&route.target.upstream, hash, RETRIES)),
            assigned: RefCell::new(None),
            kept: RefCell::new((first.len() <= KEPT).then(|| first.into())),
            refused: Cell::new(false),
            hurried: Cell::new(false),
            timer: Timer::new(),
            view,
            route,
            pair,
        });
        let mut story = Story::begin(open, session.clone());
        let assigned = session.assigning.borrow_mut().assign(&session.route.target.upstream, &session.progress);
        match assigned {
            Ok(assigned) => session.assigned.replace(Some(assigned)),
            Err(error) => return story.end(Err(error)),
        };
        hall.enter(pair, session.clone());
        let (key, alarm) = (story.open.key, session.timer.alarm());
        session.pass(first);
        let task = tokio::task::spawn_local(async move {
            let end = session.run().await;
            story.end(end);
        });
        if let Some(guest) = hall.entrance.connections.borrow_mut().get_mut(key) {
            (guest.alarm, guest.task) = (Some(alarm), Some(task.abort_handle()));
        }
    }

    /// Sends a client's datagram to the endpoint.
    pub fn pass(&self, bytes: &[u8]) {
        let now = Moment::now();
        self.timer.arm(now.plus(self.quiet()));
        add(&self.traffic.datagrams_in, 1);
        add(&self.traffic.bytes_in, bytes.len() as u64);
        let series = &self.view.listener.series;
        let worker = self.hall.worker.index;
        series.datagram(worker, Direction::In, bytes.len());
        if self.traffic.datagrams_in.get() > 1 {
            // Of several nobody knows which one was answered.
            self.kept.take();
        }
        match self.assigned.borrow().as_ref().map(|assigned| assigned.line.send(bytes)) {
            Some(Ok(())) => {}
            Some(Err(error)) if is_refusal(&error) => {
                self.refused.set(true);
                self.timer.alarm().ring();
            }
            Some(Err(_)) | None => series.datagram_lost(worker),
        }
    }

    /// Passes answers on until the session is over.
    async fn run(&self) -> Result<(), Error> {
        loop {
            match poll_fn(|cx| self.poll(cx)).await {
                Event::Complete => return Ok(()),
                Event::Quiet => return self.fell_quiet(),
                Event::Refused => self.go_elsewhere()?,
                Event::Failed(error) => {
                    return Err(Error::new(Kind::Unreachable).with_detail(format!("{}: {error}", self.label())));
                }
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.hall.entrance.is_closing() {
            self.timer.arm_by(Moment::now().plus(LAST_QUIET));
            self.hurried.set(true);
        } else if self.hurried.take() {
            // The listener is back.
            self.timer.arm(Moment::now().plus(self.quiet()));
        }
        loop {
            if self.refused.take() {
                return Poll::Ready(Event::Refused);
            }
            let assigned = self.assigned.borrow();
            let Some(assigned) = assigned.as_ref() else { return Poll::Ready(Event::Complete) };
            match assigned.line.poll_receive(cx, |bytes| self.answer(assigned, bytes)) {
                Poll::Ready(Ok(())) => self.timer.arm(Moment::now().plus(self.quiet())),
                Poll::Ready(Err(error)) if is_refusal(&error) => return Poll::Ready(Event::Refused),
                Poll::Ready(Err(error)) => return Poll::Ready(Event::Failed(error)),
                Poll::Pending if self.is_complete() => return Poll::Ready(Event::Complete),
                Poll::Pending => return self.timer.poll(cx).map(|()| Event::Quiet),
            }
        }
    }

    /// Passes an answer on to the client.
    fn answer(&self, assigned: &Assigned, bytes: &[u8]) {
        let (series, worker) = (&self.view.listener.series, self.hall.worker.index);
        let traffic = &self.traffic;
        if traffic.datagrams_out.get() == 0 {
            self.kept.take();
            assigned.answered(&self.route.target.upstream);
        }
        add(&traffic.datagrams_out, 1);
        let most = traffic.bytes_in.get().saturating_mul(u64::from(self.route.amplification));
        if self.route.amplification > 0 && traffic.bytes_out.get() + bytes.len() as u64 > most {
            return series.datagram_lost(worker);
        }
        add(&traffic.bytes_out, bytes.len() as u64);
        series.datagram(worker, Direction::Out, bytes.len());
        let (client, server) = self.pair;
        if self.hall.entry.send(bytes, client, server).is_err() {
            series.datagram_lost(worker);
        }
    }

    /// All answers that were to come have come.
    fn is_complete(&self) -> bool {
        let traffic = &self.traffic;
        self.route.responses.is_some_and(|each| {
            traffic.datagrams_out.get() >= traffic.datagrams_in.get().saturating_mul(u64::from(each))
        })
    }

    fn quiet(&self) -> Duration {
        if self.hall.entrance.is_closing() { self.route.target.idle.min(LAST_QUIET) } else { self.route.target.idle }
    }

    fn fell_quiet(&self) -> Result<(), Error> {
        // Without a number that was to come, silence says nothing.
        if self.route.responses.is_none() || self.traffic.datagrams_out.get() > 0 || self.hall.entrance.is_closing() {
            return Ok(());
        }
        let error = Error::new(Kind::IdleTimeout).with_detail(format!("{} did not answer", self.label()));
        if let Some(assigned) = self.assigned.take() {
            assigned.failed(&self.route.target.upstream, &error);
        }
        Err(error)
    }

    /// Nobody is there. What has not been answered yet is sent to another endpoint, if it is still at hand.
    fn go_elsewhere(&self) -> Result<(), Error> {
        let Some(refused) = self.assigned.take() else { return Ok(()) };
        let upstream = &self.route.target.upstream;
        let Some(kept) = self.kept.borrow().clone() else {
            let error = Error::new(Kind::Refused).with_detail(format!("{} refused", refused.label()));
            refused.failed(upstream, &error);
            return Err(error);
        };
        let assigned = self.assigning.borrow_mut().reassign(upstream, &self.progress, refused)?;
        // Whether it is refused here, too, shows when answers are waited for.
        if assigned.line.send(&kept).is_err() {
            self.view.listener.series.datagram_lost(self.hall.worker.index);
        }
        self.assigned.replace(Some(assigned));
        Ok(())
    }

    pub fn leave(&self) {
        self.hall.leave(&self.pair);
    }

    fn label(&self) -> String {
        self.assigned.borrow().as_ref().map(Assigned::label).unwrap_or_default()
    }
}

enum Event {
    Complete,
    Quiet,
    Refused,
    Failed(io::Error),
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}
