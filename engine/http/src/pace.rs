//! How slowly the body of a request may come.

use std::time::Duration;

use glorieta_core::{Error, Kind, Moment};

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

    /// That of a call whose messages come when they come, such as one of gRPC that streams.
    pub fn lasting() -> Pace {
        Pace { timeout: LASTING, rate: 0, waiting: None, waited: Duration::ZERO }
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
