//! Hop-by-hop fields (RFC 9110 §7.6.1): what speaks of one connection and must not be forwarded.
//!
//! A client may name any field in `Connection` and so ask for its removal. It must not be able to
//! remove what the message means or what proxies vouch for, so those are kept though named.

use glorieta_core::{Fields, Name, RequestHead, ResponseHead};

use super::connection::options;
use super::trailers::starts_with_any;

/// Fields by which deployments say who calls, from where and for what; kept though named.
const KEPT_PREFIXES: [&[u8]; 11] = [
    b"content-",
    b"sec-",
    b"x-forwarded-",
    b"x-auth",
    b"x-user",
    b"x-client-",
    b"x-real-",
    b"x-original-",
    b"x-ssl-",
    b"x-b3-",
    b"true-client-ip",
];

/// Removes hop-by-hop fields from a request, and what decided its framing: the encoder writes
/// that from `Framing`. `TE: trailers` stays, because trailers are passed on; so does `Trailer`
/// if the body is chunked. Copy the value of `Upgrade` first if the request is to be upgraded.
pub fn strip_hop_by_hop_request(head: &mut RequestHead) {
    let Fields { block, list } = &head.fields;
    let asks_for_trailers =
        list.iter().any(|field| field.name == Name::Te && field.value_span.of(block).eq_ignore_ascii_case(b"trailers"));
    let several = list.iter().filter(|field| field.name == Name::Te).count() > 1;
    strip(&mut head.fields, |name| name == Name::Te && asks_for_trailers && !several);
}

/// Removes hop-by-hop fields from a response, and what decided its framing. `Upgrade` stays in a
/// 101, where it names the protocol switched to, and `Trailer` if the body is chunked.
pub fn strip_hop_by_hop_response(head: &mut ResponseHead) {
    let switching = head.status == 101;
    strip(&mut head.fields, |name| name == Name::Upgrade && switching);
}

fn strip(fields: &mut Fields, keep: impl Fn(Name) -> bool) {
    let mut named = 0;
    let mut chunked = false;
    let mut found = false;
    for field in &fields.list {
        found |= is_hop_by_hop(field.name);
        chunked |= field.name == Name::TransferEncoding;
        named += usize::from(field.name == Name::Connection);
    }
    if !found {
        return;
    }
    for index in 0..named {
        strip_named(fields, index);
    }
    let keep = |name| keep(name) || (name == Name::Trailer && chunked);
    fields.list.retain(|field| !is_hop_by_hop(field.name) || keep(field.name));
}

/// Removes what the `Connection` field of that index names.
fn strip_named(fields: &mut Fields, index: usize) {
    let Fields { block, list } = fields;
    let Some(connection) = list.iter().filter(|field| field.name == Name::Connection).nth(index) else { return };
    for option in options(connection.value_span.of(block)) {
        let told = matches!(option.len(), 5 | 7 | 10)
            && [&b"close"[..], b"upgrade", b"keep-alive"].iter().any(|known| option.eq_ignore_ascii_case(known));
        // Names that the engine knows are either hop-by-hop, and go anyway, or never go.
        if told || Name::parse(option) != Name::Other || starts_with_any(option, &KEPT_PREFIXES) {
            continue;
        }
        list.retain(|field| field.name != Name::Other || !field.name_span.of(block).eq_ignore_ascii_case(option));
    }
}

const fn is_hop_by_hop(name: Name) -> bool {
    matches!(
        name,
        Name::Connection
            | Name::ContentLength
            | Name::TransferEncoding
            | Name::Te
            | Name::Trailer
            | Name::Upgrade
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::ProxyAuthorization
            | Name::ProxyAuthenticate
            | Name::Http2Settings
    )
}
