//! gRPC as far as a proxy must know it: which requests are its, how long they may take, and what its statuses mean.
//!
//! After the protocol's own documents: PROTOCOL-HTTP2, PROTOCOL-WEB, "HTTP to gRPC Status Code Mapping".

use std::time::Duration;

use glorieta_core::{Kind, Method, Name, RequestHead};

/// How a request of gRPC is put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `application/grpc`: messages in bodies, the status in trailers.
    Grpc,
    /// `application/grpc-web`: the status is the last piece of the body, because browsers show no trailers.
    Web,
    /// `application/grpc-web-text`: the same in base64.
    WebText,
}

const GRPC: &[u8] = b"application/grpc";

impl Dialect {
    /// That of a request; `None`: it is none of gRPC.
    #[inline]
    pub fn of(head: &RequestHead) -> Option<Dialect> {
        if head.method != Method::Post {
            return None;
        }
        Dialect::named(head.fields.get(Name::ContentType)?)
    }

    /// That of a content type.
    pub fn named(content_type: &[u8]) -> Option<Dialect> {
        let rest = strip(content_type, GRPC)?;
        let web = strip(rest, b"-web");
        let text = web.and_then(|rest| strip(rest, b"-text"));
        let (dialect, rest) = match (web, text) {
            (_, Some(rest)) => (Dialect::WebText, rest),
            (Some(rest), None) => (Dialect::Web, rest),
            (None, None) => (Dialect::Grpc, rest),
        };
        // `application/grpc+proto` is gRPC, and `application/grpc-other` is not.
        matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t')).then_some(dialect)
    }

    const fn content_type(self) -> &'static [u8] {
        match self {
            Dialect::Grpc => GRPC,
            Dialect::Web => b"application/grpc-web",
            Dialect::WebText => b"application/grpc-web-text",
        }
    }

    /// A content type of one dialect as another writes it: the form of messages (`+proto`) stays.
    pub fn translate(self, content_type: &[u8]) -> Vec<u8> {
        let from = Dialect::named(content_type).map_or(0, |dialect| dialect.content_type().len());
        [self.content_type(), content_type.get(from..).unwrap_or_default()].concat()
    }
}

fn strip<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

/// How long a call may take: `grpc-timeout`, at most eight digits and a unit. `None`: it says nothing that can be
/// understood, and holds for ever.
pub fn timeout(value: &[u8]) -> Option<Duration> {
    let (&unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The statuses that glorieta gives by itself.
pub const CANCELLED: u16 = 1;
pub const UNKNOWN: u16 = 2;
const DEADLINE_EXCEEDED: u16 = 4;
const PERMISSION_DENIED: u16 = 7;
const RESOURCE_EXHAUSTED: u16 = 8;
const UNIMPLEMENTED: u16 = 12;
const INTERNAL: u16 = 13;
const UNAVAILABLE: u16 = 14;
const UNAUTHENTICATED: u16 = 16;

/// The number of the last status that has a name.
pub const LAST_STATUS: u16 = 16;

/// What glorieta answers where HTTP would have this kind's status.
pub const fn status_of(kind: Kind) -> u16 {
    match kind {
        // Nothing was late here, so that it is safe to try again.
        Kind::ConnectTimeout => UNAVAILABLE,
        kind => match kind.status() {
            504 => DEADLINE_EXCEEDED,
            413 | 414 | 429 | 431 => RESOURCE_EXHAUSTED,
            408 | 499 => CANCELLED,
            405 => UNIMPLEMENTED,
            500 => INTERNAL,
            status => status_of_http(status),
        },
    }
}

/// What a client makes of an answer by HTTP that says no status of gRPC.
pub const fn status_of_http(status: u16) -> u16 {
    match status {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// The number that `grpc-status` says; `None`: it is none.
pub fn read_status(value: &[u8]) -> Option<u16> {
    let is_number = !value.is_empty() && value.len() <= 4 && value.iter().all(u8::is_ascii_digit);
    is_number.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_name_dialects() {
        let named = |text: &str| Dialect::named(text.as_bytes());
        assert_eq!(named("application/grpc"), Some(Dialect::Grpc));
        assert_eq!(named("Application/GRPC+proto"), Some(Dialect::Grpc));
        assert_eq!(named("application/grpc;charset=x"), Some(Dialect::Grpc));
        assert_eq!(named("application/grpc-web"), Some(Dialect::Web));
        assert_eq!(named("application/grpc-web+proto"), Some(Dialect::Web));
        assert_eq!(named("application/grpc-web-text"), Some(Dialect::WebText));
        assert_eq!(named("application/grpc-web-text+thrift"), Some(Dialect::WebText));
        for other in
            ["application/grpcx", "application/grpc-webx", "application/grpc-web-textual", "application/grp", ""]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn the_form_of_messages_stays() {
        let translate = |to: Dialect, text: &str| String::from_utf8(to.translate(text.as_bytes())).unwrap();
        assert_eq!(translate(Dialect::Grpc, "application/grpc-web-text+proto"), "application/grpc+proto");
        assert_eq!(translate(Dialect::WebText, "application/grpc+json; x=y"), "application/grpc-web-text+json; x=y");
        assert_eq!(translate(Dialect::Web, "application/grpc"), "application/grpc-web");
    }

    #[test]
    fn only_posts_are_calls() {
        let mut head = RequestHead::build("POST", "a", "/a.B/C", None);
        head.fields.add(Name::ContentType, b"application/grpc");
        assert_eq!(Dialect::of(&head), Some(Dialect::Grpc));
        head.method = Method::Get;
        assert_eq!(Dialect::of(&head), None);
    }

    #[test]
    fn timeouts_have_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("5u", Some(Duration::from_micros(5))),
            ("0n", Some(Duration::ZERO)),
            ("123456789S", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("5s", None),
            ("-5S", None),
            ("1.5S", None),
        ] {
            assert_eq!(timeout(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn every_error_of_ones_own_has_a_status() {
        for (kind, status) in [
            (Kind::NoRoute, 12),
            (Kind::MethodNotAllowed, 12),
            (Kind::Denied, 7),
            (Kind::NoEndpoint, 14),
            (Kind::QueueFull, 14),
            (Kind::Refused, 14),
            (Kind::UpstreamReset, 14),
            (Kind::ConnectTimeout, 14),
            (Kind::Deadline, 4),
            (Kind::FirstByteTimeout, 4),
            (Kind::BodyTooLarge, 8),
            (Kind::ClientGone, 1),
            (Kind::Internal, 13),
            (Kind::HeadMalformed, 13),
            (Kind::Misdirected, 2),
        ] {
            assert_eq!(status_of(kind), status, "{kind:?}");
        }
        assert!(Kind::ALL.iter().all(|&kind| (1..=LAST_STATUS).contains(&status_of(kind)) || kind == Kind::Partial));
    }

    #[test]
    fn statuses_are_numbers() {
        assert_eq!(read_status(b"0"), Some(0));
        assert_eq!(read_status(b"16"), Some(16));
        for bad in [&b""[..], b"x", b"-1", b"12345"] {
            assert_eq!(read_status(bad), None);
        }
    }
}
