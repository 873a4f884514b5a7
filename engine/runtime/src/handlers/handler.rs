//! A handler as a snapshot knows it, and the routes that lead to it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use glorieta_plan::PathMatch;
use glorieta_policy::route::REST;
use glorieta_upstream::{Balance, Host, Timeouts, Upstream};

use crate::metrics::HandlerSeries;

pub struct Handler {
    pub id: Arc<str>,
    /// Only processes with the same word get its requests.
    pub generation: Arc<str>,
    /// What it may call; it names them by their place.
    pub calls: Vec<Callee>,
    /// Whether an endpoint of any of them is chosen by a value of the request.
    pub hashes: bool,
    /// Requests that one process may have, at work and waiting.
    pub queue: u32,
    pub queue_timeout: Duration,
    /// How long a request is kept once its answer is whole, for what the handler still does.
    pub background: Duration,
    pub tunnel: Duration,
    pub series: Arc<HandlerSeries>,
    /// Requests that wait because no process is there.
    pub waiting: AtomicU32,
}

/// An upstream that a handler may call.
pub struct Callee {
    pub upstream: Arc<Upstream>,
    pub host: Host,
    pub timeouts: Timeouts,
    pub retries: u32,
}

/// Where a route leads that has a handler.
pub struct HandlerRoute {
    pub handler: Arc<Handler>,
    /// By its place in the process's list.
    pub route: u32,
    /// The function, for people.
    pub name: Box<str>,
    /// How long its answer may let itself be waited for.
    pub first_byte: Duration,
    /// Names of the parameters of its path.
    pub parameters: Vec<Box<str>>,
    /// Whether who is wrong about the slash at its path's end is sent to the right path.
    pub redirect_slashes: bool,
}

impl Callee {
    /// Whether its endpoint is chosen by a value of the request.
    pub fn hashes(&self) -> bool {
        matches!(self.upstream.settings.balance, Balance::Hash(_))
    }
}

/// The names of a path's parameters, `*` for the rest of the path.
pub fn parameters_of(path: &PathMatch) -> Vec<Box<str>> {
    match path {
        PathMatch::Exact(_) | PathMatch::Any => Vec::new(),
        PathMatch::Prefix(_) => vec![REST.into()],
        PathMatch::Parameters(text) => {
            let name = |segment: &str| match segment {
                REST => Some(REST.into()),
                segment => segment.strip_prefix('{')?.strip_suffix('}').map(Into::into),
            };
            text.split('/').filter_map(name).collect()
        }
        PathMatch::Regex(text) => named_groups(text),
    }
}

/// `(?P<name>…)` and `(?<name>…)`.
fn named_groups(expression: &str) -> Vec<Box<str>> {
    let mut names = Vec::new();
    for part in expression.split("(?").skip(1) {
        let Some(rest) = part.strip_prefix("P<").or_else(|| part.strip_prefix('<')) else { continue };
        if let Some((name, _)) = rest.split_once('>') {
            names.push(name.into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_parameters_are_read_from_every_kind_of_path() {
        let names = |path: PathMatch| parameters_of(&path).join(" ");
        assert_eq!(names(PathMatch::Parameters("/users/{id}/orders/{order}".into())), "id order");
        assert_eq!(names(PathMatch::Parameters("/users/{id}/*".into())), "id *");
        assert_eq!(names(PathMatch::Prefix("/users".into())), "*");
        assert_eq!(names(PathMatch::Exact("/users".into())), "");
        assert_eq!(names(PathMatch::Regex("/a/(?P<one>[0-9]+)/(?:x)(?<two>y)".into())), "one two");
    }
}
