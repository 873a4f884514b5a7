//! What glorieta knows of itself: its certificates, its handlers, its log and its process.

use std::collections::BTreeMap;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::family::Family;
use super::{ObservedHandler, Scrape, Written};

impl Scrape {
    pub(super) fn certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn handlers(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn engine(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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
