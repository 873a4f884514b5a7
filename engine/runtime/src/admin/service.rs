//! The admin pages behind a connection, with limits of their own: small, strict, and no setting.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use glorieta_core::{Error, Exchange, Moment, Peer, RequestHead, Response};
use glorieta_http::h1::codec::Limits;
use glorieta_http::{Record, Reply, Service, Settings, Versions};
use glorieta_net::TunnelReport;

use super::{Place, View, pages};
use crate::clock::Clock;

const SETTINGS: Settings = Settings {
    limits: Limits { head_bytes: 16 << 10, header_count: 64, target_bytes: 1 << 10 },
    versions: Versions { h1: true, h2: false },
    streams: 1,
    head_timeout: Duration::from_secs(5),
    body_timeout: Duration::from_secs(5),
    write_timeout: Duration::from_secs(10),
    keep_alive: Duration::from_secs(20),
    requests_per_connection: 0,
    body_rate: 0,
};

/// Answers the requests of one connection to the admin address.
pub struct AdminService {
    view: Arc<dyn View>,
    settings: Rc<Settings>,
    clock: Clock,
    place: Place,
}

impl AdminService {
    pub(super) fn new(view: Arc<dyn View>, place: Place) -> AdminService {
        AdminService { view, settings: Rc::new(SETTINGS), clock: Clock::default(), place }
    }
}

/// Nothing is written down about requests for the admin address.
pub struct Unrecorded;

impl Record for Unrecorded {
    fn bytes_out(&mut self, _: u64) {}

    fn fail(&mut self, _: &Error) {}

    fn instead(&mut self, error: &Error) -> Response {
        Response::new(error.kind.status())
    }

    fn tunnelled(&mut self, _: &TunnelReport) {}
}

impl Service for AdminService {
    type Record = Unrecorded;

    fn settings(&self) -> Rc<Settings> {
        self.settings.clone()
    }

    async fn serve(&self, exchange: Exchange) -> Reply<Unrecorded> {
        Reply::Answer(pages::answer(&exchange.head, &*self.view), Unrecorded)
    }

    fn refuse(&self, _: &Peer, _: RequestHead, _: Moment, error: Error) -> (Response, Unrecorded) {
        (pages::line(error.kind.status(), error.kind.reason()), Unrecorded)
    }

    fn broken(&self, _: &Peer, _: Moment, _: &Error) {}

    /// Where others wait for a place, nobody keeps one between two requests.
    fn is_closing(&self) -> bool {
        self.place.is_wanted()
    }

    fn date(&self) -> [u8; 29] {
        self.clock.date(Moment::now())
    }

    fn became_idle(&self) {}

    fn ceased_idle(&self) {}
}
