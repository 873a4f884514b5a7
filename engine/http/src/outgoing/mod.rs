//! What a request to an endpoint is made of, whatever version of HTTP it is sent by: its head, its body and its times.

mod patience;
mod upload;

use std::time::Duration;

use glorieta_core::{Error, Kind, Moment, RequestHead, Wire};

use crate::h1::codec::Limits;

#[cfg(test)]
pub(crate) use patience::CONTINUE_WAIT;
pub(crate) use patience::{Armed, Patience, Quiet};
pub use upload::Upload;

/// Interim answers to one request; more are an attack or a defect (attack 21).
pub(crate) const MOST_INTERIM: u32 = 16;

/// What is sent, and for how long its answer is waited for.
pub struct Request<'a> {
    pub head: &'a RequestHead,
    /// The value of `Upgrade`.
    pub upgrade: Option<&'a [u8]>,
    /// Of the answer's head. The target's limit is not used.
    pub limits: Limits,
    pub first_byte: Duration,
    /// Between two writes while the body is sent.
    pub idle: Duration,
    /// When the whole request must have been answered.
    pub deadline: Option<Moment>,
    /// Where interim answers go.
    pub wire: Option<&'a dyn Wire>,
}

/// Counts the interim answers to one request.
#[derive(Default)]
pub(crate) struct Interims(u32);

impl Interims {
    /// # Errors
    /// `response_malformed`: there are too many.
    pub(crate) fn count(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 > MOST_INTERIM {
            return Err(Error::because(Kind::ResponseMalformed, "too many interim answers"));
        }
        Ok(())
    }
}
