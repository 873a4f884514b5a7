//! Layer 4 of a snapshot: a target for every connection, or one by the name that TLS asks for.

use std::sync::Arc;
use std::time::Duration;

use glorieta_core::{Error, Kind, Peer, RequestHead, RequestId, Secured};
use glorieta_plan::HostMatch;
use glorieta_policy::balance::hash;
use glorieta_policy::{Access, Parameters, View, Word};
use glorieta_upstream::{Balance, Upstream};
use rustc_hash::FxHashMap;

use super::Problem;
use super::listener::{Context, Duty, networks};

/// Targets of layer 4 by the name that TLS asks for; nothing is decrypted.
pub struct Passthrough {
    exact: FxHashMap<Box<str>, Arc<TcpRoute>>,
    /// The longest first; `*.shop.example` is kept as `.shop.example`.
    wildcard: Vec<(Box<str>, Arc<TcpRoute>)>,
    /// For all other names, and for none.
    other: Option<Arc<TcpRoute>>,
}

impl Passthrough {
    /// Where a connection goes that asks for `name`.
    pub fn find(&self, name: Option<&str>) -> Option<&Arc<TcpRoute>> {
        let named = name.and_then(|name| {
            let wide = || self.wildcard.iter().find(|(end, _)| name.len() > end.len() && name.ends_with(&**end));
            self.exact.get(name).or_else(|| wide().map(|(_, route)| route))
        });
        named.or(self.other.as_ref())
    }
}

pub struct TcpRoute {
    pub route: Arc<str>,
    pub upstream: Arc<Upstream>,
    /// The word by whose value an endpoint is chosen.
    pub hash: Option<Word>,
    pub idle: Duration,
    pub connect: Duration,
    pub access: Access,
}

impl TcpRoute {
    /// Lets a client in: the hash of the value by which its endpoint is chosen, if one is and has a value.
    ///
    /// # Errors
    /// `denied`.
    pub fn admit(&self, peer: &Peer, listener: &str, secured: Option<&Secured>) -> Result<Option<u64>, Error> {
        if !self.access.permits(peer.client) {
            return Err(Error::because(Kind::Denied, "the client's address"));
        }
        let value = self.hash.as_ref().and_then(|word| self.read_word(word, peer, listener, secured));
        Ok(value.map(|value| hash::of(&value)))
    }

    /// The value of a word, where it has one without a request.
    pub fn read_word(&self, word: &Word, peer: &Peer, listener: &str, secured: Option<&Secured>) -> Option<Vec<u8>> {
        if !is_known_below_http(word) {
            return None;
        }
        let view = View {
            head: &RequestHead::default(),
            peer,
            id: &RequestId::random(0),
            parameters: &Parameters::default(),
            matched_path: None,
            listener,
            route: &self.route,
            secured,
            outcome: None,
        };
        let mut value = Vec::new();
        word.read(&view, &mut value).then_some(value)
    }
}

/// Where datagrams go.
pub struct DatagramRoute {
    /// Its `idle` is how long nothing may move in a session; nothing connects.
    pub target: TcpRoute,
    /// Answers that each datagram of the client gets; `None`: any number.
    pub responses: Option<u32>,
    /// So many times what the client has sent may be answered; 0: any.
    pub amplification: u32,
}

pub(super) fn udp(
    plan: &glorieta_plan::Listener,
    path: &str,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Duty> {
    let Some(target) = plan.udp.as_ref().filter(|_| plan.routes.is_empty() && plan.passthrough.is_none()) else {
        problems.push(Problem::at(path, "a udp listener needs a target, and has neither routes nor names"));
        return None;
    };
    let same = glorieta_plan::TcpTarget {
        route: target.route.clone(),
        upstream: target.upstream.clone(),
        idle_ms: target.session_ms,
        connect_ms: 0,
        allow: target.allow.clone(),
        deny: target.deny.clone(),
    };
    let route = tcp(&same, path, context, problems)?;
    let settings = &route.upstream.settings;
    let unfit = [
        (settings.tls.is_some(), "is spoken to by TLS, which datagrams are not"),
        (settings.proxy_protocol.is_some(), "wants PROXY headers, which stand before connections only"),
        (route.upstream.has_unix_endpoint(), "has a Unix socket, which takes no datagrams here"),
    ];
    let count = problems.len();
    for (_, why) in unfit.into_iter().filter(|(wrong, _)| *wrong) {
        problems.push(Problem::at(path, format!("upstream {:?} {why}", target.upstream)));
    }
    let made = DatagramRoute { target: route, responses: target.responses, amplification: target.amplification };
    (problems.len() == count).then_some(Duty::Udp(Arc::new(made)))
}

pub(super) fn passthrough(
    plan: &glorieta_plan::Listener,
    path: &str,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Duty> {
    let Some(target) = plan.passthrough.as_ref().filter(|target| plan.routes.is_empty() && !target.names.is_empty())
    else {
        problems.push(Problem::at(path, "a tls listener needs names with upstreams, and has no routes"));
        return None;
    };
    let mut built = Passthrough { exact: FxHashMap::default(), wildcard: Vec::new(), other: None };
    let mut complete = true;
    for named in &target.names {
        let plan = glorieta_plan::TcpTarget {
            route: named.route.clone(),
            upstream: named.upstream.clone(),
            idle_ms: target.idle_ms,
            connect_ms: target.connect_ms,
            allow: target.allow.clone(),
            deny: target.deny.clone(),
        };
        let Some(route) = tcp(&plan, path, context, problems) else {
            complete = false;
            continue;
        };
        let route = Arc::new(route);
        let twice = match &named.name {
            HostMatch::Any => built.other.replace(route).is_some(),
            HostMatch::Exact(name) => built.exact.insert(name.to_ascii_lowercase().into(), route).is_some(),
            HostMatch::Wildcard(name) => {
                let end: Box<str> = format!(".{}", name.to_ascii_lowercase()).into();
                let known = built.wildcard.iter().any(|(known, _)| *known == end);
                built.wildcard.push((end, route));
                known
            }
        };
        if twice {
            problems.push(Problem::at(path, format!("two targets have the name {:?}", named.name)));
            complete = false;
        }
    }
    built.wildcard.sort_by_key(|(end, _)| std::cmp::Reverse(end.len()));
    complete.then_some(Duty::Passthrough(built))
}

/// Whether a word has a value where no HTTP is read: of the addresses, and of TLS where that is spoken.
fn is_known_below_http(word: &Word) -> bool {
    matches!(
        word,
        Word::ClientIp
            | Word::ClientPort
            | Word::Listener
            | Word::Route
            | Word::Sni
            | Word::TlsVersion
            | Word::ClientCertificate(_)
    )
}

pub(super) fn tcp(
    plan: &glorieta_plan::TcpTarget,
    path: &str,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Option<TcpRoute> {
    let allow = networks(&plan.allow, &format!("{path}.allow"), problems);
    let deny = networks(&plan.deny, &format!("{path}.deny"), problems);
    let Some(upstream) = context.upstreams.get(plan.upstream.as_str()) else {
        problems.push(Problem::at(path, format!("there is no upstream {:?}", plan.upstream)));
        return None;
    };
    let hash = match &upstream.settings.balance {
        Balance::Hash(word) if is_known_below_http(word) => Some(word.clone()),
        Balance::Hash(_) => {
            problems.push(Problem::at(path, "layer 4 knows addresses only; hash by client.ip, or use protocol http"));
            None
        }
        _ => None,
    };
    Some(TcpRoute {
        route: plan.route.as_str().into(),
        upstream: upstream.clone(),
        hash,
        idle: Duration::from_millis(plan.idle_ms),
        connect: Duration::from_millis(plan.connect_ms),
        access: Access { allow: allow?, deny: deny? },
    })
}
