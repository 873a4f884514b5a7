//! Heads between the engine's form and that of messages.

use bytes::Bytes;
use glorieta_core::{Error, Fields, Kind, Method, Name, RequestHead, ResponseHead};
use glorieta_http::h1::codec::{strip_hop_by_hop_request, strip_hop_by_hop_response};
use glorieta_policy::path;

/// Fields as messages carry them: names in lower case, all in one block of memory.
pub fn to_message(fields: &Fields, keep: impl Fn(Name) -> bool) -> glorieta_carrier::Fields {
    let mut block = fields.block.clone();
    let kept: Vec<_> = fields.list.iter().filter(|field| keep(field.name)).collect();
    for field in &kept {
        let start = field.name_span.start as usize;
        block[start..start + field.name_span.length as usize].make_ascii_lowercase();
    }
    let block = Bytes::from(block);
    let text = |span: glorieta_core::Span| block.slice(span.start as usize..(span.start + span.length) as usize);
    kept.iter().map(|field| (text(field.name_span), text(field.value_span))).collect()
}

/// Fields as a handler has written them. Names and values that could be taken for something else are refused.
fn from_message(written: &glorieta_carrier::Fields, kind: Kind) -> Result<Fields, Error> {
    let bytes = written.iter().map(|(name, value)| name.len() + value.len()).sum();
    let mut fields = Fields::with_capacity(bytes, written.len());
    for (name, value) in written {
        if !Fields::is_token(name) {
            let detail = format!("{:?} is no header name", String::from_utf8_lossy(name));
            return Err(Error::new(kind).with_detail(detail));
        }
        let value = value.trim_ascii();
        if !Fields::is_value(value) {
            let detail =
                format!("the value of {} has characters that no header can have", String::from_utf8_lossy(name));
            return Err(Error::new(kind).with_detail(detail));
        }
        fields.add_named(name, value);
    }
    Ok(fields)
}

/// An answer's head, and the length that it announces for its body.
///
/// # Errors
/// `handler_failed`: it is no answer.
pub fn answer(
    status: u16,
    headers: &glorieta_carrier::Fields,
    upgrade: bool,
) -> Result<(ResponseHead, Option<u64>), Error> {
    let is_final = (200..=599).contains(&status);
    if !is_final && (status != 101 || !upgrade) {
        return Err(Error::new(Kind::HandlerFailed).with_detail(match status {
            101 => "it answered 101 to a request that does not ask for another protocol".to_owned(),
            _ => format!("it answered {status}, which is no final status"),
        }));
    }
    let mut head = ResponseHead::new(status);
    head.fields = from_message(headers, Kind::HandlerFailed)?;
    let length = match head.fields.get(Name::ContentLength) {
        None => None,
        Some(text) => Some(length(text).ok_or(Error::because(Kind::HandlerFailed, "its content-length is no number"))?),
    };
    strip_hop_by_hop_response(&mut head);
    Ok((head, length))
}

fn length(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// The head of a call to an upstream, and the protocol that it asks to switch to.
///
/// # Errors
/// `head_malformed`, `path_refused`, `connect_method_refused`: it is not sent.
pub fn request(call: &glorieta_carrier::Call, authority: &[u8]) -> Result<(RequestHead, Option<Vec<u8>>), Error> {
    let malformed = |detail: &'static str| Error::because(Kind::HeadMalformed, detail);
    let method = std::str::from_utf8(&call.method).ok().filter(|method| Fields::is_token(method.as_bytes()));
    let method = method.ok_or(malformed("the method of a call is no token"))?;
    let mut head = RequestHead { method: Method::parse(method.as_bytes()), ..RequestHead::default() };
    if head.method == Method::Connect {
        return Err(Error::new(Kind::ConnectRefused));
    }
    head.fields = from_message(&call.headers, Kind::HeadMalformed)?;
    head.method_span = head.fields.push_text(method.as_bytes());
    let (path, query) = split(&call.target);
    if !path.starts_with(b"/") || !call.target.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(malformed("the target of a call is no path; write /orders/7?full=1, other characters escaped"));
    }
    let mut normal = Vec::new();
    let changed = path::normalise(path, &mut normal)?;
    head.set_path(if changed { &normal } else { path });
    head.set_query(query);
    let host = head.fields.get(Name::Host).map(<[u8]>::to_vec);
    match host {
        Some(host) if glorieta_http::h1::codec::is_authority(&host) => head.set_authority(&host),
        Some(_) => return Err(malformed("the host of a call is no host")),
        None => head.set_authority(authority),
    }
    let upgrade = head.fields.get(Name::Upgrade).map(<[u8]>::to_vec);
    strip_hop_by_hop_request(&mut head);
    Ok((head, upgrade))
}

fn split(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
        None => (target, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> glorieta_carrier::Fields {
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn call(method: &str, target: &str, headers: &[(&str, &str)]) -> glorieta_carrier::Call {
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        glorieta_carrier::Call {
            upstream: 0,
            timeout_ms: 0,
            method: text(method),
            target: text(target),
            headers: fields(headers),
            body: glorieta_carrier::Body::Empty,
        }
    }

    #[test]
    fn fields_travel_in_lower_case_and_in_order() {
        let mut own = Fields::default();
        own.add_named(b"X-One", b"A");
        own.add(Name::Host, b"a.example");
        own.add_named(b"X-ONE", b"B");
        assert_eq!(to_message(&own, |name| name != Name::Host), fields(&[("x-one", "A"), ("x-one", "B")]));
    }

    #[test]
    fn an_answer_that_is_none_is_refused_and_says_why() {
        for (status, headers, upgrade, why) in [
            (199, &[][..], false, "no final status"),
            (600, &[], false, "no final status"),
            (101, &[], false, "another protocol"),
            (200, &[("a b", "c")], false, "no header name"),
            (200, &[("a", "b\r\nc: d")], false, "the value of a"),
            (200, &[("content-length", "+5")], false, "content-length"),
        ] {
            let error = answer(status, &fields(headers), upgrade).unwrap_err();
            assert_eq!(error.kind, Kind::HandlerFailed);
            assert!(error.detail().contains(why), "{error}");
        }
        assert_eq!(answer(101, &fields(&[]), true).unwrap().0.status, 101);
    }

    #[test]
    fn what_frames_an_answer_is_taken_out_of_it() {
        let headers =
            [("content-length", "5"), ("transfer-encoding", "chunked"), ("connection", "close"), ("x-a", "1")];
        let (head, length) = answer(200, &fields(&headers), false).unwrap();
        assert_eq!(length, Some(5));
        let names: Vec<_> = head.fields.iter().map(|(_, name, _)| name.to_vec()).collect();
        assert_eq!(names, [b"x-a".to_vec()]);
    }

    #[test]
    fn a_call_is_written_anew() {
        let (head, upgrade) =
            request(&call("GET", "/a/%7Eb/../c?d=%20", &[("Connection", "x-a"), ("x-a", "1"), ("x-b", "2")]), b"shop")
                .unwrap();
        assert_eq!((head.path(), head.query(), head.authority()), (&b"/a/c"[..], Some(&b"d=%20"[..]), &b"shop"[..]));
        assert_eq!(to_message(&head.fields, |_| true), fields(&[("x-b", "2")]));
        assert_eq!(upgrade, None);
        let (head, upgrade) =
            request(&call("GET", "/", &[("host", "b.example"), ("upgrade", "websocket")]), b"shop").unwrap();
        assert_eq!((head.authority(), upgrade.as_deref()), (&b"b.example"[..], Some(&b"websocket"[..])));
    }

    #[test]
    fn a_call_that_could_be_taken_for_another_is_refused() {
        for (method, target, headers) in [
            ("GET /x HTTP/1.1\r\nHost: evil", "/", &[][..]),
            ("GET", "orders", &[]),
            ("GET", "/a b", &[]),
            ("GET", "/a\r\nx: y", &[]),
            ("GET", "/a#b", &[]),
            ("GET", "/a/../../b", &[]),
            ("GET", "/%00", &[]),
            ("CONNECT", "/", &[]),
            ("GET", "/", &[("x", "y\nz")]),
            ("GET", "/", &[("host", "a b")]),
        ] {
            assert!(request(&call(method, target, headers), b"shop").is_err(), "{method} {target}");
        }
    }
}
