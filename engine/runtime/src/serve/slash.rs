//! Paths that are a handler's but for the slash at their end: the client is sent to the right one, as Starlette does.

use std::sync::Arc;

use glorieta_policy::{Found, Parameters, Table};

use super::Request;
use crate::snapshot::Route;

/// Whether a request that no route takes would be taken by a handler's with or without a slash at its path's end.
pub fn is_wrong(request: &mut Request, table: &Table, routes: &[Arc<Route>]) -> bool {
    let Some(other) = other(request.head.path()) else { return false };
    // A call of gRPC follows nobody.
    if request.grpc.is_some() {
        return false;
    }
    request.head.set_path(&other);
    let found = table.find(&request.scope().view(&request.head), &mut Parameters::default());
    request.restore_head();
    matches!(found, Found::Route(index) if routes[index as usize].redirects_slashes())
}

/// Where the client is sent: the other path, with the query as it came.
pub fn location(request: &Request) -> Vec<u8> {
    let mut location = other(request.head.path()).unwrap_or_default();
    if let Some(query) = request.head.query() {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    location
}

/// The path with a slash at its end where it has none, and without where it has one. `None`: it has no other form, or
/// one that would lead to another host, since a reference that begins with two slashes names one (RFC 3986 §4.2).
fn other(path: &[u8]) -> Option<Vec<u8>> {
    match path {
        [b'/'] | [b'/', b'/', ..] => None,
        [path @ .., b'/'] => Some(path.to_vec()),
        [b'/', ..] => Some([path, b"/"].concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::other;

    #[test]
    fn a_path_has_at_most_one_other_form() {
        for (path, expected) in [
            ("/items", Some("/items/")),
            ("/items/", Some("/items")),
            ("/items/7", Some("/items/7/")),
            ("/a//", Some("/a/")),
            ("/%2F%2Fevil.example", Some("/%2F%2Fevil.example/")),
            ("/", None),
            ("//", None),
            ("//evil.example", None),
            ("//evil.example/", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(other(path.as_bytes()).as_deref(), expected.map(str::as_bytes), "{path}");
        }
    }
}
