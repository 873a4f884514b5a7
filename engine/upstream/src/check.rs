//! Active checks: asking endpoints whether they are well, at a steady pace. Runs on the housekeeper.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glorieta_core::{Body, Moment, RequestHead};
use glorieta_http::h1::client::{Client, Request, Upload};
use glorieta_net as net;
use glorieta_plan::{ActiveCheck, CheckKind};
use glorieta_policy::health::streak::Change;

use crate::{Endpoint, Upstream};

/// Checks every endpoint of an upstream for as long as the future is polled; at once if none is configured.
///
/// Endpoints are spread over the interval, so that a hundred of them are not asked in one moment. `say` is told
/// of each that goes down or comes up.
pub async fn keep_checking(upstream: Arc<Upstream>, say: impl Fn(&str) + Clone + 'static) {
    let Some(check) = upstream.settings.health.clone() else { return };
    let every = Duration::from_millis(check.every_ms.max(10));
    loop {
        let set = upstream.state.set();
        let began = tokio::time::Instant::now();
        let step = every / (set.endpoints.len().max(1) as u32);
        for (index, endpoint) in set.endpoints.iter().enumerate() {
            let (upstream, endpoint, check, say) = (upstream.clone(), endpoint.clone(), check.clone(), say.clone());
            // A check may take longer than a step; the next endpoint's does not wait for it.
            tokio::task::spawn_local(async move { check_one(&upstream, &endpoint, &check, say).await });
            tokio::time::sleep_until(began + step * (index as u32 + 1)).await;
        }
        tokio::time::sleep_until(began + every).await;
    }
}

async fn check_one(upstream: &Upstream, endpoint: &Endpoint, check: &ActiveCheck, say: impl Fn(&str)) {
    let patience = Duration::from_millis(check.timeout_ms);
    let failure = match tokio::time::timeout(patience, ask(endpoint, &check.kind, upstream)).await {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(reason),
        Err(_) => Some(format!("no answer within {} ms", check.timeout_ms)),
    };
    let now = Moment::now();
    let change = endpoint.streak.observe(failure.is_none(), check.fall, check.rise);
    if failure.is_none() {
        endpoint.outlier.readmit(now);
    }
    if !endpoint.streak.is_up() {
        upstream.state.troubled.store(true, Ordering::Relaxed);
    }
    match change {
        Some(Change::Down) => {
            say(&format!("upstream {}: {} is down: {}", upstream.id, endpoint.label(), failure.unwrap_or_default()));
        }
        Some(Change::Up) => say(&format!("upstream {}: {} is up", upstream.id, endpoint.label())),
        None => {}
    }
}

/// One check on a connection of its own: whether an endpoint still accepts connections is part of the question.
async fn ask(endpoint: &Endpoint, kind: &CheckKind, upstream: &Upstream) -> Result<(), String> {
    let stream = net::connect(&endpoint.destination).await.map_err(|error| error.to_string())?;
    let CheckKind::Http { path, host, status_from, status_to } = kind else { return Ok(()) };
    let authority = match host {
        Some(host) => host.as_str(),
        None if endpoint.name.starts_with("unix:") => "localhost",
        None => &endpoint.name,
    };
    let (path, query) = path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
    let mut head = RequestHead::build("GET", authority, path, query);
    head.fields.add_named(b"User-Agent", b"glorieta-health");
    let request = Request {
        head: &head,
        upgrade: None,
        limits: upstream.settings.limits,
        // The whole check has a time limit of its own.
        first_byte: Duration::from_secs(3600),
        idle: Duration::from_secs(3600),
        deadline: None,
        wire: None,
    };
    let client = Client::new(stream, Moment::now());
    let arrived = client.send(&request, &mut Upload::new(Body::Empty)).await.map_err(|error| error.to_string())?;
    match arrived.head.status {
        status if (*status_from..=*status_to).contains(&status) => Ok(()),
        status => Err(format!("status {status}")),
    }
}
