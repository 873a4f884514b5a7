//! What a worker is told.

use glorieta_net::listen::Socket;

pub enum Message {
    /// Accept here; the snapshot that has the listener is published already.
    Listen { bind: String, socket: Socket },
    /// Accept here no more; what is open ends in peace.
    Leave { bind: String },
    /// Another snapshot has been published.
    Refresh,
    /// Leave everywhere.
    Drain,
    /// End; what is still open is cut.
    Stop,
}
