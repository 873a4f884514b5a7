//! Route matching: the route found matches, none is overlooked, and order never matters.

use glorieta_core::{Fields, Peer, RequestHead, RequestId};
use glorieta_plan::{HostMatch, PathMatch, RespondTarget, Route, Target};
use glorieta_policy::path::normalise;
use glorieta_policy::reference::as_written;
use glorieta_policy::{Found, Parameters, Table, View};

/// The first lines are routes: a letter for the kind of path (`=` exact, `*` prefix, `{`
/// parameters, `~` regular expression, `.` catch-all), a host (`-`: any, `*.a`: wildcard), a path
/// (of a catch-all it says nothing), and perhaps a method. After an empty line comes the request: method, host, path. Hosts and paths that the
/// table would first bring into another form are left out, so that what fits is simple to say.
pub fn route_matching(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let Some((lines, request)) = text.split_once("\n\n") else { return false };
    let mut routes: Vec<Route> = lines.lines().take(24).enumerate().filter_map(read_route).collect();
    let Some(head) = read_request(request) else { return false };
    let Ok(table) = Table::build(&routes, &as_written) else { return false };
    let found = name(&routes, &find(&table, &head));
    routes.reverse();
    let reversed = Table::build(&routes, &as_written).expect("the same routes in another order");
    assert_eq!(name(&routes, &find(&reversed, &head)), found, "the order of routes matters");
    let fits =
        |route: &Route| host_fits(route, head.host()) && path_fits(route, head.path()) && method_fits(route, &head);
    let plain = |route: &&Route| !matches!(route.path, PathMatch::Regex(_));
    match found {
        Some(id) => {
            let route = routes.iter().find(|route| route.id == id).expect("a route that exists");
            assert!(fits(route), "{route:?} does not fit {head:?}");
            let better = |other: &&Route| other.path != PathMatch::Any && other.hosts == route.hosts && fits(other);
            let mut rivals = routes.iter().filter(plain).filter(better);
            assert!(route.path != PathMatch::Any || rivals.next().is_none(), "a catch-all came too early for {head:?}");
        }
        None => {
            let overlooked = routes.iter().filter(plain).find(|route| fits(route));
            assert!(overlooked.is_none(), "{overlooked:?} was overlooked for {head:?}");
        }
    }
    true
}

/// The route of a request in clear of which only the head is known.
fn find(table: &Table, head: &RequestHead) -> Found {
    let view = View {
        head,
        peer: &Peer::at(None),
        id: &RequestId::random(1),
        parameters: &Parameters::default(),
        matched_path: None,
        listener: "fuzz",
        route: "",
        secured: None,
        outcome: None,
    };
    table.find(&view, &mut Parameters::default())
}

fn name(routes: &[Route], found: &Found) -> Option<String> {
    match found {
        Found::Route(index) => Some(routes[*index as usize].id.clone()),
        Found::MethodNotAllowed(_) | Found::None => None,
    }
}

fn read_route((index, line): (usize, &str)) -> Option<Route> {
    let mut words = line.split(' ');
    let (kind, host, path) = (words.next()?, words.next()?, words.next()?.to_owned());
    let name = host.strip_prefix("*.").unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if name.ends_with('.') || !name.bytes().all(plain) {
        return None;
    }
    let host = match host.strip_prefix("*.") {
        _ if host == "-" => HostMatch::Any,
        Some(rest) => HostMatch::Wildcard(rest.to_owned()),
        None => HostMatch::Exact(host.to_owned()),
    };
    if kind != "~" && (normalise(path.as_bytes(), &mut Vec::new()).ok()? || path.len() > 1 && path.ends_with('/')) {
        return None;
    }
    let path = match kind {
        "=" => PathMatch::Exact(path),
        "*" => PathMatch::Prefix(path),
        "{" => PathMatch::Parameters(path),
        "~" => PathMatch::Regex(path),
        "." => PathMatch::Any,
        _ => return None,
    };
    Some(Route {
        id: format!("route/{index}"),
        name: line.to_owned(),
        group: None,
        hosts: vec![host],
        path,
        methods: words.map(str::to_owned).collect(),
        headers: Vec::new(),
        query: Vec::new(),
        words: Vec::new(),
        priority: -(index as i32),
        merge_slashes: false,
        target: Target::Respond(RespondTarget { status: 200, headers: Vec::new(), body: String::new() }),
        filters: Vec::new(),
        deadline_ms: None,
        mirror: None,
    })
}

fn read_request(line: &str) -> Option<RequestHead> {
    let mut words = line.trim_end().split(' ');
    let (method, host, path) = (words.next()?, words.next()?, words.next()?);
    if !Fields::is_token(method.as_bytes()) || !glorieta_http::h1::codec::is_authority(host.as_bytes()) {
        return None;
    }
    let changed = normalise(path.as_bytes(), &mut Vec::new()).ok()?;
    (path.starts_with('/') && !changed).then(|| RequestHead::build(method, host, path, None))
}

fn host_fits(route: &Route, host: &[u8]) -> bool {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(b".").unwrap_or(&host);
    route.hosts.iter().any(|pattern| match pattern {
        HostMatch::Any => true,
        HostMatch::Exact(name) => host == name.as_bytes(),
        HostMatch::Wildcard(rest) => {
            host.strip_suffix(rest.as_bytes()).is_some_and(|labels| labels.len() > 1 && labels.ends_with(b"."))
        }
    })
}

fn path_fits(route: &Route, path: &[u8]) -> bool {
    match &route.path {
        PathMatch::Exact(text) => path == text.as_bytes(),
        PathMatch::Prefix(text) if text == "/" => true,
        PathMatch::Prefix(text) => {
            path.strip_prefix(text.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        }
        PathMatch::Parameters(text) => parameters_fit(text, path),
        PathMatch::Regex(_) | PathMatch::Any => true,
    }
}

fn parameters_fit(pattern: &str, path: &[u8]) -> bool {
    let mut segments = path.split(|&byte| byte == b'/');
    let mut patterns = pattern.split('/').peekable();
    while let Some(pattern) = patterns.next() {
        if pattern == "*" && patterns.peek().is_none() {
            return true;
        }
        let Some(segment) = segments.next() else { return false };
        let fits = if pattern.starts_with('{') { !segment.is_empty() } else { pattern.as_bytes() == segment };
        if !fits {
            return false;
        }
    }
    segments.next().is_none()
}

fn method_fits(route: &Route, head: &RequestHead) -> bool {
    let is_head = head.method_text() == b"HEAD";
    route.methods.is_empty()
        || route.methods.iter().any(|method| method.as_bytes() == head.method_text() || (is_head && method == "GET"))
}
