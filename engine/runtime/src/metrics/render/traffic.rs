//! What is counted of requests and connections, and of where they went.

use prometheus_client::encoding::DescriptorEncoder;

use super::family::Family;
use super::{Scrape, Written};

impl Scrape {
    pub(super) fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn upstreams(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn listeners(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn parts(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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

    pub(super) fn variants(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
        let help = "Requests of a split, by the variant that they met";
        let mut counts = Family::counter(encoder, "glorieta_split_requests", help);
        for series in &self.all.variants {
            counts.counts_of(series.names(), "outcome", series.outcomes())?;
        }
        Ok(())
    }

    pub(super) fn mirrors(&self, encoder: &mut DescriptorEncoder<'_>) -> Written {
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
}
