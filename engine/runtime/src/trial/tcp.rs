//! The way of a connection at layer 4: who, and to which endpoint.

use std::net::IpAddr;

use glorieta_core::Moment;

use super::http::endpoints;
use super::report::{Answer, Forward, Heard, Outcome, Ran, Report, Taken};
use crate::snapshot::TcpRoute;

pub fn tell(heard: Heard, route: &TcpRoute, client: IpAddr) -> Report {
    let client = client.to_canonical();
    let mut report = Report {
        listener: Some(heard),
        client: Some(client.to_string()),
        route: Some(Taken {
            id: route.route.to_string(),
            name: route.route.to_string(),
            group: None,
            why: "the listener's target".to_owned(),
            beat: Vec::new(),
        }),
        ..Report::default()
    };
    let ran = |outcome, detail| Ran { filter: "addresses", outcome, detail, changes: Vec::new() };
    match route.admit(Some(client)) {
        Err(error) => {
            report.filters.push(ran("refused", error.to_string()));
            report.outcome = Outcome::Refused;
            report.answer = Some(Answer {
                status: None,
                reason: Some(error.kind.reason()),
                detail: error.detail().to_owned(),
                headers: Vec::new(),
                body_bytes: 0,
            });
        }
        Ok(key) => {
            if !route.access.allow.is_empty() || !route.access.deny.is_empty() {
                report.filters.push(ran("passed", client.to_string()));
            }
            let shares = route.upstream.shares(key, Moment::now());
            report.outcome = Outcome::Tunnel;
            report.forward = Some(Forward {
                upstream: route.upstream.id.to_string(),
                endpoint: shares.endpoint.clone(),
                why: shares.why.clone(),
                endpoints: endpoints(shares),
                method: None,
                target: None,
                headers: Vec::new(),
                changes: Vec::new(),
                deadline_ms: None,
                retries: 0,
            });
        }
    }
    report
}
