//! Writes the metrics out, in the text format that Prometheus and OpenMetrics parsers read.
//!
//! A collector is made for each scrape out of what is counted at that moment, so that nothing is
//! counted twice, once here and once in a second registry.

use std::collections::BTreeMap;
use std::fmt::Error;

use glorieta_core::Moment;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::cells::Durations;
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

impl Scrape {
    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let mut counts = Family::counter(encoder, "glorieta_requests", "Requests that were answered");
        for series in &self.all.routes {
            for (method, codes) in series.requests() {
                for (code, count) in codes {
                    let code = if code == 0 { "other".to_owned() } else { code.to_string() };
                    let labels = [
                        ("listener", series.listener()),
                        ("route", series.route()),
                        ("method", method.label()),
                        ("code", &code),
                    ];
                    counts.count(&labels, count)?;
                }
            }
        }
        let mut calls = Family::counter(encoder, "glorieta_grpc_requests", "Calls of gRPC, by their status");
        for series in &self.all.routes {
            for (status, count) in series.calls() {
                let status = status.map_or_else(|| "other".to_owned(), |status| status.to_string());
                let labels = [("listener", series.listener()), ("route", series.route()), ("status", &*status)];
                calls.count(&labels, count)?;
            }
        }
        let mut durations = Family::histogram(
            encoder,
            "glorieta_request_duration_seconds",
            "From the first byte of a request to the last of its answer",
        );
        for series in self.all.routes.iter().filter(|series| !series.is_unused()) {
            durations.durations(&[("listener", series.listener()), ("route", series.route())], &series.durations())?;
        }
        Ok(())
    }

    fn upstreams(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let upstreams = &self.all.upstreams;
        let mut tries = Family::counter(encoder, "glorieta_upstream_requests", "Tries, each retry included");
        for series in upstreams {
            tries.counts(("upstream", series.upstream()), "outcome", series.requests())?;
        }
        let mut durations = Family::histogram(encoder, "glorieta_upstream_duration_seconds", "One try");
        for series in upstreams.iter().filter(|series| !series.is_unused()) {
            durations.durations(&[("upstream", series.upstream())], &series.durations())?;
        }
        let mut retries = Family::counter(encoder, "glorieta_retries", "Retries, by what had failed");
        for series in upstreams {
            retries.counts(("upstream", series.upstream()), "reason", series.retries())?;
        }
        let mut endpoints = Family::gauge(encoder, "glorieta_endpoints", "Endpoints in each state");
        for ((upstream, state), &count) in &self.endpoints {
            endpoints.level(&[("upstream", upstream.as_str()), ("state", state)], count)?;
        }
        let mut waiting =
            Family::gauge(encoder, "glorieta_upstream_waiting", "Requests that wait for a connection to the upstream");
        for (upstream, &count) in &self.waiting {
            waiting.level(&[("upstream", upstream.as_str())], count)?;
        }
        Ok(())
    }

    fn listeners(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let mut connections = Family::gauge(encoder, "glorieta_connections", "Client connections in each state");
        for series in &self.all.listeners {
            let now = series.connections();
            if now.accepted > 0 {
                for (state, count) in [("active", now.active), ("idle", now.idle)] {
                    connections.level(&[("listener", series.listener()), ("state", state)], count)?;
                }
            }
        }
        let mut rejected =
            Family::counter(encoder, "glorieta_rejected", "Connections and requests refused before a route was found");
        for series in &self.all.listeners {
            rejected.counts(("listener", series.listener()), "reason", series.rejections())?;
        }
        let mut tunnels = Family::counter(encoder, "glorieta_tunnel_bytes", "Bytes passed by tunnels");
        for series in &self.all.listeners {
            let seen = series.tunnels().into_iter().filter(|(_, bytes)| *bytes > 0);
            tunnels.counts(("listener", series.listener()), "direction", seen)?;
        }
        let counted = || self.all.listeners.iter().filter_map(|series| Some((series.listener(), series.datagrams()?)));
        let mut datagrams = Family::counter(encoder, "glorieta_datagrams", "Datagrams passed on");
        for (listener, [inward, outward, _]) in counted() {
            datagrams.counts(("listener", listener), "direction", [("in", inward), ("out", outward)])?;
        }
        let help = "Datagrams that were not passed on: no room for them, or more than a session may be answered";
        let mut lost = Family::counter(encoder, "glorieta_datagrams_lost", help);
        for (listener, [.., count]) in counted() {
            lost.count(&[("listener", listener)], count)?;
        }
        Ok(())
    }

    fn certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let mut handshakes = Family::counter(encoder, "glorieta_tls_handshakes", "TLS handshakes with clients");
        for series in &self.all.listeners {
            handshakes.counts(("listener", series.listener()), "result", series.handshakes())?;
        }
        let help = "When the certificate expires, in seconds since 1970";
        let mut expiries = Family::gauge(encoder, "glorieta_certificate_expiry_seconds", help);
        for files in &self.files {
            // Two certificates may have one name, such as one for each kind of key: the earlier end counts.
            let mut earliest: BTreeMap<&str, i64> = BTreeMap::new();
            for (name, expiry) in &files.expiries {
                earliest.entry(name).and_modify(|known| *known = (*known).min(*expiry)).or_insert(*expiry);
            }
            for (name, expiry) in earliest {
                let labels = [(files.kind, files.owner.as_str()), ("name", name)];
                expiries.level(&labels, expiry.max(0) as u64)?;
            }
        }
        let help = "Changes of files with certificates that could not be used";
        let mut failures = Family::counter(encoder, "glorieta_certificate_reload_failures", help);
        for files in &self.files {
            failures.count(&[(files.kind, files.owner.as_str())], files.failures)?;
        }
        Ok(())
    }

    fn handlers(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let read = |level: fn(&ObservedHandler) -> u64| level;
        let levels = [
            ("glorieta_handler_queue", "Requests that no process of the handler has begun", read(|at| at.queue)),
            ("glorieta_handler_running", "Requests that processes of the handler work on", read(|at| at.running)),
            ("glorieta_handler_lingering", "Requests that go on after their answers", read(|at| at.lingering)),
        ];
        for (name, help, level) in levels {
            let mut family = Family::gauge(encoder, name, help);
            for observed in &self.handlers {
                family.level(&[("handler", observed.handler.as_str())], level(observed))?;
            }
        }
        let help = "How late the event loop of the handler's processes is";
        let mut lag = Family::gauge(encoder, "glorieta_handler_loop_lag_seconds", help);
        for observed in &self.handlers {
            lag.series()?
                .encode_family(&[("handler", observed.handler.as_str())])?
                .encode_gauge(&observed.lag_seconds)?;
        }
        let help = "From a request's arrival at the handler to the head of its answer";
        let mut durations = Family::histogram(encoder, "glorieta_handler_duration_seconds", help);
        for series in self.all.handlers.iter().filter(|series| !series.is_unused()) {
            durations.durations(&[("handler", series.handler())], &series.durations())?;
        }
        let help = "Processes of the handler that ended although they were wanted";
        let mut restarts = Family::counter(encoder, "glorieta_handler_restarts", help);
        for series in &self.all.handlers {
            restarts.count(&[("handler", series.handler())], series.restarts())?;
        }
        let help = "Work after answers, by how it has ended";
        let mut background = Family::counter(encoder, "glorieta_handler_background", help);
        for series in &self.all.handlers {
            background.counts(("handler", series.handler()), "outcome", series.backgrounds())?;
        }
        let help = "Requests that the handler has failed, by the reason";
        let mut failures = Family::counter(encoder, "glorieta_handler_failures", help);
        for series in &self.all.handlers {
            failures.counts(("handler", series.handler()), "reason", series.failures())?;
        }
        Ok(())
    }

    fn parts(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let mut counts = Family::counter(encoder, "glorieta_gather_parts", "Parts of gathered answers that are over");
        for series in &self.all.parts {
            let [listener, route, part] = series.names();
            for (outcome, count) in series.outcomes() {
                let labels = [("listener", listener), ("route", route), ("part", part), ("outcome", outcome)];
                counts.count(&labels, count)?;
            }
        }
        Ok(())
    }

    fn variants(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let help = "Requests of a split, by the variant that they met";
        let mut counts = Family::counter(encoder, "glorieta_split_requests", help);
        for series in &self.all.variants {
            counts.counts_of(series.names(), "outcome", series.outcomes())?;
        }
        Ok(())
    }

    fn mirrors(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let mut counts = Family::counter(encoder, "glorieta_mirror_requests", "Copies of requests that are over");
        for series in &self.all.mirrors {
            counts.counts_of(series.names(), "outcome", series.outcomes())?;
        }
        let mut drops = Family::counter(encoder, "glorieta_mirror_dropped", "Copies of requests that were not sent");
        for series in &self.all.mirrors {
            drops.counts_of(series.names(), "reason", series.drops())?;
        }
        Ok(())
    }

    fn engine(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let mut reloads = Family::counter(encoder, "glorieta_reloads", "Plans that were applied or refused");
        for (result, count) in self.all.reloads {
            reloads.count(&[("result", result)], count)?;
        }
        if !self.all.plan_version.is_empty() {
            let labels = [("version", self.all.plan_version.as_str())];
            encoder
                .encode_descriptor("glorieta_plan", "The Plan that runs", None, MetricType::Info)?
                .encode_info(&labels)?;
        }
        let log = &self.log;
        let mut lines = Family::counter(encoder, "glorieta_log_lines", "Lines of the access log");
        for (result, count) in [("written", log.written), ("dropped", log.dropped), ("failed", log.failed)] {
            lines.count(&[("result", result)], count)?;
        }
        Family::gauge(encoder, "glorieta_log_waiting", "Lines of the access log not yet written").single(log.waiting)
    }

    fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let process = &self.process;
        if let Some(seconds) = process.cpu_seconds {
            let help = "CPU time of user and system in seconds";
            let mut metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, f64, u64>(&seconds, None)?;
        }
        if let Some(started) = process.started {
            let help = "When the process started, in seconds since 1970";
            encoder
                .encode_descriptor("process_start_time_seconds", help, None, MetricType::Gauge)?
                .encode_gauge(&started)?;
        }
        let figures = [
            ("process_resident_memory_bytes", "Resident memory in bytes", process.resident_bytes),
            ("process_virtual_memory_bytes", "Virtual memory in bytes", process.virtual_bytes),
            ("process_open_fds", "Open file descriptors", process.open_descriptors),
            ("process_max_fds", "The limit of open file descriptors", process.most_descriptors),
        ];
        for (name, help, figure) in figures {
            if let Some(figure) = figure {
                Family::gauge(encoder, name, help).single(figure)?;
            }
        }
        Ok(())
    }
}

type Label<'a> = (&'a str, &'a str);

/// The series of one name. Their head is written with the first of them, or never.
struct Family<'a, 'b> {
    encoder: Start<'a, 'b>,
    name: &'static str,
    help: &'static str,
    kind: MetricType,
}

enum Start<'a, 'b> {
    Ahead(Option<&'a mut DescriptorEncoder<'b>>),
    Done(MetricEncoder<'a>),
}

impl<'a, 'b> Family<'a, 'b> {
    fn new(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str, kind: MetricType) -> Self {
        Family { encoder: Start::Ahead(Some(encoder)), name, help, kind }
    }

    /// The name is without `_total`, which the format appends to every counter.
    fn counter(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str) -> Self {
        Family::new(encoder, name, help, MetricType::Counter)
    }

    fn gauge(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str) -> Self {
        Family::new(encoder, name, help, MetricType::Gauge)
    }

    fn histogram(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str) -> Self {
        Family::new(encoder, name, help, MetricType::Histogram)
    }

    fn series(&mut self) -> Result<&mut MetricEncoder<'a>, Error> {
        if let Start::Ahead(encoder) = &mut self.encoder {
            let encoder = encoder.take().ok_or(Error)?;
            self.encoder = Start::Done(encoder.encode_descriptor(self.name, self.help, None, self.kind)?);
        }
        match &mut self.encoder {
            Start::Done(metric) => Ok(metric),
            Start::Ahead(_) => Err(Error),
        }
    }

    fn count(&mut self, labels: &impl EncodeLabelSet, count: u64) -> Written {
        self.series()?.encode_family(labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)
    }

    fn counts<'c>(
        &mut self,
        owner: Label<'_>,
        name: &str,
        counts: impl IntoIterator<Item = (&'c str, u64)>,
    ) -> Written {
        counts.into_iter().try_for_each(|(word, count)| self.count(&[owner, (name, word)], count))
    }

    /// The same of something that has listener, route and upstream.
    fn counts_of<'c>(
        &mut self,
        [listener, route, upstream]: [&str; 3],
        name: &str,
        counts: impl IntoIterator<Item = (&'c str, u64)>,
    ) -> Written {
        let owner = [("listener", listener), ("route", route), ("upstream", upstream)];
        counts
            .into_iter()
            .try_for_each(|(word, count)| self.count(&[owner[0], owner[1], owner[2], (name, word)], count))
    }

    fn level(&mut self, labels: &[Label<'_>], value: u64) -> Written {
        self.series()?.encode_family(&labels)?.encode_gauge(&value)
    }

    /// The level of a family that has one series and no labels.
    fn single(&mut self, value: u64) -> Written {
        self.series()?.encode_gauge(&value)
    }

    fn durations(&mut self, labels: &[Label<'_>], durations: &Durations) -> Written {
        let mut buckets = durations.buckets();
        if let Some(last) = buckets.last_mut() {
            last.0 = f64::INFINITY;
        }
        let (sum, count) = (durations.sum_seconds(), durations.count());
        self.series()?.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
