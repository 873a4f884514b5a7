//! Which optional parts of an answer are missing, told to machines by the header `glorieta-partial`.
//!
//! It is a list of structured fields (RFC 9651 §3.1): `orders;r=timeout, ads;s=404;r=status`. Each item is a part;
//! `s` is the status that its upstream gave, `r` why it is missing.

use std::io::Write;

use glorieta_core::Kind;

use super::json::quote;

/// The name of the header.
pub const HEADER: &str = "glorieta-partial";
/// Bytes of the header; what would be longer is cut at an item, so that no proxy on the way refuses the answer.
const LONGEST: usize = 4096;

/// Why a part is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// No connection.
    Refused,
    /// The part's or the request's time was up.
    Timeout,
    /// No endpoint may be used, or the queue for one was full.
    Overloaded,
    /// The answer was cut, or is not HTTP.
    Broken,
    /// An answer, but not a 2xx.
    Status,
    /// Not the JSON, or not of the form, that is needed.
    Invalid,
    TooLarge,
    /// It was not asked for: what it needs of another part is not there.
    Unsent,
}

impl Reason {
    /// In the order in which they are numbered.
    pub const ALL: [Reason; 8] = [
        Reason::Refused,
        Reason::Timeout,
        Reason::Overloaded,
        Reason::Broken,
        Reason::Status,
        Reason::Invalid,
        Reason::TooLarge,
        Reason::Unsent,
    ];

    /// Of a call that had no answer.
    pub const fn of(kind: Kind) -> Reason {
        match kind {
            Kind::Refused | Kind::Unreachable | Kind::NameUnresolved | Kind::Tls => Reason::Refused,
            Kind::ConnectTimeout | Kind::FirstByteTimeout | Kind::IdleTimeout | Kind::Deadline => Reason::Timeout,
            Kind::NoEndpoint | Kind::QueueFull | Kind::QueueTimeout | Kind::Draining => Reason::Overloaded,
            _ => Reason::Broken,
        }
    }

    /// The word in the header.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Refused => "refused",
            Reason::Timeout => "timeout",
            Reason::Overloaded => "overloaded",
            Reason::Broken => "broken",
            Reason::Status => "status",
            Reason::Invalid => "invalid",
            Reason::TooLarge => "too_large",
            Reason::Unsent => "unsent",
        }
    }
}

/// A part that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing<'a> {
    pub part: &'a str,
    pub reason: Reason,
    /// The upstream's status, where there was one.
    pub status: Option<u16>,
}

/// The value of the header.
pub fn header(missing: &[Missing<'_>]) -> Vec<u8> {
    let mut value = Vec::new();
    for each in missing {
        let length = value.len();
        if length > 0 {
            value.extend_from_slice(b", ");
        }
        item(each, &mut value);
        if value.len() > LONGEST {
            value.truncate(length);
            break;
        }
    }
    value
}

fn item(missing: &Missing<'_>, out: &mut Vec<u8>) {
    // Names of parts are such that they are tokens, if they begin with a letter.
    if missing.part.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        out.extend_from_slice(missing.part.as_bytes());
    } else {
        quote(missing.part.as_bytes(), out);
    }
    // Writing to a Vec cannot fail.
    if let Some(status) = missing.status {
        let _ = write!(out, ";s={status}");
    }
    let _ = write!(out, ";r={}", missing.reason.word());
}

/// The same for a body: `[{"part":"orders","reason":"timeout"}]`, with `status` where there was one.
pub fn json(missing: &[Missing<'_>]) -> Vec<u8> {
    let mut out = vec![b'['];
    for each in missing {
        out.extend_from_slice(if out.len() > 1 { b",{\"part\":" } else { b"{\"part\":" });
        quote(each.part.as_bytes(), &mut out);
        let _ = write!(out, ",\"reason\":\"{}\"", each.reason.word());
        if let Some(status) = each.status {
            let _ = write!(out, ",\"status\":{status}");
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_of_structured_fields() {
        let missing = [
            Missing { part: "orders", reason: Reason::Timeout, status: None },
            Missing { part: "ads", reason: Reason::Status, status: Some(404) },
            Missing { part: "2nd", reason: Reason::TooLarge, status: None },
        ];
        assert_eq!(header(&missing), b"orders;r=timeout, ads;s=404;r=status, \"2nd\";r=too_large");
        assert_eq!(
            json(&missing),
            br#"[{"part":"orders","reason":"timeout"},{"part":"ads","reason":"status","status":404},{"part":"2nd","reason":"too_large"}]"#
        );
        assert_eq!((header(&[]), json(&[])), (Vec::new(), b"[]".to_vec()));
    }

    #[test]
    fn it_is_cut_at_an_item() {
        let name = "a".repeat(64);
        let many = vec![Missing { part: &name, reason: Reason::Refused, status: None }; 100];
        let value = header(&many);
        assert!(value.len() <= LONGEST && value.len() > LONGEST - 80);
        assert!(value.ends_with(b";r=refused"));
    }
}
