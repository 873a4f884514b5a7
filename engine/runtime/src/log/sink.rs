//! The log's own thread: takes batches, formats them, writes each with one write.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use glorieta_plan::{AccessLog, LogTarget};

use super::entry::Record;
use super::format::{Format, Options};
use super::queue::{Shared, lock};
use super::target::{Output, Say, open};
use super::writer::LogWriter;
use crate::secrets::Secrets;

/// A buffer that grew beyond this is given back once the rush is over.
const LARGEST_BUFFER: usize = 256 * 1024;
/// How often a closing log looks whether its thread has ended.
const CLOSING_LOOK: Duration = Duration::from_millis(2);

/// What the log has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Entries dropped because too many waited.
    pub dropped: u64,
    /// Lines written.
    pub written: u64,
    /// Lines that could not be written: a full disk, a closed pipe.
    pub failed: u64,
    /// Entries handed over and not yet written.
    pub waiting: u64,
}

/// The access log. Its methods never wait for a write, except [`LogSink::close`], which is bounded.
#[derive(Debug)]
pub struct LogSink {
    shared: Arc<Shared>,
    orders: Arc<Orders>,
    options: Options,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread is told to do once it has written what came before.
#[derive(Default)]
struct Orders {
    change: Mutex<Option<Change>>,
    reopen: AtomicBool,
    closing: AtomicBool,
}

struct Change {
    target: LogTarget,
    file: Option<std::fs::File>,
    format: Format,
}

impl std::fmt::Debug for Orders {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Orders").field("closing", &self.closing).finish_non_exhaustive()
    }
}

/// Opens the target and makes the format ready; the error names what is wrong.
fn prepare(config: &AccessLog, options: Options) -> io::Result<Change> {
    let secrets = Secrets::from_system();
    let format = Format::new(&config.format, options, &|reference| secrets.line(reference))
        .map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?;
    let file = open(&config.to).map_err(|error| match &config.to {
        LogTarget::File(path) => io::Error::new(error.kind(), format!("access log {path}: {error}")),
        _ => error,
    })?;
    Ok(Change { target: config.to.clone(), file, format })
}

impl LogSink {
    /// Opens the target and starts the thread. `say` gets the engine's own messages about the log.
    ///
    /// # Errors
    /// The file cannot be opened, the template has an unknown word, or no thread can be had.
    pub fn start(config: &AccessLog, options: Options, say: Say) -> io::Result<LogSink> {
        let change = prepare(config, options)?;
        let shared = Arc::new(Shared::default());
        let orders = Arc::new(Orders::default());
        let mut worker = Thread {
            shared: shared.clone(),
            orders: orders.clone(),
            output: Output::new(change.target, change.file, say),
            format: change.format,
            lines: Vec::new(),
        };
        let thread = std::thread::Builder::new().name("glorieta-log".into()).spawn(move || worker.run())?;
        // Only this function sets it.
        let _ = shared.thread.set(thread.thread().clone());
        let sink = LogSink { shared, orders, options, thread: Mutex::new(Some(thread)) };
        sink.admit(config);
        Ok(sink)
    }

    fn admit(&self, config: &AccessLog) {
        self.shared.limit.store(config.queue, Relaxed);
        self.shared.enabled.store(config.to != LogTarget::Off, Relaxed);
    }

    /// The writing end for one worker thread.
    pub fn writer(&self) -> LogWriter {
        LogWriter::new(self.shared.clone())
    }

    /// Takes over another target, format or bound. Entries handed over before go to the old ones, those still in a
    /// worker's batch (of the last 50 ms) to the new.
    ///
    /// # Errors
    /// As [`LogSink::start`]; then nothing has changed.
    pub fn reconfigure(&self, config: &AccessLog) -> io::Result<()> {
        let change = prepare(config, self.options)?;
        *lock(&self.orders.change) = Some(change);
        self.admit(config);
        self.shared.wake();
        Ok(())
    }

    /// Whether a configuration would be taken over; opens nothing that stays open.
    pub fn check(&self, config: &AccessLog) -> io::Result<()> {
        prepare(config, self.options).map(drop)
    }

    /// Opens the file anew, for `logrotate`.
    pub fn reopen(&self) {
        self.orders.reopen.store(true, Relaxed);
        self.shared.wake();
    }

    pub fn counts(&self) -> LogCounts {
        LogCounts {
            dropped: self.shared.dropped(),
            written: self.shared.written.load(Relaxed),
            failed: self.shared.failed.load(Relaxed),
            waiting: self.shared.waiting(),
        }
    }

    /// Writes what was handed over and ends the thread; `false` if that took longer than `patience`
    /// (a pipe that nobody reads), and then the thread is left to the end of the process.
    /// Writers are dropped or flushed before.
    pub fn close(&self, patience: Duration) -> bool {
        let Some(thread) = lock(&self.thread).take() else { return true };
        self.orders.closing.store(true, Relaxed);
        self.shared.wake();
        let started = Instant::now();
        while !thread.is_finished() {
            if started.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(CLOSING_LOOK);
        }
        thread.join().is_ok()
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        // Lets the thread end by itself; who wants to wait for it calls `close`.
        self.orders.closing.store(true, Relaxed);
        self.shared.wake();
    }
}

struct Thread {
    shared: Arc<Shared>,
    orders: Arc<Orders>,
    output: Output,
    format: Format,
    lines: Vec<u8>,
}

impl Thread {
    fn run(&mut self) {
        loop {
            // Orders are read before the batches: what was recorded before an order is written before it.
            let change = lock(&self.orders.change).take();
            let reopen = self.orders.reopen.swap(false, Relaxed);
            let closing = self.orders.closing.load(Relaxed);
            let busy = self.drain();
            if let Some(change) = change {
                self.output.replace(change.target, change.file);
                self.format = change.format;
            } else if reopen {
                self.output.reopen();
            } else if closing {
                return;
            } else if !busy {
                std::thread::park();
            }
        }
    }

    /// Writes every batch there is, one of each worker in turn; `false` if there was none.
    fn drain(&mut self) -> bool {
        let lanes = self.shared.lanes();
        let mut busy = false;
        loop {
            let mut found = false;
            for lane in &lanes {
                if let Some(batch) = lane.receive() {
                    self.write(&batch.bytes, u64::from(batch.entries));
                    lane.finish(batch);
                    found = true;
                }
            }
            if !found {
                return busy;
            }
            busy = true;
        }
    }

    fn write(&mut self, mut batch: &[u8], entries: u64) {
        self.lines.clear();
        while let Some(record) = Record::unpack(&mut batch) {
            self.format.line(&record, &mut self.lines);
        }
        let good = self.output.write(&mut self.lines, &self.orders.closing);
        let count = if good { &self.shared.written } else { &self.shared.failed };
        count.fetch_add(entries, Relaxed);
        if self.lines.capacity() > LARGEST_BUFFER {
            self.lines = Vec::new();
        }
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
