//! The proxy target: the request as the upstream shall see it, the call, and the answer as the client shall see it.

use glorieta_core::{Body, Error, Fields, Kind, Method, Moment, Name, ResponseHead};
use glorieta_http::h1::codec::{strip_hop_by_hop_request, strip_hop_by_hop_response};
use glorieta_policy::Word;
use glorieta_policy::balance::hash;
use glorieta_upstream::{Answer, Balance, CallContext, Host, call};

use super::forwarded::{self, PeerText};
use super::{Hold, Outcome, Request, RequestRecord};
use crate::mirror;
use crate::snapshot::Proxy;

/// Removes what must not be forwarded and adds what must, before any filter looks: so filters have the last word,
/// and a client's `Connection` cannot name what a filter adds (attack 35).
pub fn prepare(request: &mut Request, peer_text: &PeerText, upgrade: bool) {
    request.upgrade = None;
    if upgrade {
        request.upgrade =
            request.head.fields.get(Name::Upgrade).filter(|value| !names_http2(value)).map(<[u8]>::to_vec);
    }
    strip_hop_by_hop_request(&mut request.head);
    let mirrors = request.route.as_ref().is_some_and(|route| route.mirror.is_some());
    request.is_copy = mirrors && request.head.fields.get_named(mirror::MARK).is_some();
    if !request.peer.trusted {
        forwarded::remove_forged(&mut request.head.fields);
    }
    forwarded::add(request, peer_text);
}

/// An upgrade to HTTP/2 would open a tunnel through which requests pass unseen (attack 35), and RFC 9113 has no
/// such upgrade any more.
fn names_http2(value: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

/// Where a request goes, once all that depends on it alone is decided.
pub struct Aim<'a> {
    /// The hash of the value by which an endpoint is chosen.
    pub key: Option<u64>,
    pub host: &'a Host,
}

/// Brings the head into the form in which it is sent, but for what depends on the endpoint.
///
/// # Errors
/// `method_not_allowed`, `head_malformed`, `path_refused`, `internal`: it is not sent.
pub fn aim<'a>(request: &mut Request, target: &'a Proxy) -> Result<Aim<'a>, Error> {
    take_hop(request)?;
    let key = key(request, target);
    rewrite(request, target)?;
    // HTTP/1.0 may come without a host; HTTP/1.1 must not go without one.
    let nameless = target.host == Host::Preserve && request.head.authority.length == 0;
    Ok(Aim { key, host: if nameless { &Host::Upstream } else { &target.host } })
}

pub async fn run(
    record: &mut RequestRecord,
    target: &Proxy,
    body: Body,
    deadline: Option<Moment>,
) -> Result<Outcome, Error> {
    let Aim { key, host } = aim(&mut record.request, target)?;
    let body = mirror::copy(record, body);
    record.upstream = Some(target.upstream.clone());
    let upgrade = record.request.upgrade.take();
    let context = CallContext {
        timeouts: target.timeouts,
        deadline,
        retries: target.retries,
        key,
        upgrade: upgrade.as_deref(),
        host,
        wire: Some(&*record.wire),
        progress: &record.progress,
    };
    match call(&target.upstream, &mut record.request.head, body, &context).await? {
        Answer::Response(mut response) => {
            present(&record.request, target, &mut response.head);
            Ok(Outcome::Response(response))
        }
        Answer::Switched { mut head, stream, leftover, hold } => {
            present(&record.request, target, &mut head);
            let hold = Hold::Upstream(hold);
            Ok(Outcome::Switched { head, stream, leftover, hold, idle: target.timeouts.tunnel })
        }
    }
}

/// Counts down `Max-Forwards` of TRACE and OPTIONS (RFC 9110 §7.6.2): at 0 the request ends here, and here is
/// nothing that it could ask for.
fn take_hop(request: &mut Request) -> Result<(), Error> {
    if !matches!(request.head.method, Method::Trace | Method::Options) {
        return Ok(());
    }
    let Some(left) = request.head.fields.get(Name::MaxForwards) else { return Ok(()) };
    match std::str::from_utf8(left).ok().and_then(|left| left.parse::<u64>().ok()) {
        Some(0) => Err(Error::because(Kind::MethodNotAllowed, "Max-Forwards is 0")),
        Some(left) => {
            request.head.fields.set(Name::MaxForwards, (left - 1).to_string().as_bytes());
            Ok(())
        }
        None => Err(Error::because(Kind::HeadMalformed, "Max-Forwards is not a number")),
    }
}

/// The hash of the value by which an endpoint is chosen.
fn key(request: &Request, target: &Proxy) -> Option<u64> {
    let Balance::Hash(word) = &target.upstream.settings.balance else { return None };
    hash_of(request, word)
}

/// The hash of what a word reads in the request.
pub fn hash_of(request: &Request, word: &Word) -> Option<u64> {
    let mut value = Vec::new();
    word.read(&request.scope().view(&request.head), &mut value).then(|| hash::of(&value))
}

/// The path that the upstream sees.
fn rewrite(request: &mut Request, target: &Proxy) -> Result<(), Error> {
    if let Some(template) = &target.rewrite {
        let mut path = Vec::new();
        template.expand_path(&request.scope().view(&request.head), &mut path)?;
        let (path, query) = match path.iter().position(|&byte| byte == b'?') {
            Some(mark) => (&path[..mark], Some(&path[mark + 1..])),
            None => (&path[..], None),
        };
        if !path.starts_with(b"/") {
            return Err(Error::because(Kind::Internal, "the rewritten path does not begin with a slash"));
        }
        request.head.set_path(path);
        if let Some(query) = query {
            // A mark with nothing behind it says that there is to be no query.
            request.head.set_query(Some(query).filter(|query| !query.is_empty()));
        }
    } else if let Some(prefix) = &target.strip_prefix
        && let Some(rest) = request.head.path().strip_prefix(&**prefix)
    {
        let rest = if rest.is_empty() { b"/".to_vec() } else { rest.to_vec() };
        request.head.set_path(&rest);
    }
    if let Some(prefix) = &target.strip_prefix
        && request.view.listener.forwarded.x_forwarded
    {
        forwarded::add_prefix(&mut request.head.fields, prefix);
    }
    Ok(())
}

/// The answer as the client shall see it.
pub fn present(request: &Request, target: &Proxy, head: &mut ResponseHead) {
    strip_hop_by_hop_response(head);
    let prefix = target.strip_prefix.as_deref().filter(|_| target.rewrite.is_none());
    // Where the upstream is told another host than was asked for, it names that in its addresses.
    let renamed = target.host != Host::Preserve;
    if prefix.is_some() || renamed {
        map_back(&mut head.fields, prefix.unwrap_or_default(), request);
    }
    forwarded::add_via(head, &request.view.listener);
}

/// Maps addresses in an answer back to where the client sees them: `Location`, `Content-Location`, cookie paths.
fn map_back(fields: &mut Fields, prefix: &[u8], request: &Request) {
    for index in 0..fields.list.len() {
        let field = fields.list[index];
        let value = fields.text(field.value_span);
        let mapped = match field.name {
            Name::Location | Name::ContentLocation => map_location(value, prefix, request),
            Name::SetCookie if !prefix.is_empty() => map_cookie_path(value, prefix),
            _ => None,
        };
        if let Some(mapped) = mapped {
            fields.list[index].value_span = fields.push_text(&mapped);
        }
    }
}

/// A path, or an address whose host is the one that was asked for, gets the prefix in front of its path. An address
/// whose host is the one that the upstream was told becomes one of the host that was asked for: the client cannot
/// reach the other.
fn map_location(value: &[u8], prefix: &[u8], request: &Request) -> Option<Vec<u8>> {
    let (origin, path) = split_origin(value)?;
    let asked = request.asked_authority();
    let authority = origin_authority(origin);
    let path = if path.is_empty() { b"/" } else { path };
    match authority {
        None => Some([prefix, path].concat()),
        Some(authority) if authority.eq_ignore_ascii_case(asked) => Some([origin, prefix, path].concat()),
        Some(authority) if authority.eq_ignore_ascii_case(request.head.authority()) && !asked.is_empty() => {
            Some([request.peer.scheme.text().as_bytes(), b"://", asked, prefix, path].concat())
        }
        Some(_) => None,
    }
}

/// Splits `http://host/path` or `/path` before the path; `None`: a relative or network-path reference.
fn split_origin(value: &[u8]) -> Option<(&[u8], &[u8])> {
    if value.starts_with(b"//") {
        return None;
    }
    if value.starts_with(b"/") {
        return Some((b"", value));
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let rest = &value[scheme.len()..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    Some(value.split_at(scheme.len() + end))
}

fn origin_authority(origin: &[u8]) -> Option<&[u8]> {
    let colon = origin.iter().position(|&byte| byte == b':')?;
    origin.get(colon + 3..)
}

/// Puts the prefix in front of a cookie's `Path` (RFC 6265 §5.2.4).
fn map_cookie_path(value: &[u8], prefix: &[u8]) -> Option<Vec<u8>> {
    let mut mapped = Vec::with_capacity(value.len() + prefix.len());
    let mut changed = false;
    for (index, part) in value.split(|&byte| byte == b';').enumerate() {
        if index > 0 {
            mapped.push(b';');
        }
        let equals = part.iter().position(|&byte| byte == b'=').filter(|_| index > 0);
        match equals {
            Some(equals)
                if part[..equals].trim_ascii().eq_ignore_ascii_case(b"path")
                    && part[equals + 1..].trim_ascii_start().starts_with(b"/") =>
            {
                let path = part[equals + 1..].trim_ascii();
                mapped.extend_from_slice(&part[..=equals]);
                mapped.extend_from_slice(prefix);
                // `/service1` and below: without a slash the service's own root would not match.
                mapped.extend_from_slice(if path == b"/" { b"" } else { path });
                changed = true;
            }
            _ => mapped.extend_from_slice(part),
        }
    }
    changed.then_some(mapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_paths_get_the_prefix() {
        let mapped =
            |value: &str| map_cookie_path(value.as_bytes(), b"/a").map(|mapped| String::from_utf8(mapped).unwrap());
        assert_eq!(mapped("s=1; Path=/; HttpOnly").as_deref(), Some("s=1; Path=/a; HttpOnly"));
        assert_eq!(mapped("s=1; path=/x").as_deref(), Some("s=1; path=/a/x"));
        assert_eq!(mapped("path=/x"), None);
        assert_eq!(mapped("s=1; Secure"), None);
    }

    #[test]
    fn origins_are_split_before_their_path() {
        let split = |value: &'static str| {
            split_origin(value.as_bytes()).map(|(origin, path)| {
                (String::from_utf8_lossy(origin).into_owned(), String::from_utf8_lossy(path).into_owned())
            })
        };
        let pair = |one: &str, two: &str| Some((one.to_owned(), two.to_owned()));
        assert_eq!(split("/x?y"), pair("", "/x?y"));
        assert_eq!(split("http://a.example/x"), pair("http://a.example", "/x"));
        assert_eq!(split("HTTPS://a.example"), pair("HTTPS://a.example", ""));
        assert_eq!(split("//evil.example/x"), None);
        assert_eq!(split("x/y"), None);
        assert_eq!(origin_authority(b"http://a.example:80"), Some(&b"a.example:80"[..]));
        assert_eq!(origin_authority(b""), None);
    }
}
