//! Where a request is sent, and which listener hears it there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use glorieta_net::listen::Transport;

use crate::snapshot::{Duty, Listener, Snapshot};

/// A URL taken apart, nothing of it decoded: what is wrong in it is for the codec to find.
pub struct Place<'a> {
    pub is_tcp: bool,
    pub is_udp: bool,
    /// Asked by `https://`.
    pub is_tls: bool,
    /// Host and port as a client writes them into `Host`.
    pub authority: &'a str,
    /// What follows the authority.
    pub rest: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Place<'a> {
    /// # Errors
    /// A sentence for a URL of another scheme than `http`, `https`, `tcp` and `udp`.
    pub fn read(url: &'a str) -> Result<Place<'a>, String> {
        let scheme = |name: &str| url.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let known = ["http://", "https://", "tcp://", "udp://"];
        let Some(word) = known.into_iter().find(|word| scheme(word)) else {
            return Err(format!(
                "{url:?} does not say how to get there; write http://HOST/PATH, https://HOST/PATH, tcp://HOST:PORT or \
                 udp://HOST:PORT"
            ));
        };
        let (is_tcp, is_udp, is_tls) = (word == "tcp://", word == "udp://", word == "https://");
        let rest = &url[word.len()..];
        let end = rest.find(['/', '?', '#', '*']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = split_port(authority);
        // A client leaves out the port that the scheme implies.
        let implied = if is_tls { 443 } else { 80 };
        let authority = if port == Some(implied) && !is_tcp && !is_udp { host } else { authority };
        Ok(Place { is_tcp, is_udp, is_tls, authority, rest, host, port })
    }

    /// The listener, and why it is that one; or why there is none.
    pub fn listener<'s>(
        &self,
        snapshot: &'s Snapshot,
        wanted: Option<&str>,
    ) -> Result<(&'s Arc<Listener>, String), String> {
        if let Some(id) = wanted {
            let found = snapshot.listener(id).map(|listener| (listener, "as asked".to_owned()));
            return found.ok_or_else(|| format!("there is no listener {id:?}; {}", all(snapshot)));
        }
        match self.port {
            Some(port) => self.at_port(snapshot, port),
            None if self.is_tcp || self.is_udp => {
                let word = if self.is_udp { "udp" } else { "tcp" };
                Err(format!("layer 4 has nothing but addresses and ports: write {word}://HOST:PORT; {}", all(snapshot)))
            }
            None => self.at_port(snapshot, if self.is_tls { 443 } else { 80 }).or_else(|_| self.only(snapshot)),
        }
    }

    /// The name that a client would ask for by TLS: an address is never one (RFC 6066 §3).
    pub fn server_name(&self) -> Option<String> {
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        (!is_address && !name.is_empty()).then_some(name)
    }

    /// The only listener that reads HTTP, encrypted or not as asked, for a URL that names no port.
    fn only<'s>(&self, snapshot: &'s Snapshot) -> Result<(&'s Arc<Listener>, String), String> {
        let word = if self.is_tls { "https" } else { "http" };
        let fits = |listener: &&Arc<Listener>| {
            matches!(listener.duty, Duty::Http { .. }) && listener.tls.is_some() == self.is_tls
        };
        let mut found = snapshot.listeners.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(listener), None) => Ok((listener, format!("the only one for {word}"))),
            (None, _) => Err(format!("nothing speaks {word} here; {}", all(snapshot))),
            (Some(_), Some(_)) => {
                Err(format!("the URL names no port, and several listeners speak {word}; {}", all(snapshot)))
            }
        }
    }

    fn at_port<'s>(&self, snapshot: &'s Snapshot, port: u16) -> Result<(&'s Arc<Listener>, String), String> {
        let here: Vec<(&Arc<Listener>, Option<IpAddr>)> = snapshot
            .listeners
            .iter()
            .filter(|listener| (listener.transport() == Transport::Datagram) == self.is_udp)
            .flat_map(|listener| listener.bind.iter().map(move |bind| (listener, bound(bind))))
            .filter_map(|(listener, bound)| bound.filter(|bound| bound.1 == port).map(|bound| (listener, bound.0)))
            .collect();
        let address: Option<IpAddr> = self.host.trim_matches(['[', ']']).parse().ok();
        // The address asked for wins over a listener at every address, as in the kernel.
        let exact = here.iter().find(|(_, own)| address.is_some() && *own == address);
        let wide = || here.iter().find(|(_, own)| own.is_none());
        let found = match (exact, here.as_slice()) {
            (Some(found), _) => found,
            (None, []) => return Err(format!("nothing listens at port {port}; {}", all(snapshot))),
            (None, [found]) => found,
            (None, [found, rest @ ..]) if rest.iter().all(|(other, _)| Arc::ptr_eq(other, found.0)) => found,
            (None, _) => wide().ok_or_else(|| {
                format!("several listeners have port {port}; name one, or ask for its address; {}", all(snapshot))
            })?,
        };
        Ok((found.0, format!("port {port}")))
    }
}

fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (authority, None),
        },
        _ => (authority, None),
    }
}

/// The address (none: every one) and the port of a `bind`.
fn bound(bind: &str) -> Option<(Option<IpAddr>, u16)> {
    if let Some(port) = bind.strip_prefix("*:") {
        return Some((None, port.parse().ok()?));
    }
    let address: SocketAddr = bind.parse().ok()?;
    Some(((!address.ip().is_unspecified()).then_some(address.ip()), address.port()))
}

fn all(snapshot: &Snapshot) -> String {
    let each = |listener: &Arc<Listener>| format!("{} at {}", listener.id, listener.bind.join(" and "));
    match snapshot.listeners.as_slice() {
        [] => "there are no listeners".to_owned(),
        listeners => format!("listeners: {}", listeners.iter().map(each).collect::<Vec<_>>().join(", ")),
    }
}
