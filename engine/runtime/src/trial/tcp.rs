//! The way of a connection at layer 4: who, and to which endpoint.

use std::net::IpAddr;

use glorieta_core::{ClientCertificate, Error, Kind, Moment, Peer, Secured};

use super::http::endpoints;
use super::report::{Answer, Forward, Heard, Outcome, Ran, Report, Taken};
use crate::snapshot::{Passthrough, TcpRoute};

/// The way of a connection that asks for a name by TLS.
pub fn tell_by_name(heard: Heard, targets: &Passthrough, name: Option<&str>, client: IpAddr) -> Report {
    match targets.find(name) {
        Some(route) => {
            let secured = name.map(|name| secured(Some(name), None));
            let why = name.map(|name| format!("TLS asks for {name}"));
            tell_of(heard, route, why, secured.as_ref(), client)
        }
        None => {
            let error = Error::new(Kind::NameUnknown).with_detail(name.unwrap_or_default());
            let mut report = Report { listener: Some(heard), ..Report::default() };
            refuse(&mut report, &error);
            report
        }
    }
}

fn refuse(report: &mut Report, error: &Error) {
    report.outcome = Outcome::Refused;
    report.answer = Some(Answer {
        status: None,
        reason: Some(error.kind.reason()),
        detail: error.detail().to_owned(),
        headers: Vec::new(),
        body_bytes: 0,
    });
}

/// What TLS shows of a connection that asks for a name.
pub fn secured(name: Option<&str>, certificate: Option<Box<ClientCertificate>>) -> Secured {
    Secured { server_name: name.map(Into::into), version: "1.3", certificate, ..Secured::default() }
}

/// The way of a connection to a listener that has one target.
pub fn tell(heard: Heard, route: &TcpRoute, secured: Option<&Secured>, client: IpAddr) -> Report {
    tell_of(heard, route, None, secured, client)
}

/// `why`: the target is this one, where there are several.
fn tell_of(heard: Heard, route: &TcpRoute, why: Option<String>, secured: Option<&Secured>, client: IpAddr) -> Report {
    let (client, listener) = (client.to_canonical(), heard.id.clone());
    let mut report = Report {
        listener: Some(heard),
        client: Some(client.to_string()),
        route: Some(Taken {
            id: route.route.to_string(),
            name: route.route.to_string(),
            group: None,
            why: why.unwrap_or_else(|| "the listener's target".to_owned()),
            beat: Vec::new(),
        }),
        ..Report::default()
    };
    let ran = |outcome, detail| Ran { filter: "addresses", outcome, detail, changes: Vec::new() };
    match route.admit(&Peer::at(Some((client, 0).into())), &listener, secured) {
        Err(error) => {
            report.filters.push(ran("refused", error.to_string()));
            refuse(&mut report, &error);
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
