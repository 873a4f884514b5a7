//! What a failed stream or connection means for its request.

use ::h2::{Error as H2Error, Reason};
use glorieta_core::{Error, Kind, Retry};

use super::driver::Pulse;

/// Before the answer's head.
///
/// Where the endpoint says that it has done nothing (RFC 9113 §8.7: streams above GOAWAY's last one, and those refused
/// by REFUSED_STREAM) the request may be sent again, whatever it is.
pub(super) fn unanswered(error: &H2Error, pulse: &Pulse) -> Error {
    let reason = error.reason().unwrap_or(Reason::NO_ERROR);
    let reset = |retry, text: String| Error::new(Kind::UpstreamReset).with_detail(text).retry(retry);
    if error.is_go_away() && error.is_remote() {
        return reset(Retry::NotSent, format!("said GOAWAY before it took the request ({})", name(reason)));
    }
    if error.is_reset() && error.is_remote() {
        return match reason {
            Reason::REFUSED_STREAM => reset(Retry::NotSent, "refused the stream".to_owned()),
            Reason::HTTP_1_1_REQUIRED => reset(Retry::No, "asks for HTTP/1.1".to_owned()),
            reason => reset(Retry::IfIdempotent, format!("reset the stream ({})", name(reason))),
        };
    }
    if error.is_library() {
        // Whose answer it was that broke the connection is not known; a stream's own fault is.
        let retry = if error.is_go_away() { Retry::IfIdempotent } else { Retry::No };
        return malformed(reason).retry(retry);
    }
    let how = pulse.given_up.get().unwrap_or("the connection ended");
    Error::because(Kind::UpstreamReset, how).retry(Retry::IfIdempotent)
}

/// Within the answer's body.
pub(super) fn cut_off(error: &H2Error, pulse: &Pulse) -> Error {
    let reason = error.reason().unwrap_or(Reason::NO_ERROR);
    if error.is_library() {
        return malformed(reason);
    }
    match pulse.given_up.get() {
        Some(how) => Error::because(Kind::ResponseCutOff, how),
        None if error.is_reset() => {
            Error::new(Kind::ResponseCutOff).with_detail(format!("reset the stream ({})", name(reason)))
        }
        None => Error::because(Kind::ResponseCutOff, "the connection ended"),
    }
}

/// Before anything of the request could be sent.
pub(super) fn unsent(error: &H2Error) -> Error {
    Error::new(Kind::UpstreamReset).with_detail(format!("takes no request: {error}")).retry(Retry::NotSent)
}

fn malformed(reason: Reason) -> Error {
    Error::new(Kind::ResponseMalformed).with_detail(format!("broke the rules of HTTP/2 ({})", name(reason)))
}

/// As RFC 9113 §7 writes it.
fn name(reason: Reason) -> String {
    format!("{reason:?}")
}
