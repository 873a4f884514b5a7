//! Writes the metrics out, in the text format that Prometheus and OpenMetrics parsers read.
//!
//! A collector is made for each scrape out of what is counted at that moment, so that nothing is
//! counted twice, once here and once in a second registry.

mod family;
mod own;
#[cfg(test)]
mod tests;
mod traffic;

use std::collections::BTreeMap;
use std::fmt::Error;

use glorieta_core::Moment;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;

use super::process::Process;
use super::registry::{All, Registry};
use crate::log::LogCounts;

/// The media type of what [`Registry::render`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Written = Result<(), Error>;

/// What only the running engine knows, read for one scrape.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    pub upstreams: Vec<ObservedUpstream>,
    pub handlers: Vec<ObservedHandler>,
    pub files: Vec<ObservedFiles>,
    pub log: LogCounts,
}

/// The files of TLS of a listener or an upstream.
#[derive(Clone, Debug)]
pub struct ObservedFiles {
    /// `listener` or `upstream`.
    pub kind: &'static str,
    pub owner: String,
    /// The certificates' names, and when they expire in seconds since 1970.
    pub expiries: Vec<(String, i64)>,
    /// How often changed files could not be used.
    pub failures: u64,
}

/// An upstream as it stands.
#[derive(Clone, Debug)]
pub struct ObservedUpstream {
    pub upstream: String,
    /// How many are in each state; also where none is, so that a state that was left reads 0.
    pub endpoints: Vec<(&'static str, u64)>,
    /// Requests that wait for a connection.
    pub waiting: u64,
}

/// A handler as it stands, over all its processes.
#[derive(Clone, Debug)]
pub struct ObservedHandler {
    pub handler: String,
    /// Requests that no process has begun.
    pub queue: u64,
    /// Requests that processes work on.
    pub running: u64,
    /// Requests that go on after their answers.
    pub lingering: u64,
    /// How late the event loop is that is latest.
    pub lag_seconds: f64,
}

impl Registry {
    /// Everything there is to know, as text.
    pub fn render(&self, observed: &Observed) -> String {
        self.sweep(Moment::now());
        let scrape = Scrape {
            all: self.all(),
            endpoints: endpoints(&observed.upstreams),
            waiting: waiting(&observed.upstreams),
            handlers: observed.handlers.clone(),
            files: observed.files.clone(),
            log: observed.log,
            process: Process::read(),
        };
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(scrape));
        let mut text = String::new();
        // Half an exposition would read as a whole one; but no write to a text fails.
        if encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }
}

/// One table for all, so that no series is written twice, whatever was observed.
fn endpoints(upstreams: &[ObservedUpstream]) -> BTreeMap<(String, &'static str), u64> {
    let mut table = BTreeMap::new();
    for observed in upstreams {
        for &(state, count) in &observed.endpoints {
            *table.entry((observed.upstream.clone(), state)).or_default() += count;
        }
    }
    table
}

fn waiting(upstreams: &[ObservedUpstream]) -> BTreeMap<String, u64> {
    let mut table = BTreeMap::new();
    for observed in upstreams {
        *table.entry(observed.upstream.clone()).or_default() += observed.waiting;
    }
    table
}

#[derive(Debug)]
struct Scrape {
    all: All,
    endpoints: BTreeMap<(String, &'static str), u64>,
    waiting: BTreeMap<String, u64>,
    handlers: Vec<ObservedHandler>,
    files: Vec<ObservedFiles>,
    log: LogCounts,
    process: Process,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Written {
        let encoder = &mut encoder;
        self.requests(encoder)?;
        self.upstreams(encoder)?;
        self.listeners(encoder)?;
        self.certificates(encoder)?;
        self.handlers(encoder)?;
        self.parts(encoder)?;
        self.variants(encoder)?;
        self.mirrors(encoder)?;
        self.engine(encoder)?;
        self.process(encoder)
    }
}
