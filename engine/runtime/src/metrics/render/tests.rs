//! The exposition is read back by a parser of its own, as a scraper would.

use std::collections::BTreeMap;

use glorieta_core::{Kind, Method};

use super::super::{Direction, Dropped, Handshake, Outcome, Reload};
use super::family::Label;
use super::*;

/// A line of the exposition taken apart: name, labels in their order, value.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

fn parse(line: &str) -> Sample {
    let (name, rest) = match line.find('{') {
        Some(open) => line.split_at(open),
        None => line.split_once(' ').expect("a value"),
    };
    let mut labels = Vec::new();
    let mut rest = rest;
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").expect("a label");
            let (value, after) = quoted(after);
            labels.push((key.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = rest.strip_prefix("} ").expect("a blank before the value");
    }
    Sample { name: name.to_owned(), labels, value: rest.parse().expect("a number") }
}

/// Reads up to the closing quote.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match letters.next().expect("an escaped letter").1 {
                'n' => '\n',
                other => other,
            }),
            '\n' => panic!("a raw line feed in a label"),
            other => value.push(other),
        }
    }
    panic!("no closing quote in {text}");
}

struct Exposition {
    kinds: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

/// Reads a whole exposition; panics where it breaks the format.
fn read(text: &str) -> Exposition {
    let text = text.strip_suffix("# EOF\n").expect("the end is marked");
    let (mut kinds, mut samples) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a kind");
            assert_eq!(kinds.insert(name.to_owned(), kind.to_owned()), None, "{name} is described twice");
        } else if !line.starts_with("# HELP ") {
            let sample = parse(line);
            let family = kinds.keys().any(|family| sample.name.starts_with(family));
            assert!(family, "{line} stands before its TYPE");
            samples.push(sample);
        }
    }
    Exposition { kinds, samples }
}

impl Exposition {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let same = |sample: &&Sample| {
            sample.name == name
                && sample.labels.len() == labels.len()
                && labels.iter().all(|&(key, value)| sample.labels.contains(&(key.to_owned(), value.to_owned())))
        };
        self.samples.iter().find(same).map(|sample| sample.value)
    }
}

fn busy() -> (Registry, Observed) {
    let registry = Registry::new(2);
    for (worker, route) in [(0, "/a"), (1, "/a"), (1, "/b")] {
        registry.route("web", route).record(worker, Method::Get, 200, 3_000_000);
    }
    registry.route("web", "/a").record(0, Method::Other, 999, 40_000_000_000);
    registry.route("web", "/a").record_call(0, 14);
    let upstream = registry.upstream("orders");
    upstream.record(0, Outcome::Error(Kind::Refused), 1_000_000);
    upstream.retried(0, Outcome::Error(Kind::Refused));
    upstream.record(1, Outcome::Status(204), 2_000_000);
    let listener = registry.listener("web");
    listener.accepted(0);
    listener.accepted(1);
    listener.became_idle(1);
    listener.rejected(0, Kind::HeadMalformed);
    listener.tunnel_bytes(0, Direction::In, 12);
    listener.datagram(0, Direction::Out, 0);
    listener.datagram_lost(0);
    listener.shook_hands(1, Handshake::Resumed);
    registry.reloaded(Reload::Refused);
    registry.set_plan_version("0123456789ab");
    let endpoints = vec![("up", 2), ("down", 0), ("ejected", 1)];
    let upstreams = vec![ObservedUpstream { upstream: "orders".to_owned(), endpoints, waiting: 7 }];
    let handler = registry.handler("app");
    handler.record(1, 4_000_000);
    handler.restarted();
    handler.background(crate::metrics::Background::Deadline);
    handler.failed(Kind::HandlerFailed);
    registry.variant("web", "/a", "canary").count(0, Outcome::Status(200));
    let mirror = registry.mirror("web", "/a", "shadow");
    mirror.ended(1, Outcome::Status(200));
    mirror.dropped(0, Dropped::InFlight);
    let part = registry.part("web", "/home", "orders");
    part.count(0, None);
    part.count(1, None);
    part.count(1, Some(glorieta_policy::gather::partial::Reason::Timeout));
    let handlers =
        vec![ObservedHandler { handler: "app".to_owned(), queue: 2, running: 5, lingering: 3, lag_seconds: 0.25 }];
    let expiries = [("a.example", 9), ("b.example", 7), ("a.example", 5)];
    let expiries = expiries.map(|(name, expiry)| (name.to_owned(), expiry)).to_vec();
    let files = vec![ObservedFiles { kind: "listener", owner: "web".to_owned(), expiries, failures: 2 }];
    let log = LogCounts { dropped: 1, written: 20, failed: 3, waiting: 4 };
    (registry, Observed { upstreams, handlers, files, log })
}

#[test]
fn every_number_stands_where_it_belongs() {
    let (registry, observed) = busy();
    let exposition = read(&registry.render(&observed));
    let of = |upstream, end| [("listener", "web"), ("route", "/a"), ("upstream", upstream), end];
    let part = |outcome| [("listener", "web"), ("route", "/home"), ("part", "orders"), ("outcome", outcome)];
    let table: &[(&str, &[Label<'_>], f64)] = &[
        ("glorieta_requests_total", &[("listener", "web"), ("route", "/a"), ("method", "GET"), ("code", "200")], 2.0),
        (
            "glorieta_requests_total",
            &[("listener", "web"), ("route", "/a"), ("method", "other"), ("code", "other")],
            1.0,
        ),
        ("glorieta_requests_total", &[("listener", "web"), ("route", "/b"), ("method", "GET"), ("code", "200")], 1.0),
        ("glorieta_request_duration_seconds_count", &[("listener", "web"), ("route", "/a")], 3.0),
        ("glorieta_request_duration_seconds_sum", &[("listener", "web"), ("route", "/a")], 40.006),
        ("glorieta_request_duration_seconds_bucket", &[("le", "0.0025"), ("listener", "web"), ("route", "/a")], 0.0),
        ("glorieta_request_duration_seconds_bucket", &[("le", "0.005"), ("listener", "web"), ("route", "/a")], 2.0),
        ("glorieta_request_duration_seconds_bucket", &[("le", "30.0"), ("listener", "web"), ("route", "/a")], 2.0),
        ("glorieta_request_duration_seconds_bucket", &[("le", "+Inf"), ("listener", "web"), ("route", "/a")], 3.0),
        ("glorieta_upstream_requests_total", &[("upstream", "orders"), ("outcome", "refused")], 1.0),
        ("glorieta_upstream_requests_total", &[("upstream", "orders"), ("outcome", "2xx")], 1.0),
        ("glorieta_upstream_duration_seconds_count", &[("upstream", "orders")], 2.0),
        ("glorieta_retries_total", &[("upstream", "orders"), ("reason", "refused")], 1.0),
        ("glorieta_endpoints", &[("upstream", "orders"), ("state", "up")], 2.0),
        ("glorieta_endpoints", &[("upstream", "orders"), ("state", "down")], 0.0),
        ("glorieta_endpoints", &[("upstream", "orders"), ("state", "ejected")], 1.0),
        ("glorieta_upstream_waiting", &[("upstream", "orders")], 7.0),
        ("glorieta_split_requests_total", &of("canary", ("outcome", "2xx")), 1.0),
        ("glorieta_mirror_requests_total", &of("shadow", ("outcome", "2xx")), 1.0),
        ("glorieta_mirror_dropped_total", &of("shadow", ("reason", "in_flight")), 1.0),
        ("glorieta_gather_parts_total", &part("ok"), 2.0),
        ("glorieta_gather_parts_total", &part("timeout"), 1.0),
        ("glorieta_handler_queue", &[("handler", "app")], 2.0),
        ("glorieta_handler_lingering", &[("handler", "app")], 3.0),
        ("glorieta_handler_background_total", &[("handler", "app"), ("outcome", "deadline")], 1.0),
        ("glorieta_handler_failures_total", &[("handler", "app"), ("reason", "handler_failed")], 1.0),
        ("glorieta_handler_running", &[("handler", "app")], 5.0),
        ("glorieta_handler_loop_lag_seconds", &[("handler", "app")], 0.25),
        ("glorieta_handler_duration_seconds_count", &[("handler", "app")], 1.0),
        ("glorieta_handler_duration_seconds_sum", &[("handler", "app")], 0.004),
        ("glorieta_handler_restarts_total", &[("handler", "app")], 1.0),
        ("glorieta_connections", &[("listener", "web"), ("state", "active")], 1.0),
        ("glorieta_connections", &[("listener", "web"), ("state", "idle")], 1.0),
        ("glorieta_rejected_total", &[("listener", "web"), ("reason", "head_malformed")], 1.0),
        ("glorieta_tls_handshakes_total", &[("listener", "web"), ("result", "resumed")], 1.0),
        ("glorieta_tls_handshakes_total", &[("listener", "web"), ("result", "full")], 0.0),
        ("glorieta_certificate_expiry_seconds", &[("listener", "web"), ("name", "a.example")], 5.0),
        ("glorieta_certificate_expiry_seconds", &[("listener", "web"), ("name", "b.example")], 7.0),
        ("glorieta_certificate_reload_failures_total", &[("listener", "web")], 2.0),
        ("glorieta_tunnel_bytes_total", &[("listener", "web"), ("direction", "in")], 12.0),
        ("glorieta_reloads_total", &[("result", "applied")], 0.0),
        ("glorieta_reloads_total", &[("result", "refused")], 1.0),
        ("glorieta_plan_info", &[("version", "0123456789ab")], 1.0),
        ("glorieta_log_lines_total", &[("result", "written")], 20.0),
        ("glorieta_log_lines_total", &[("result", "dropped")], 1.0),
        ("glorieta_log_lines_total", &[("result", "failed")], 3.0),
        ("glorieta_log_waiting", &[], 4.0),
    ];
    for &(name, labels, value) in table {
        assert_eq!(exposition.value(name, labels), Some(value), "{name} {labels:?}");
    }
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(exposition.value(name, &[]).is_some_and(|value| value >= 0.0), "{name}");
    }
    assert_eq!(exposition.kinds["glorieta_requests"], "counter");
    assert_eq!(exposition.kinds["glorieta_request_duration_seconds"], "histogram");
    assert_eq!(exposition.kinds["glorieta_plan"], "info");
}

#[test]
fn no_series_stands_twice_and_buckets_only_grow() {
    let (registry, mut observed) = busy();
    observed.upstreams.extend(observed.upstreams.clone());
    let exposition = read(&registry.render(&observed));
    let mut seen = std::collections::BTreeSet::new();
    let mut last = (String::new(), 0.0);
    for sample in &exposition.samples {
        let mut labels = sample.labels.clone();
        labels.sort();
        assert!(seen.insert((sample.name.clone(), labels.clone())), "{sample:?} stands twice");
        if sample.name.ends_with("_bucket") {
            let series =
                format!("{} {:?}", sample.name, labels.iter().filter(|(key, _)| key != "le").collect::<Vec<_>>());
            assert!(last.0 != series || sample.value >= last.1, "{sample:?}");
            last = (series, sample.value);
        }
    }
    assert!(!last.0.is_empty());
}

#[test]
fn a_series_appears_with_its_first_event() {
    let registry = Registry::new(1);
    let held = (registry.route("web", "/a"), registry.upstream("orders"), registry.listener("web"));
    let text = registry.render(&Observed::default());
    for name in ["/a", "orders", "web", "glorieta_requests", "glorieta_plan"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    held.0.record(0, Method::Get, 200, 1);
    let exposition = read(&registry.render(&Observed::default()));
    let labels = [("listener", "web"), ("route", "/a"), ("method", "GET"), ("code", "200")];
    assert_eq!(exposition.value("glorieta_requests_total", &labels), Some(1.0));
    assert!(!exposition.kinds.contains_key("glorieta_upstream_requests"));
}

#[test]
fn names_are_escaped_wherever_they_hold_something_special() {
    let registry = Registry::new(1);
    let route = "/a\"b\\c\nd{e=\"f\",}é";
    registry.route("web", route).record(0, Method::Get, 200, 1);
    let exposition = read(&registry.render(&Observed::default()));
    let labels = [("listener", "web"), ("route", route), ("method", "GET"), ("code", "200")];
    assert_eq!(exposition.value("glorieta_requests_total", &labels), Some(1.0));
}

#[test]
fn every_documented_metric_is_written_and_every_written_one_documented() {
    let document = include_str!("../../../../../docs/reference/metrics.md");
    let documented: std::collections::BTreeSet<&str> =
        document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let (registry, observed) = busy();
    let exposition = read(&registry.render(&observed));
    let written = exposition.kinds.iter().map(|(name, kind)| match kind.as_str() {
        "counter" => format!("{name}_total"),
        "info" => format!("{name}_info"),
        _ => name.clone(),
    });
    let written: std::collections::BTreeSet<String> = written.collect();
    assert_eq!(written, documented.into_iter().map(str::to_owned).collect());
}
