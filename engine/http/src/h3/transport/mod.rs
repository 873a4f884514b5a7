//! `quinn` as `h3` wants it, with what a listener wants besides: no stream is finished by being dropped, no frame is
//! kept longer than it may be, and what comes after the last request that is taken is refused.

mod connection;
mod receiver;
mod sender;
mod state;

use std::sync::Arc;

use h3::error::Code;
use h3::quic::{ConnectionErrorIncoming, StreamErrorIncoming, StreamId};
use quinn::{ConnectionError, VarInt};

pub use connection::{Both, Shared, Transport};
pub use receiver::Receiver;
pub use sender::Sender;
pub use state::StreamState;

fn code(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

fn id(id: quinn::StreamId) -> StreamId {
    match StreamId::try_from(VarInt::from(id).into_inner()) {
        Ok(id) => id,
        Err(_) => unreachable!("both are the same 62 bits"),
    }
}

fn lost(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: closed.error_code.into_inner() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

fn stream_lost(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error: lost(error) }
}

/// A stream that was stopped, by either side.
fn terminated(code: u64) -> StreamErrorIncoming {
    StreamErrorIncoming::StreamTerminated { error_code: code }
}
