//! A listener of a snapshot: its limits, whom it believes, and what it leads to.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use glorieta_core::{Error, Kind};
use glorieta_http::Settings;
use glorieta_http::h1::codec::Limits;
use glorieta_plan::{ForwardedHeaders, Protocol, RequestIdHeaders};
use glorieta_policy::balance::hash;
use glorieta_policy::{Access, Networks, Table, Word};
use glorieta_upstream::{Balance, Upstream};
use rustc_hash::FxHashMap;

use super::{Problem, Route};
use crate::handlers::Handler;
use crate::metrics::{ListenerSeries, Registry};
use crate::secrets::Secrets;

/// What survives a reload.
#[derive(Debug, Default)]
pub struct ListenerState {
    /// Open connections, over all workers.
    pub connections: AtomicU32,
}

pub struct Listener {
    pub id: Arc<str>,
    pub bind: Vec<String>,
    pub settings: Settings,
    /// The most open connections.
    pub connections: u32,
    pub trusted: Networks,
    pub forwarded: ForwardedHeaders,
    pub request_id: RequestIdHeaders,
    /// The value of `Server` in glorieta's own answers.
    pub server: Option<Box<str>>,
    /// What `Via` calls this proxy.
    pub via: Box<str>,
    pub duty: Duty,
    pub series: Arc<ListenerSeries>,
    pub state: Arc<ListenerState>,
    /// The same without its routes, for what may outlive many reloads: connections, tunnels, streams.
    pub without_routes: Option<Arc<Listener>>,
}

/// What is spoken at a listener.
pub enum Duty {
    Http { table: Table, routes: Vec<Arc<Route>> },
    Tcp(TcpRoute),
}

pub struct TcpRoute {
    pub route: Arc<str>,
    pub upstream: Arc<Upstream>,
    /// The value by which an endpoint is chosen is the client's address.
    pub by_client: bool,
    pub idle: Duration,
    pub connect: Duration,
    pub access: Access,
}

impl TcpRoute {
    /// Lets a client in: the hash of the value by which its endpoint is chosen, if one is.
    ///
    /// # Errors
    /// `denied`.
    pub fn admit(&self, client: Option<IpAddr>) -> Result<Option<u64>, Error> {
        if !self.access.permits(client) {
            return Err(Error::because(Kind::Denied, "the client's address"));
        }
        let by_client = client.filter(|_| self.by_client);
        Ok(by_client.map(|address| hash::of(address.to_string().as_bytes())))
    }
}

pub(super) struct Context<'a> {
    pub upstreams: &'a FxHashMap<Arc<str>, Arc<Upstream>>,
    pub handlers: &'a FxHashMap<Arc<str>, Arc<Handler>>,
    pub registry: &'a Registry,
    pub server_name: Option<&'a str>,
    pub secrets: &'a Secrets,
}

impl Listener {
    pub(super) fn build(
        plan: &glorieta_plan::Listener,
        before: Option<&Arc<Listener>>,
        context: &Context<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Listener> {
        let path = format!("listeners.{}", plan.id);
        let trusted = networks(&plan.trusted_proxies, &format!("{path}.trusted_proxies"), problems);
        let duty = match (plan.protocol, &plan.tcp) {
            (Protocol::Http, None) => http(plan, context, problems),
            (Protocol::Tcp, Some(tcp)) if plan.routes.is_empty() => self::tcp(tcp, &path, context, problems),
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
        let (trusted, duty) = (trusted?, duty?);
        let series = context.registry.listener(&plan.id);
        let state = before.map(|before| before.state.clone()).unwrap_or_default();
        let make = |duty, without_routes| Listener {
            id: plan.id.as_str().into(),
            bind: plan.bind.clone(),
            settings: settings(plan),
            connections: plan.limits.connections,
            trusted: trusted.clone(),
            forwarded: plan.forwarded.clone(),
            request_id: plan.request_id.clone(),
            server: context.server_name.map(Into::into),
            via: context.server_name.unwrap_or("glorieta").into(),
            duty,
            series: series.clone(),
            state: state.clone(),
            without_routes,
        };
        let without_routes = match duty {
            Duty::Http { .. } => Some(make(Duty::Http { table: Table::default(), routes: Vec::new() }, None)),
            // At layer 4 there is one, and whoever uses it keeps it.
            Duty::Tcp(_) => None,
        };
        Some(make(duty, without_routes.map(Arc::new)))
    }
}

fn settings(plan: &glorieta_plan::Listener) -> Settings {
    Settings {
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

fn networks(texts: &[String], path: &str, problems: &mut Vec<Problem>) -> Option<Networks> {
    Networks::parse(texts).map_err(|problem| problems.push(Problem::at(path, problem.to_string()))).ok()
}

fn http(plan: &glorieta_plan::Listener, context: &Context<'_>, problems: &mut Vec<Problem>) -> Option<Duty> {
    let mut routes = Vec::with_capacity(plan.routes.len());
    for route in &plan.routes {
        routes.extend(Route::build(route, &plan.id, context, problems).map(Arc::new));
    }
    match Table::build(&plan.routes, &|reference| context.secrets.line(reference)) {
        Ok(table) if routes.len() == plan.routes.len() => Some(Duty::Http { table, routes }),
        Ok(_) => None,
        Err(wrong) => {
            let problem =
                |wrong: glorieta_policy::route::Problem| Problem::at(format!("routes.{}", wrong.route), wrong.message);
            problems.extend(wrong.into_iter().map(problem));
            None
        }
    }
}

fn tcp(
    plan: &glorieta_plan::TcpTarget,
    path: &str,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Duty> {
    let allow = networks(&plan.allow, &format!("{path}.allow"), problems);
    let deny = networks(&plan.deny, &format!("{path}.deny"), problems);
    let Some(upstream) = context.upstreams.get(plan.upstream.as_str()) else {
        problems.push(Problem::at(path, format!("there is no upstream {:?}", plan.upstream)));
        return None;
    };
    let by_client = match &upstream.settings.balance {
        Balance::Hash(Word::ClientIp) => true,
        Balance::Hash(_) => {
            problems.push(Problem::at(path, "layer 4 knows addresses only; hash by client.ip, or use protocol http"));
            false
        }
        _ => false,
    };
    Some(Duty::Tcp(TcpRoute {
        route: plan.route.as_str().into(),
        upstream: upstream.clone(),
        by_client,
        idle: Duration::from_millis(plan.idle_ms),
        connect: Duration::from_millis(plan.connect_ms),
        access: Access { allow: allow?, deny: deny? },
    }))
}
