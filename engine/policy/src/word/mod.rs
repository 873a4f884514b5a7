//! One word for a request value: the same in hashes, templates, logs and, later, limits.
//!
//! Words are read once, when a Plan is compiled to a snapshot; reading a value compares no text
//! that could be compared before.

mod outcome;
mod unknown;
mod values;

use std::fmt;
use std::io::Write;

use glorieta_core::exchange::RequestId;
use glorieta_core::{ClientCertificate, Fields, Name, Peer, RequestHead, Secured};

use crate::route::{ParameterName, Parameters};
use unknown::unknown;

pub use outcome::{Outcome, OutcomeWord};
pub use values::{cookie, decode, query_values};

/// A value of a request. Texts are as received: percent-encoding stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The client's address: the peer's, or what a trusted proxy said.
    ClientIp,
    /// The port of the connection's other end; not found behind a trusted proxy.
    ClientPort,
    /// All values of a header, joined by `, ` (RFC 9110 §5.3).
    Header(Name, Box<str>),
    Cookie(Box<str>),
    Path,
    PathParameter(Box<str>, ParameterName),
    /// The query without `?`.
    Query,
    /// The query with its `?`; nothing where there is none, so that it can follow any path.
    Search,
    /// Path and query.
    Target,
    /// The first value of a query parameter.
    QueryParameter(Box<str>),
    Method,
    /// The host asked for, in lower case, without port.
    Host,
    /// `http` or `https`, as the client spoke it.
    Scheme,
    /// `HTTP/1.1` and its kin.
    Protocol,
    RequestId,
    Listener,
    Route,
    /// The name that the client asked for by TLS, in lower case.
    Sni,
    /// `1.2` or `1.3`; not found without TLS.
    TlsVersion,
    ClientCertificate(CertificateWord),
    /// A value that is known only once the request has been answered.
    Outcome(OutcomeWord),
}

/// What is known of a client's certificate; of one that was not verified nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateWord {
    Subject,
    /// The alternative names, joined by `, `; a comma within one is `\,`.
    Names,
    /// SHA-256, 64 hexadecimal digits.
    Fingerprint,
    /// `true` or `false`; always found.
    Verified,
}

/// Everything that words read.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub head: &'a RequestHead,
    pub peer: &'a Peer,
    pub id: &'a RequestId,
    pub parameters: &'a Parameters,
    /// The path that `parameters` point into; `None`: the head's.
    pub matched_path: Option<&'a [u8]>,
    /// The listener's id.
    pub listener: &'a str,
    /// The route's name.
    pub route: &'a str,
    /// `None`: the client's connection is in clear.
    pub secured: Option<&'a Secured>,
    /// `None` until the request has been answered.
    pub outcome: Option<&'a Outcome<'a>>,
}

/// Words without a name behind them.
const PLAIN: &[(&str, Word)] = &[
    ("client.ip", Word::ClientIp),
    ("client.port", Word::ClientPort),
    ("path", Word::Path),
    ("query", Word::Query),
    ("search", Word::Search),
    ("target", Word::Target),
    ("method", Word::Method),
    ("host", Word::Host),
    ("scheme", Word::Scheme),
    ("protocol", Word::Protocol),
    ("request_id", Word::RequestId),
    ("listener", Word::Listener),
    ("route", Word::Route),
    ("sni", Word::Sni),
    ("tls.version", Word::TlsVersion),
    ("client.certificate.subject", Word::ClientCertificate(CertificateWord::Subject)),
    ("client.certificate.names", Word::ClientCertificate(CertificateWord::Names)),
    ("client.certificate.fingerprint", Word::ClientCertificate(CertificateWord::Fingerprint)),
    ("client.certificate.verified", Word::ClientCertificate(CertificateWord::Verified)),
    ("status", Word::Outcome(OutcomeWord::Status)),
    ("grpc.status", Word::Outcome(OutcomeWord::GrpcStatus)),
    ("reason", Word::Outcome(OutcomeWord::Reason)),
    ("duration", Word::Outcome(OutcomeWord::Duration)),
    ("upstream", Word::Outcome(OutcomeWord::Upstream)),
    ("endpoint", Word::Outcome(OutcomeWord::Endpoint)),
    ("tries", Word::Outcome(OutcomeWord::Tries)),
    ("bytes.in", Word::Outcome(OutcomeWord::BytesIn)),
    ("bytes.out", Word::Outcome(OutcomeWord::BytesOut)),
    ("compression.ratio", Word::Outcome(OutcomeWord::CompressionRatio)),
    ("time", Word::Outcome(OutcomeWord::Time)),
];

/// Words that need a name.
const NAMED: &[&str] = &["header", "cookie", "path", "query"];

impl Word {
    /// Reads a word such as `client.ip` or `header.x-user`.
    ///
    /// # Errors
    /// A sentence for the person who wrote it, with the nearest right word where there is one.
    pub fn parse(text: &str) -> Result<Word, String> {
        if let Some((_, word)) = PLAIN.iter().find(|(known, _)| *known == text) {
            return Ok(word.clone());
        }
        let (kind, name) = text.split_once('.').unwrap_or((text, ""));
        if !NAMED.contains(&kind) {
            return Err(unknown(text, kind, name));
        }
        if name.is_empty() {
            return Err(format!("{kind:?} needs a name, such as {kind}.NAME"));
        }
        let token = Fields::is_token(name.as_bytes());
        match kind {
            "header" if token => Ok(Word::Header(Name::parse(name.as_bytes()), name.into())),
            "cookie" if token => Ok(Word::Cookie(name.into())),
            "path" => Ok(Word::PathParameter(name.into(), ParameterName::new(name))),
            "query" => Ok(Word::QueryParameter(name.into())),
            _ => Err(format!("{name:?} is no name of a {kind}")),
        }
    }

    /// Whether the word has a value only once the request has been answered.
    pub const fn is_outcome(&self) -> bool {
        matches!(self, Word::Outcome(_))
    }

    /// Whether the value may hold any byte that a client likes to send.
    pub const fn is_foreign(&self) -> bool {
        matches!(
            self,
            Word::Header(..)
                | Word::Cookie(_)
                | Word::Path
                | Word::PathParameter(..)
                | Word::Query
                | Word::Search
                | Word::Target
                | Word::QueryParameter(_)
                | Word::Method
                | Word::Host
                | Word::ClientCertificate(CertificateWord::Subject | CertificateWord::Names)
        )
    }

    /// Why no route can be matched by the word: it has a key of its own, or is known only later. `None`: one can.
    pub const fn unmatchable(&self) -> Option<&'static str> {
        Some(match self {
            Word::Header(..) => "headers are matched by `headers`",
            Word::Query | Word::QueryParameter(_) | Word::Search => "the query is matched by `query`",
            Word::Path | Word::Target => "the path is matched by `path`",
            Word::Method => "the method is matched by `method`",
            Word::Host => "the host is matched by `host`",
            Word::PathParameter(..) | Word::Route => "it is known only once the route is",
            Word::Outcome(_) => "it is known only once the request has been answered",
            _ => return None,
        })
    }

    /// Appends the value; `false`, and nothing is appended, where the request has none.
    pub fn read(&self, view: &View<'_>, out: &mut Vec<u8>) -> bool {
        match self {
            Word::ClientIp => view.peer.client.is_some_and(|address| write!(out, "{address}").is_ok()),
            Word::ClientPort => read_port(view, out),
            Word::Header(name, text) => read_header(*name, text, view, out),
            Word::Search => read_search(view.head, out),
            Word::Target => {
                out.extend_from_slice(view.head.path());
                read_search(view.head, out);
                true
            }
            Word::Host => {
                out.extend(view.head.host().iter().map(u8::to_ascii_lowercase));
                !view.head.host().is_empty()
            }
            Word::ClientCertificate(CertificateWord::Names) => read_names(view, out),
            Word::Outcome(word) => view.outcome.is_some_and(|outcome| word.read(outcome, out)),
            lent => lent.lend(view).inspect(|text| out.extend_from_slice(text)).is_some(),
        }
    }

    /// The value as it lies somewhere already; `None` where the request has none, and for words that are written anew.
    fn lend<'a>(&'a self, view: &View<'a>) -> Option<&'a [u8]> {
        match self {
            Word::Cookie(name) => cookie(&view.head.fields, name.as_bytes()),
            Word::Path => Some(view.head.path()),
            Word::PathParameter(_, name) => view.parameters.find(*name, view.matched_path.unwrap_or(view.head.path())),
            Word::Query => view.head.query(),
            Word::QueryParameter(name) => query_values(view.head.query().unwrap_or_default(), name.as_bytes()).next(),
            Word::Method => Some(view.head.method_text()),
            Word::Scheme => Some(view.peer.scheme.text().as_bytes()),
            Word::Protocol => Some(view.head.version.text().as_bytes()),
            Word::RequestId => Some(view.id.as_str().as_bytes()),
            Word::Listener => Some(view.listener.as_bytes()),
            Word::Route => Some(view.route.as_bytes()),
            Word::Sni => view.secured?.server_name.as_deref().map(str::as_bytes),
            Word::TlsVersion => Some(view.secured?.version.as_bytes()),
            Word::ClientCertificate(word) => word.lend(view.certificate()),
            _ => None,
        }
    }

    /// Whether one of the word's values is as wanted: the names of a certificate are one value each, any other word
    /// has one. The texts are seen where they lie; only addresses and ports are written for it.
    pub(crate) fn any(&self, view: &View<'_>, mut wanted: impl FnMut(&[u8]) -> bool) -> bool {
        match self {
            Word::ClientCertificate(CertificateWord::Names) => view
                .certificate()
                .is_some_and(|certificate| certificate.names.iter().any(|name| wanted(name.as_bytes()))),
            Word::ClientIp | Word::ClientPort => {
                let mut text = Vec::new();
                self.read(view, &mut text) && wanted(&text)
            }
            lent => lent.lend(view).is_some_and(wanted),
        }
    }
}

impl<'a> View<'a> {
    /// The client's certificate, verified.
    fn certificate(&self) -> Option<&'a ClientCertificate> {
        self.secured?.certificate.as_ref()
    }
}

impl fmt::Display for Word {
    /// As it is written in configurations.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Header(_, name) => write!(out, "header.{name}"),
            Word::Cookie(name) => write!(out, "cookie.{name}"),
            Word::PathParameter(name, _) => write!(out, "path.{name}"),
            Word::QueryParameter(name) => write!(out, "query.{name}"),
            plain => {
                let known = PLAIN.iter().find(|(_, word)| word == plain);
                out.write_str(known.map_or("", |(text, _)| text))
            }
        }
    }
}

impl CertificateWord {
    /// `None` where there is none, and for names, which are several.
    fn lend(self, certificate: Option<&ClientCertificate>) -> Option<&[u8]> {
        let text: &str = match self {
            CertificateWord::Verified if certificate.is_some() => "true",
            CertificateWord::Verified => "false",
            CertificateWord::Subject => &certificate?.subject,
            CertificateWord::Fingerprint => &certificate?.fingerprint,
            CertificateWord::Names => return None,
        };
        Some(text.as_bytes())
    }
}

fn read_port(view: &View<'_>, out: &mut Vec<u8>) -> bool {
    match view.peer.address {
        Some(address) if view.peer.client.is_none_or(|client| client == address.ip().to_canonical()) => {
            write!(out, "{}", address.port()).is_ok()
        }
        _ => false,
    }
}

fn read_names(view: &View<'_>, out: &mut Vec<u8>) -> bool {
    let Some(certificate) = view.certificate() else { return false };
    for (at, name) in certificate.names.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        name.bytes().for_each(|byte| write_name_byte(byte, out));
    }
    true
}

/// Escapes what would make two names of one, or another name: whoever asks for a certificate may have chosen it.
fn write_name_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b',' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        // Writing to a Vec cannot fail.
        byte if byte.is_ascii_control() => drop(write!(out, "\\{byte:02x}")),
        byte => out.push(byte),
    }
}

fn read_search(head: &RequestHead, out: &mut Vec<u8>) -> bool {
    let Some(query) = head.query() else { return false };
    out.push(b'?');
    out.extend_from_slice(query);
    true
}

fn read_header(name: Name, text: &str, view: &View<'_>, out: &mut Vec<u8>) -> bool {
    let mut found = false;
    let mut append = |value: &[u8]| {
        if std::mem::replace(&mut found, true) {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(value);
    };
    match name {
        Name::Other => view.head.fields.all_named(text.as_bytes()).for_each(&mut append),
        name => view.head.fields.all(name).for_each(&mut append),
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_as_they_are_read() {
        let named = ["header.x-user", "cookie.sid", "path.id", "query.q"];
        for text in PLAIN.iter().map(|(text, _)| *text).chain(named) {
            assert_eq!(Word::parse(text).unwrap().to_string(), text);
        }
    }
}
