//! How slowly the body of a request may come.

use std::time::Duration;

use glorieta_core::{Error, Kind, Moment, RequestHead};
use glorieta_policy::grpc::Dialect;

use crate::service::Settings;

/// So long a client may wait between its bytes before the rate of its body is judged.
pub(crate) const RATE_GRACE: Duration = Duration::from_secs(5);

/// How long a call that streams may pause: as long as its answer may by default (`timeouts.tunnel`).
const LASTING: Duration = Duration::from_secs(3600);

/// How long a body has been waited for, in one step and in all.
pub(crate) struct Pace {
    timeout: Duration,
    /// Bytes per second; 0: any.
    rate: u32,
    /// Since when bytes are waited for.
    pub waiting: Option<Moment>,
    pub waited: Duration,
}

impl Pace {
    pub fn new(settings: &Settings) -> Pace {
        Pace { timeout: settings.body_timeout, rate: settings.body_rate, waiting: None, waited: Duration::ZERO }
    }

    /// That of a request on a stream. The messages of a call of gRPC come when they come.
    pub fn of(head: &RequestHead, settings: &Settings) -> Pace {
        match Dialect::of(head) {
            Some(_) => Pace { timeout: LASTING, rate: 0, ..Pace::new(settings) },
            None => Pace::new(settings),
        }
    }

    /// Begins to wait, or goes on; until when.
    pub fn wait(&mut self) -> Moment {
        self.waiting.get_or_insert_with(Moment::now).plus(self.timeout)
    }

    /// Bytes have come; `bytes_in`: how many so far.
    ///
    /// # Errors
    /// `body_timeout`: the client is too slow.
    pub fn arrived(&mut self, bytes_in: u64) -> Result<(), Error> {
        let Some(since) = self.waiting.take() else { return Ok(()) };
        self.waited += Moment::now().since(since);
        let judged = self.waited.saturating_sub(RATE_GRACE);
        if self.rate > 0 && bytes_in < judged.as_secs() * u64::from(self.rate) {
            return Err(Error::because(Kind::BodyTimeout, "the body came too slowly"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;

    #[test]
    fn messages_of_grpc_come_when_they_come() {
        let settings = Settings { body_timeout: Duration::from_secs(30), body_rate: 100, ..settings() };
        let mut head = RequestHead::build("POST", "a.example", "/a.B/C", None);
        let paced = |head: &RequestHead| {
            let pace = Pace::of(head, &settings);
            (pace.timeout, pace.rate)
        };
        assert_eq!(paced(&head), (settings.body_timeout, 100));
        head.fields.add_named(b"content-type", b"application/grpc+proto");
        assert_eq!(paced(&head), (LASTING, 0));
    }
}
