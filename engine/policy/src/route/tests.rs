//! Precedence as a table: routes, a request, and who gets it.

use glorieta_core::{Peer, RequestHead, RequestId};
use glorieta_plan::{HostMatch, PathMatch, RespondTarget, Route, Target};

use super::{Found, Parameters, REST, Table};
use crate::reference::as_written;
use crate::word::View;

/// `[METHOD] [HOST]/path`, `~regex` and `any` for the path; the text is also the route's id.
pub(crate) fn route(text: &str) -> Route {
    let (methods, place) = match text.split_once(' ') {
        Some((method, place)) => (vec![method.to_owned()], place),
        None => (Vec::new(), text),
    };
    let begin = place.find(['/', '~']).unwrap_or_else(|| place.len() - "any".len());
    let (host, path) = place.split_at(begin);
    let path = match path {
        "any" => PathMatch::Any,
        path if path.starts_with('~') => PathMatch::Regex(path[1..].to_owned()),
        path if path.contains('{') => PathMatch::Parameters(path.to_owned()),
        path => match path.strip_suffix("/*") {
            Some(prefix) => PathMatch::Prefix(prefix.to_owned()),
            None => PathMatch::Exact(path.to_owned()),
        },
    };
    let host = match host.strip_prefix("*.") {
        Some(rest) => HostMatch::Wildcard(rest.to_owned()),
        None if host.is_empty() => HostMatch::Any,
        None => HostMatch::Exact(host.to_owned()),
    };
    Route {
        id: text.to_owned(),
        name: text.to_owned(),
        group: None,
        hosts: vec![host],
        path,
        methods,
        headers: Vec::new(),
        query: Vec::new(),
        words: Vec::new(),
        priority: 0,
        merge_slashes: false,
        target: Target::Respond(RespondTarget { status: 200, headers: Vec::new(), body: String::new() }),
        filters: Vec::new(),
        deadline_ms: None,
        mirror: None,
    }
}

pub(super) fn head(request: &str) -> RequestHead {
    let (method, place) = request.split_once(' ').unwrap();
    let (host, path) = place.split_at(place.find(['/', '*']).unwrap());
    RequestHead::build(method, host, path, None)
}

/// A head as it came in clear from nobody knows where.
pub(crate) fn viewed<T>(head: &RequestHead, look: impl FnOnce(&View<'_>) -> T) -> T {
    look(&View {
        head,
        peer: &Peer::at(None),
        id: &RequestId::random(1),
        parameters: &Parameters::default(),
        matched_path: None,
        listener: "web",
        route: "",
        secured: None,
        outcome: None,
    })
}

/// The route found for a request of which only the head is known.
pub(crate) fn find(table: &Table, head: &RequestHead, parameters: &mut Parameters) -> Found {
    viewed(head, |view| table.find(view, parameters))
}

/// The id of the route that gets a request, whatever the order in which routes are given.
fn winner(routes: &[&str], request: &str) -> Option<String> {
    let mut routes: Vec<Route> = routes.iter().map(|text| route(text)).collect();
    let mut find = || {
        routes.reverse();
        let table = Table::build(&routes, &as_written).unwrap();
        let found = self::find(&table, &head(request), &mut Parameters::default());
        match found {
            Found::Route(index) => Some(routes[index as usize].id.clone()),
            Found::MethodNotAllowed(_) | Found::None => None,
        }
    };
    let (one, other) = (find(), find());
    assert_eq!(one, other, "the order of routes matters for {request}");
    one
}

/// From the first to win to the last.
const ORDER: [&str; 12] = [
    "s.a/x/1",
    "s.a/x/{id}",
    "s.a/x/*",
    "s.a/*",
    "s.a~/x/[0-9]+",
    "s.aany",
    "*.a/x/1",
    "*.aany",
    "GET /x/1",
    "/x/*",
    "~/x/.",
    "any",
];

#[test]
fn the_best_route_wins_and_each_is_the_best_without_those_before_it() {
    for (index, expected) in ORDER.iter().enumerate() {
        assert_eq!(winner(&ORDER[index..], "GET s.a/x/1").as_deref(), Some(*expected));
    }
}

#[test]
fn a_catch_all_comes_after_every_expression_and_a_prefix_before() {
    assert_eq!(winner(&["any", "~/x/[0-9]+"], "GET h/x/1").as_deref(), Some("~/x/[0-9]+"));
    assert_eq!(winner(&["any", "~/x/[0-9]+"], "GET h/x/a").as_deref(), Some("any"));
    assert_eq!(winner(&["/*", "~/x/[0-9]+"], "GET h/x/1").as_deref(), Some("/*"));
    assert_eq!(winner(&["any", "/*"], "GET h/x/1").as_deref(), Some("/*"));
}

#[test]
fn a_catch_all_takes_what_has_no_path() {
    assert_eq!(winner(&["any", "/a"], "OPTIONS h*").as_deref(), Some("any"));
    assert_eq!(winner(&["/a"], "OPTIONS h*"), None);
}

#[test]
fn a_catch_all_takes_what_others_refuse_for_their_method() {
    assert_eq!(winner(&["any", "POST /a", "POST ~/a"], "GET h/a").as_deref(), Some("any"));
    assert_eq!(winner(&["POST any", "/a"], "GET h/b"), None);
}

#[test]
fn the_path_of_a_catch_all_is_its_rest() {
    for (request, rest) in [("GET h/a/b", "a/b"), ("GET h/", ""), ("OPTIONS h*", "")] {
        let head = head(request);
        let mut parameters = Parameters::default();
        let found = find(&Table::build(&[route("any")], &as_written).unwrap(), &head, &mut parameters);
        assert_eq!(found, Found::Route(0));
        assert_eq!(parameters.get(REST, head.path()), Some(rest.as_bytes()));
    }
}

#[test]
fn two_catch_alls_of_a_host_are_a_problem() {
    let mut second = route("any");
    second.id = "other".into();
    let problems = Table::build(&[route("any"), second], &as_written).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("matches the same requests as route \"any\""), "{}", problems[0]);
    assert!(Table::build(&[route("any"), route("s.aany"), route("GET any")], &as_written).is_ok());
}

#[test]
fn slashes_are_merged_for_a_catch_all_too() {
    let mut merging = route("any");
    merging.merge_slashes = true;
    let table = Table::build(&[merging, route("/a//b")], &as_written).unwrap();
    let find = |request| self::find(&table, &head(request), &mut Parameters::default());
    assert_eq!(find("GET h/a//b"), Found::Route(1));
    assert_eq!(find("GET h/a//c"), Found::Route(0));
}
