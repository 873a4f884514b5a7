//! Requests: from a client's, and to an endpoint's.

use bytes::Bytes;
use glorieta_core::{Error, Kind, Method, Name, RequestHead, Version};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri};

use super::fields::{fields_in, fields_out, length_in, part, text_of};
use crate::h1::codec::{Limits, is_authority, write_target};

/// What a request's head says beside itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// How long its body is to be, where that is announced.
    pub length: Option<u64>,
    /// Whether the client waits for `100 Continue` before it sends its body.
    pub expect_continue: bool,
}

const fn malformed(detail: &'static str) -> Error {
    Error::because(Kind::HeadMalformed, detail)
}

/// A client's request. `head` is filled as far as it was understood; its method is the one received, so that an
/// extended CONNECT (RFC 8441) is a CONNECT that has a path.
///
/// # Errors
/// `head_malformed`, `host_refused`, `target_too_long`, `headers_too_many`, `head_too_large`, `framing_refused`,
/// `expectation_unknown`. Only the one stream is affected.
pub fn request_in<B>(
    request: &Request<B>,
    version: Version,
    limits: &Limits,
    head: &mut RequestHead,
) -> Result<RequestFacts, Error> {
    let uri = request.uri();
    let line =
        uri.path().len() + uri.query().map_or(0, str::len) + uri.authority().map_or(0, |name| name.as_str().len());
    head.fields.reserve(line + text_of(request.headers()), request.headers().len());
    head.version = version;
    head.method = Method::parse(request.method().as_str().as_bytes());
    head.method_span = head.fields.push_text(request.method().as_str().as_bytes());
    place_target(request.uri(), limits, head)?;
    place_authority(request, head)?;
    if request.headers().values().any(has_blank_edge) {
        return Err(malformed("a value begins or ends with a blank"));
    }
    let size = fields_in(request.headers(), &mut head.fields).map_err(|name| {
        malformed("a field of one connection, which HTTP/1.1 alone knows").with_detail(format!("{name} is not allowed"))
    })?;
    if size.count > limits.header_count {
        return Err(Error::new(Kind::HeadersTooMany));
    }
    let target = head.path.length + head.query.map_or(0, |query| query.length);
    if size.bytes + target as usize + head.authority.length as usize > limits.head_bytes {
        return Err(Error::new(Kind::HeadTooLarge));
    }
    let length = length_in(request.headers()).map_err(|detail| Error::because(Kind::FramingRefused, detail))?;
    Ok(RequestFacts { length, expect_continue: expects(request)? })
}

/// HTTP/1.1 would not see it: what is sent there would be another value (RFC 9113 §8.2.1).
fn has_blank_edge(value: &HeaderValue) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(value.as_bytes().first()) || is_blank(value.as_bytes().last())
}

fn place_target(uri: &Uri, limits: &Limits, head: &mut RequestHead) -> Result<(), Error> {
    let (path, query) = (uri.path().as_bytes(), uri.query().map(str::as_bytes));
    if path.len() + query.map_or(0, |query| query.len() + 1) > limits.target_bytes {
        return Err(Error::new(Kind::TargetTooLong));
    }
    if !path.is_ascii() || query.is_some_and(|query| !query.is_ascii()) {
        return Err(malformed("a byte beyond ASCII in the target"));
    }
    if path == b"*" && head.method != Method::Options {
        return Err(malformed("* asks for options only"));
    }
    head.set_path(path);
    head.set_query(query);
    Ok(())
}

/// The authority of the pseudo-header, or `Host`; both must be the same (RFC 9113 §8.3.1). Whoever reads `Host` from
/// here on reads what the request is for.
fn place_authority<B>(request: &Request<B>, head: &mut RequestHead) -> Result<(), Error> {
    let refused = |detail| Error::because(Kind::HostRefused, detail);
    let mut hosts = request.headers().get_all(http::header::HOST).iter();
    let host = hosts.next().map(HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Err(refused("more than one Host"));
    }
    let pseudo = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let authority = match (pseudo, host) {
        (Some(pseudo), Some(host)) if !pseudo.eq_ignore_ascii_case(host) => {
            return Err(refused("Host is not what :authority says"));
        }
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(refused("no :authority")),
    };
    if !is_authority(authority) {
        return Err(refused(":authority is not a host and perhaps a port"));
    }
    head.fields.add(Name::Host, authority);
    head.authority = head.fields.list[head.fields.list.len() - 1].value_span;
    Ok(())
}

fn expects<B>(request: &Request<B>) -> Result<bool, Error> {
    let mut expected = false;
    for value in request.headers().get_all(http::header::EXPECT) {
        if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
            return Err(Error::new(Kind::ExpectationUnknown));
        }
        expected = true;
    }
    Ok(expected)
}

/// A request as it is sent to an endpoint; `length`: of its body, where that is known.
///
/// # Errors
/// `head_malformed`: a rewritten method, host or path is none that may be sent.
pub fn request_out(head: &RequestHead, scheme: Scheme, length: Option<u64>) -> Result<Request<()>, Error> {
    let bad = |_: http::Error| malformed("what is to be sent is no method, host and path");
    let text = Bytes::copy_from_slice(&head.fields.block);
    let mut target = Vec::with_capacity(head.path().len() + head.query().map_or(0, |query| query.len() + 1));
    write_target(head, &mut target);
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(scheme);
    uri.authority = Some(Authority::from_maybe_shared(part(&text, head.authority)).map_err(|error| bad(error.into()))?);
    uri.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|error| bad(error.into()))?);
    let mut request = Request::new(());
    *request.method_mut() = http::Method::from_bytes(head.method_text()).map_err(|error| bad(error.into()))?;
    *request.uri_mut() = Uri::from_parts(uri).map_err(|error| bad(error.into()))?;
    fields_out(&head.fields, &text, request.headers_mut(), |name| matches!(name, Name::Host | Name::ContentLength));
    let says_none = matches!(head.method, Method::Post | Method::Put | Method::Patch);
    if let Some(length) = length.filter(|&length| length > 0 || says_none) {
        request.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(request)
}
