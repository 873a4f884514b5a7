//! The access log: one line per request, made off the request path, never in its way.
//!
//! Three parts. A [`LogWriter`] per worker copies an [`Entry`] into a batch; a batch goes to the
//! log's own thread when it is full or at the worker's tick; that thread formats and writes, one
//! write per batch. It is a thread of its own, not the housekeeper, because a pipe that nobody
//! reads blocks whoever writes to it, and the housekeeper also answers `/livez`. What waits is
//! bounded; beyond it entries are dropped and counted.

mod entry;
mod format;
mod queue;
mod sink;
mod target;
mod writer;

pub use entry::{Entry, Record, Text};
pub use format::{Format, Needed, Options, needed};
pub use sink::{LogCounts, LogSink};
pub use writer::LogWriter;
