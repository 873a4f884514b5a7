//! Hosts to what is routed under them: the exact name, then ever shorter wildcards, then any.

use glorieta_plan::HostMatch;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// A host as routes name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostKey {
    Exact(Vec<u8>),
    Wildcard(Vec<u8>),
    Any,
}

impl HostKey {
    pub(super) fn read(host: &HostMatch) -> Result<HostKey, String> {
        match host {
            HostMatch::Any => Ok(HostKey::Any),
            HostMatch::Exact(text) => check(text).map(HostKey::Exact),
            HostMatch::Wildcard(text) => {
                let name = check(text)?;
                match name.first() {
                    Some(b'[' | b'.') => Err(format!("the host *.{text} has no name behind its star")),
                    _ => Ok(HostKey::Wildcard(name)),
                }
            }
        }
    }
}

/// A host in lower case without a dot at its end; an IPv6 address in brackets.
fn check(text: &str) -> Result<Vec<u8>, String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(format!("[{name}]").into_bytes());
    }
    let bracketed = name.starts_with('[') && name.ends_with(']');
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/*,@?#\\\"".contains(&byte));
    if name.is_empty() || !plain || (name.contains(':') && !bracketed) {
        return Err(format!("{text:?} is no host name; write it without port and star"));
    }
    Ok(name.into_bytes())
}

/// In what way a host is meant; the smallest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostRank {
    Exact,
    Wildcard,
    Any,
}

/// Sites (numbers) by host.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: FxHashMap<Box<[u8]>, u32>,
    wildcards: FxHashMap<Box<[u8]>, u32>,
    /// No wildcard has more labels than this: longer tails of a host need no look.
    wildcard_labels: usize,
    any: Option<u32>,
}

impl Hosts {
    pub(super) fn insert(&mut self, key: HostKey, site: u32) {
        match key {
            HostKey::Exact(name) => {
                self.exact.insert(name.into(), site);
            }
            HostKey::Wildcard(name) => {
                let labels = name.iter().filter(|&&byte| byte == b'.').count() + 1;
                self.wildcard_labels = self.wildcard_labels.max(labels);
                self.wildcards.insert(name.into(), site);
            }
            HostKey::Any => self.any = Some(site),
        }
    }

    /// How a site came to be asked: its place in precedence, the smallest first, and the host as it is written.
    pub(super) fn written(&self, site: u32) -> (HostRank, String) {
        let find = |map: &FxHashMap<Box<[u8]>, u32>| {
            map.iter().find(|(_, known)| **known == site).map(|(name, _)| String::from_utf8_lossy(name).into_owned())
        };
        if let Some(name) = find(&self.exact) {
            return (HostRank::Exact, name);
        }
        match find(&self.wildcards) {
            Some(name) => (HostRank::Wildcard, format!("*.{name}")),
            None => (HostRank::Any, String::new()),
        }
    }

    /// Visits the sites of a host, best first, until one gives an answer. The host comes without
    /// port, in any letter case, with or without a dot at its end.
    pub(super) fn visit<T>(&self, host: &[u8], mut visit: impl FnMut(u32) -> Option<T>) -> Option<T> {
        if !self.exact.is_empty() || !self.wildcards.is_empty() {
            let host = host.strip_suffix(b".").unwrap_or(host);
            let mut lower: SmallVec<[u8; 64]> = SmallVec::from_slice(host);
            lower.make_ascii_lowercase();
            if let Some(&site) = self.exact.get(&lower[..])
                && let Some(answer) = visit(site)
            {
                return Some(answer);
            }
            if let Some(answer) = self.visit_wildcards(&lower, &mut visit) {
                return Some(answer);
            }
        }
        self.any.and_then(visit)
    }

    fn visit_wildcards<T>(&self, host: &[u8], visit: &mut impl FnMut(u32) -> Option<T>) -> Option<T> {
        if self.wildcards.is_empty() {
            return None;
        }
        let dots: SmallVec<[usize; 8]> = memchr::memrchr_iter(b'.', host).take(self.wildcard_labels).collect();
        for &dot in dots.iter().rev().filter(|&&dot| dot > 0) {
            if let Some(&site) = self.wildcards.get(&host[dot + 1..])
                && let Some(answer) = visit(site)
            {
                return Some(answer);
            }
        }
        None
    }
}
