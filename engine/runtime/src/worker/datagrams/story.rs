//! What is written down of a session, also when it is cut.

use std::rc::Rc;

use glorieta_core::{Error, Kind, Moment, Peer, RequestId};
use glorieta_policy::Word;

use super::session::Session;
use crate::log::Entry;
use crate::worker::connection::Open;

pub struct Story {
    pub open: Open,
    session: Rc<Session>,
    started: Moment,
    end: Option<Result<(), Error>>,
}

impl Story {
    pub fn begin(open: Open, session: Rc<Session>) -> Story {
        open.worker.begin_request();
        Story { open, session, started: Moment::now(), end: None }
    }

    pub fn end(&mut self, end: Result<(), Error>) {
        self.end = Some(end);
    }

    fn error(&self) -> Option<Error> {
        match &self.end {
            None => Some(Error::because(Kind::Draining, "cut when time was up")),
            Some(end) => end.clone().err(),
        }
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.session.leave();
        let worker = &self.open.worker;
        let Session { view, route, pair, traffic, progress, .. } = &*self.session;
        let listener = &view.listener;
        let error = self.error();
        if let Some(Err(error)) = &self.end {
            listener.series.rejected(worker.index, error.kind);
        }
        let mut log = worker.log.borrow_mut();
        if log.enabled() {
            let endpoint = progress.endpoint.borrow();
            let (peer, needs) = (Peer::at(Some(pair.0)), worker.log_needs());
            let read = |(text, word): &'_ (String, Word)| {
                Some((text.clone(), route.target.read_word(word, &peer, &listener.id, None)?))
            };
            let values: Vec<_> = needs.words.iter().filter_map(read).collect();
            let extra: Vec<(&str, &[u8])> =
                values.iter().map(|(text, value)| (text.as_str(), value.as_slice())).collect();
            log.record(&Entry {
                time_unix_ns: worker.unix_nanoseconds(self.started),
                duration_ns: Moment::now().since(self.started).as_nanos() as u64,
                request_id: RequestId::random(fastrand::u128(..)).as_str(),
                listener: &listener.id,
                route: &route.target.route,
                client: peer.client,
                client_port: pair.0.port(),
                protocol: "udp",
                reason: error.as_ref().map(|error| error.kind.reason()),
                detail: error.as_ref().map_or("", |error| error.detail()),
                upstream: &route.target.upstream.id,
                endpoint: endpoint.as_ref().map_or("", |endpoint| &endpoint.name),
                tries: progress.tries.get(),
                bytes_in: traffic.bytes_in.get(),
                bytes_out: traffic.bytes_out.get(),
                extra: &extra,
                ..Entry::default()
            });
            drop(log);
            worker.log_soon();
        }
        worker.end_request();
    }
}
