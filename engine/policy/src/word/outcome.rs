//! Words whose values are known only once a request has been answered.

use std::io::Write;
use std::time::Duration;

/// The words of the access log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeWord {
    Status,
    /// What became of a call of gRPC.
    GrpcStatus,
    /// glorieta's own word where it answered itself.
    Reason,
    /// Milliseconds, with three decimals.
    Duration,
    Upstream,
    Endpoint,
    Tries,
    BytesIn,
    BytesOut,
    /// How many times longer an answer was before it was compressed, with two decimals.
    CompressionRatio,
    /// The time of day, RFC 3339.
    Time,
}

/// What is known once a request has been answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome<'a> {
    pub status: u16,
    pub grpc_status: Option<u16>,
    pub reason: &'a str,
    pub duration: Duration,
    pub upstream: &'a str,
    pub endpoint: &'a str,
    pub tries: u32,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Already formatted; empty where nothing was compressed.
    pub compression_ratio: &'a str,
    /// The time of day, already formatted.
    pub time: &'a str,
}

impl OutcomeWord {
    pub(super) fn read(self, outcome: &Outcome<'_>, out: &mut Vec<u8>) -> bool {
        let text = match self {
            OutcomeWord::Status => return write!(out, "{}", outcome.status).is_ok(),
            OutcomeWord::GrpcStatus => {
                return outcome.grpc_status.is_some_and(|status| write!(out, "{status}").is_ok());
            }
            OutcomeWord::Duration => {
                let micros = outcome.duration.as_micros();
                return write!(out, "{}.{:03}", micros / 1000, micros % 1000).is_ok();
            }
            OutcomeWord::Tries => return write!(out, "{}", outcome.tries).is_ok(),
            OutcomeWord::BytesIn => return write!(out, "{}", outcome.bytes_in).is_ok(),
            OutcomeWord::BytesOut => return write!(out, "{}", outcome.bytes_out).is_ok(),
            OutcomeWord::Reason => outcome.reason,
            OutcomeWord::Upstream => outcome.upstream,
            OutcomeWord::Endpoint => outcome.endpoint,
            OutcomeWord::CompressionRatio => outcome.compression_ratio,
            OutcomeWord::Time => outcome.time,
        };
        out.extend_from_slice(text.as_bytes());
        !text.is_empty()
    }
}
