//! A listener of a snapshot: its limits, whom it believes, and what it leads to.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use glorieta_filters::Filters;
use glorieta_http::h1::codec::Limits;
use glorieta_http::{Settings, Versions};
use glorieta_net::listen::{Bind, Transport};
use glorieta_net::quic::{self, TransportConfig};
use glorieta_net::tls::{self, Terminator};
use glorieta_plan::{
    Acme, AcmeChallenge, AltSvc, ClientLimits, ForwardedHeaders, HttpVersion, Protocol, RequestIdHeaders,
};
use glorieta_policy::limit::{Arrivals, Clients, PerClient, Rate};
use glorieta_policy::{Networks, Reference, Table};
use glorieta_upstream::Upstream;
use rustc_hash::FxHashMap;

use super::layer4::{self, DatagramRoute, Passthrough, TcpRoute};
use super::{Problem, Route};
use crate::challenges::Challenge;
use crate::handlers::Handler;
use crate::metrics::{ListenerSeries, Registry};
use crate::secrets::Secrets;

/// What survives a reload.
#[derive(Debug, Default)]
pub struct ListenerState {
    /// Open connections, over all workers.
    pub connections: AtomicU32,
    /// How fast they came.
    pub arrivals: Arrivals,
    /// Made when it is first asked for.
    pub clients: OnceLock<Box<Clients>>,
}

pub struct Listener {
    pub id: Arc<str>,
    pub bind: Vec<String>,
    pub settings: Settings,
    /// The most open connections.
    pub connections: u32,
    /// How fast new ones may come; `None`: as they like.
    pub rate: Option<Rate>,
    /// What each client may have; `None`: nobody counts.
    pub per_client: Option<PerClient>,
    pub trusted: Networks,
    pub forwarded: ForwardedHeaders,
    pub request_id: RequestIdHeaders,
    /// The value of `Server` in glorieta's own answers.
    pub server: Option<Box<str>>,
    /// What `Via` calls this proxy.
    pub via: Box<str>,
    pub duty: Duty,
    /// Answers TLS handshakes; `None`: what is spoken here is spoken in clear.
    pub tls: Option<Arc<Terminator>>,
    /// How QUIC is spoken, for HTTP/3; `None`: not at all.
    pub quic: Option<Arc<TransportConfig>>,
    /// What answers over TCP say of HTTP/3.
    pub alt_svc: Option<AltSvc>,
    /// How issuers of certificates are answered here; `None`: not at all.
    pub challenge: Option<Challenge>,
    /// `None`: nobody's connections begin with a PROXY header.
    pub announced: Option<Arc<Announced>>,
    /// From a connection's begin to the end of its handshake; as long may its PROXY header take before.
    pub handshake: Duration,
    pub series: Arc<ListenerSeries>,
    pub state: Arc<ListenerState>,
    /// The same without its routes, for what may outlive many reloads: connections, tunnels, streams.
    pub without_routes: Option<Arc<Listener>>,
}

/// Whose connections begin with a PROXY header.
pub struct Announced {
    trusted: Networks,
    /// Whether connections from elsewhere are refused.
    pub required: bool,
}

impl Announced {
    /// Whether a peer's connections must begin with a header. Who may connect to a Unix socket is decided by its mode:
    /// whoever does is believed.
    pub fn includes(&self, peer: Option<SocketAddr>) -> bool {
        peer.is_none_or(|peer| self.trusted.contains(peer.ip()))
    }
}

/// What is spoken at a listener.
pub enum Duty {
    Http {
        table: Table,
        routes: Vec<Arc<Route>>,
        /// Whether any of them wants to be found by who is wrong about the slash at its path's end.
        redirect_slashes: bool,
        /// For requests that find no route.
        filters: Filters,
    },
    Tcp(Arc<TcpRoute>),
    Passthrough(Passthrough),
    Udp(Arc<DatagramRoute>),
}

impl Default for Duty {
    /// HTTP, and no routes.
    fn default() -> Duty {
        let (table, routes) = (Table::default(), Vec::new());
        Duty::Http { table, routes, redirect_slashes: false, filters: Filters::default() }
    }
}

pub(super) struct Context<'a> {
    pub upstreams: &'a FxHashMap<Arc<str>, Arc<Upstream>>,
    pub handlers: &'a FxHashMap<Arc<str>, Arc<Handler>>,
    pub registry: &'a Registry,
    pub server_name: Option<&'a str>,
    pub acme: Option<&'a Acme>,
    pub secrets: &'a Secrets,
}

impl Listener {
    /// What it listens for at its addresses.
    pub fn transport(&self) -> Transport {
        if matches!(self.duty, Duty::Udp(_)) { Transport::Datagram } else { Transport::Stream }
    }

    /// What it binds.
    pub fn binds(&self) -> impl Iterator<Item = Bind> {
        self.bind.iter().map(|address| Bind { address: address.clone(), transport: self.transport() })
    }

    /// Whether an answer of HTTP is understood as soon as a connection is open.
    pub fn speaks_plain_http(&self) -> bool {
        matches!(self.duty, Duty::Http { .. }) && self.tls.is_none()
    }

    pub(super) fn build(
        plan: &glorieta_plan::Listener,
        before: Option<&Arc<Listener>>,
        context: &Context<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Listener> {
        let path = format!("listeners.{}", plan.id);
        let trusted = networks(&plan.trusted_proxies, &format!("{path}.trusted_proxies"), problems);
        let announced = announced(plan, &path, problems);
        let tls = terminator(plan, before, &path, context, problems);
        check_versions(plan, &path, problems);
        let quic = quic(plan, tls.as_ref().and_then(Option::as_ref), &path, problems);
        let duty = match (plan.protocol, &plan.tcp) {
            (Protocol::Udp, None) => layer4::udp(plan, &path, context, problems),
            (Protocol::Udp, Some(_)) => {
                problems.push(Problem::at(path, "a udp listener has a udp target, not a tcp target"));
                None
            }
            _ if plan.udp.is_some() => {
                problems.push(Problem::at(path, "only a udp listener has a udp target"));
                None
            }
            (Protocol::Tls, None) => layer4::passthrough(plan, &path, context, problems),
            (Protocol::Tls, Some(_)) => {
                problems.push(Problem::at(path, "a tls listener has names, not a tcp target"));
                None
            }
            _ if plan.passthrough.is_some() => {
                problems.push(Problem::at(path, "only a tls listener leads names to upstreams undecrypted"));
                None
            }
            (Protocol::Http, None) => http(plan, context, problems),
            (Protocol::Tcp, Some(tcp)) if plan.routes.is_empty() => {
                layer4::tcp(tcp, &path, context, problems).map(|route| Duty::Tcp(Arc::new(route)))
            }
            (Protocol::Tcp, Some(_)) => {
                problems.push(Problem::at(path, "layer 4 has no routes; use protocol http"));
                None
            }
            (Protocol::Tcp, None) => {
                problems.push(Problem::at(path, "a tcp listener needs a target"));
                None
            }
            (Protocol::Http, Some(_)) => {
                problems.push(Problem::at(path, "an http listener has routes, not a tcp target"));
                None
            }
        };
        let (trusted, announced, duty, tls, quic) = (trusted?, announced?, duty?, tls?, quic?);
        let series = context.registry.listener(&plan.id);
        let state = before.map(|before| before.state.clone()).unwrap_or_default();
        let make = |duty, without_routes| Listener {
            id: plan.id.as_str().into(),
            bind: plan.bind.clone(),
            settings: settings(plan),
            connections: plan.limits.connections,
            rate: Rate::per_second(plan.limits.new_connections),
            per_client: per_client(&plan.limits),
            trusted: trusted.clone(),
            forwarded: plan.forwarded.clone(),
            request_id: plan.request_id.clone(),
            server: context.server_name.map(Into::into),
            via: context.server_name.unwrap_or("glorieta").into(),
            duty,
            tls: tls.clone(),
            quic: quic.clone(),
            alt_svc: plan.alt_svc.clone(),
            announced: announced.clone(),
            challenge: challenge(plan, context.acme),
            handshake: Duration::from_millis(plan.timeouts.handshake_ms),
            series: series.clone(),
            state: state.clone(),
            without_routes,
        };
        let without_routes = match duty {
            Duty::Http { .. } => Some(make(Duty::default(), None)),
            // At layer 4 there is one, and whoever uses it keeps it.
            Duty::Tcp(_) | Duty::Passthrough(_) | Duty::Udp(_) => None,
        };
        Some(make(duty, without_routes.map(Arc::new)))
    }
}

fn per_client(limits: &ClientLimits) -> Option<PerClient> {
    let rate = Rate::per_second(limits.new_connections_per_client);
    let may = PerClient { connections: limits.connections_per_client, rate };
    (may.connections > 0 || may.rate.is_some()).then_some(may)
}

/// Whose connections begin with a PROXY header; `None`: something is wrong with it.
fn announced(
    plan: &glorieta_plan::Listener,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Option<Arc<Announced>>> {
    let Some(proxies) = &plan.proxy_protocol else { return Some(None) };
    if plan.protocol == Protocol::Udp {
        problems.push(Problem::at(path, "a PROXY header stands before a connection, and datagrams have none"));
        return None;
    }
    let trusted = networks(&proxies.trusted, &format!("{path}.proxy_protocol.trusted"), problems)?;
    Some(Some(Arc::new(Announced { trusted, required: proxies.required })))
}

/// HTTP-01 asks in clear, TLS-ALPN-01 wherever TLS ends.
fn challenge(plan: &glorieta_plan::Listener, acme: Option<&Acme>) -> Option<Challenge> {
    match (&acme?.challenge, &plan.tls, plan.protocol) {
        (AcmeChallenge::Http01, None, Protocol::Http) => Some(Challenge::Http),
        (AcmeChallenge::TlsAlpn01, Some(_), _) => Some(Challenge::TlsAlpn),
        _ => None,
    }
}

/// Versions are said for HTTP alone, and there at least one is.
fn check_versions(plan: &glorieta_plan::Listener, path: &str, problems: &mut Vec<Problem>) {
    let path = || format!("{path}.versions");
    let speaks_http = plan.protocol == Protocol::Http;
    if speaks_http == plan.versions.is_empty() {
        problems
            .push(Problem::at(path(), "an http listener speaks h1, h2 or both, and perhaps h3; no other has versions"));
    }
    if plan.versions == [HttpVersion::H3] {
        problems.push(Problem::at(path(), "clients learn of h3 by h1 or h2; write at least one of them, too"));
    }
}

/// The listener's side of TLS; `None`: something is wrong with it.
fn terminator(
    plan: &glorieta_plan::Listener,
    before: Option<&Arc<Listener>>,
    path: &str,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Option<Arc<Terminator>>> {
    let Some(wanted) = &plan.tls else { return Some(None) };
    // At layer 4 nobody knows what is spoken inside: no protocol is agreed on.
    let alpn = match plan.protocol {
        Protocol::Http => {
            let Versions { h1, h2 } = versions(plan);
            tls::http(h1, h2)
        }
        Protocol::Tcp => &[],
        Protocol::Udp => {
            problems.push(Problem::at(path, "TLS needs connections, and datagrams have none; use protocol tcp"));
            return None;
        }
        Protocol::Tls => {
            problems.push(Problem::at(path, "what is passed through is not decrypted; use protocol tcp with tls"));
            return None;
        }
    };
    let before = before.and_then(|before| before.tls.as_ref());
    match Terminator::build(wanted, alpn, before, context.secrets.absent()) {
        Ok(terminator) => Some(Some(terminator)),
        Err(messages) => {
            let path = format!("{path}.tls");
            problems.extend(messages.into_iter().map(|message| Problem::at(path.clone(), message)));
            None
        }
    }
}

/// How HTTP/3 is spoken, where it is; `None`: something is wrong with it.
fn quic(
    plan: &glorieta_plan::Listener,
    tls: Option<&Arc<Terminator>>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Option<Arc<TransportConfig>>> {
    let speaks = plan.versions.contains(&HttpVersion::H3);
    if plan.alt_svc.is_some() && !speaks {
        problems.push(Problem::at(format!("{path}.alt_svc"), "there is no h3 that could be told of"));
    }
    if !speaks {
        return Some(None);
    }
    let wrong = match tls {
        None if plan.tls.is_none() => Some("h3 needs tls".to_owned()),
        // What is wrong with it has been said.
        None => return None,
        Some(terminator) => terminator.quic().err(),
    };
    let portless = plan.bind.iter().find(|bind| bind.starts_with("unix:") || bind.starts_with("systemd:"));
    let wrong = wrong.or(portless.map(|bind| format!("h3 needs a port of UDP, which {bind} has not")));
    match wrong {
        None => Some(Some(quic::transport(plan.limits.streams))),
        Some(wrong) => {
            problems.push(Problem::at(format!("{path}.versions"), wrong));
            None
        }
    }
}

fn versions(plan: &glorieta_plan::Listener) -> Versions {
    let speaks = |version| plan.versions.contains(&version);
    Versions { h1: speaks(HttpVersion::H1), h2: speaks(HttpVersion::H2) }
}

fn settings(plan: &glorieta_plan::Listener) -> Settings {
    Settings {
        versions: versions(plan),
        streams: plan.limits.streams,
        limits: Limits {
            head_bytes: plan.limits.head_bytes as usize,
            header_count: plan.limits.header_count as usize,
            target_bytes: plan.limits.target_bytes as usize,
        },
        head_timeout: Duration::from_millis(plan.timeouts.head_ms),
        body_timeout: Duration::from_millis(plan.timeouts.body_ms),
        write_timeout: Duration::from_millis(plan.timeouts.write_ms),
        keep_alive: Duration::from_millis(plan.timeouts.keep_alive_ms),
        requests_per_connection: plan.limits.requests_per_connection,
        body_rate: plan.limits.body_rate,
    }
}

pub(super) fn networks(texts: &[String], path: &str, problems: &mut Vec<Problem>) -> Option<Networks> {
    Networks::parse(texts).map_err(|problem| problems.push(Problem::at(path, problem.to_string()))).ok()
}

fn http(plan: &glorieta_plan::Listener, context: &Context<'_>, problems: &mut Vec<Problem>) -> Option<Duty> {
    let mut routes = Vec::with_capacity(plan.routes.len());
    for route in &plan.routes {
        routes.extend(Route::build(route, &plan.id, context, problems).map(Arc::new));
    }
    let look_up = |reference: Reference<'_>| context.secrets.line(reference);
    let filters = Filters::read(&plan.filters, &look_up)
        .map_err(|messages| {
            let path = format!("listeners.{}.filters", plan.id);
            problems.extend(messages.into_iter().map(|message| Problem::at(path.clone(), message)));
        })
        .ok();
    let redirect_slashes = routes.iter().any(|route| route.redirects_slashes());
    match Table::build(&plan.routes, &look_up) {
        Ok(table) if routes.len() == plan.routes.len() => {
            filters.map(|filters| Duty::Http { table, routes, redirect_slashes, filters })
        }
        Ok(_) => None,
        Err(wrong) => {
            let problem =
                |wrong: glorieta_policy::route::Problem| Problem::at(format!("routes.{}", wrong.route), wrong.message);
            problems.extend(wrong.into_iter().map(problem));
            None
        }
    }
}
