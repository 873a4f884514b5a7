//! What a worker is told.

use std::sync::Arc;

use glorieta_net::listen::{Bind, Socket};
use glorieta_net::quic::Datagrams;

use crate::handlers::Process;

pub enum Message {
    /// Accept here; the snapshot that has the listener is published already.
    Listen { bind: Bind, socket: Socket },
    /// The same by QUIC.
    ListenQuic { bind: Bind, datagrams: Arc<Datagrams> },
    /// Accept here no more; what is open ends in peace.
    Leave { bind: Bind },
    /// Another snapshot has been published.
    Refresh,
    /// Send requests to this process, too.
    Join(Arc<Process>),
    /// The process of this number has ended.
    Part(u64),
    /// Leave everywhere.
    Drain,
    /// End; what is still open is cut.
    Stop,
}
