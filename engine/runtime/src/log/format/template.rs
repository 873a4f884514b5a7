//! Lines as the operator wants them: text with `${word}` in it.
//!
//! Words are those of the whole configuration, and those that are known only when a request is
//! over (`status`, `duration`, …). A value that is absent is `-`; all values are escaped.

use glorieta_policy::{LookUp, Reference};

use super::escape::{push_text, push_text_or_dash};
use super::time::Clock;
use super::{push_address, push_milliseconds, push_number};
use crate::log::entry::{Record, Text};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Text(Text),
    Time,
    ClientIp,
    ClientPort,
    Target,
    Search,
    Status,
    GrpcStatus,
    Duration,
    Tries,
    BytesIn,
    BytesOut,
    /// Carried by the entry: `header.NAME`, `path.NAME`, what a client's certificate says.
    Extra(String),
    Cookie(String),
    QueryParameter(String),
}

/// A template taken apart.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// `$$` is a dollar sign; `${word}` a value. An error names the word that is not known.
    pub fn parse(text: &str, look_up: LookUp<'_>) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                literal.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (word, after) = after
                    .split_once('}')
                    .ok_or_else(|| format!("log template {text:?} opens \"${{\" and never closes it"))?;
                rest = after;
                if let Some(reference) = Reference::read(word) {
                    literal.push_str(&look_up(reference)?);
                    continue;
                }
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(part(word)?);
            } else {
                literal.push('$');
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Template { parts })
    }

    /// The words that an entry must carry in `extra`, each once.
    pub fn needed_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for part in &self.parts {
            let word = match part {
                Part::Extra(word) => word.clone(),
                Part::Cookie(_) => "header.cookie".to_owned(),
                _ => continue,
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words
    }

    pub fn line(&self, record: &Record<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
        for part in &self.parts {
            push_part(part, record, clock, out);
        }
        out.push(b'\n');
    }
}

fn part(word: &str) -> Result<Part, String> {
    Ok(match word {
        "time" => Part::Time,
        "client.ip" => Part::ClientIp,
        "client.port" => Part::ClientPort,
        "target" => Part::Target,
        "search" => Part::Search,
        "status" => Part::Status,
        "grpc.status" => Part::GrpcStatus,
        "duration" => Part::Duration,
        "tries" => Part::Tries,
        "bytes.in" => Part::BytesIn,
        "bytes.out" => Part::BytesOut,
        "request_id" => Part::Text(Text::RequestId),
        "listener" => Part::Text(Text::Listener),
        "route" => Part::Text(Text::Route),
        "method" => Part::Text(Text::Method),
        "scheme" => Part::Text(Text::Scheme),
        "host" => Part::Text(Text::Host),
        "path" => Part::Text(Text::Path),
        "query" => Part::Text(Text::Query),
        "protocol" => Part::Text(Text::Protocol),
        "reason" => Part::Text(Text::Reason),
        "detail" => Part::Text(Text::Detail),
        "upstream" => Part::Text(Text::Upstream),
        "endpoint" => Part::Text(Text::Endpoint),
        "mirror" => Part::Text(Text::Mirror),
        "tls" => Part::Text(Text::Tls),
        "tls.version" => Part::Text(Text::Tls),
        "sni" => Part::Extra(word.to_owned()),
        "client.certificate.subject" => Part::Extra(word.to_owned()),
        "client.certificate.names" => Part::Extra(word.to_owned()),
        "client.certificate.fingerprint" => Part::Extra(word.to_owned()),
        "client.certificate.verified" => Part::Extra(word.to_owned()),
        "compression.ratio" => Part::Extra(word.to_owned()),
        "trace.id" => Part::Text(Text::TraceId),
        _ => return family(word),
    })
}

fn family(word: &str) -> Result<Part, String> {
    match word.split_once('.') {
        Some((_, "")) | None => Err(format!("\"{word}\" is no word of a log template")),
        Some(("header", name)) => Ok(Part::Extra(format!("header.{}", name.to_ascii_lowercase()))),
        Some(("path", _)) => Ok(Part::Extra(word.to_owned())),
        Some(("cookie", name)) => Ok(Part::Cookie(name.to_owned())),
        Some(("query", name)) => Ok(Part::QueryParameter(name.to_owned())),
        Some(_) => Err(format!("\"{word}\" is no word of a log template")),
    }
}

fn push_search(record: &Record<'_>, out: &mut Vec<u8>) {
    if let Some(query) = record.query() {
        out.push(b'?');
        push_text(out, query);
    }
}

fn push_part(part: &Part, record: &Record<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    match part {
        Part::Literal(text) => push_literal(out, text),
        Part::Text(text) => push_text_or_dash(out, record.text(*text)),
        Part::Time => clock.push_rfc3339(out, record.time_unix_ns),
        Part::ClientIp => push_address(out, record.client),
        Part::ClientPort => push_number(out, u64::from(record.client_port)),
        Part::Target => {
            push_text_or_dash(out, record.text(Text::Path));
            push_search(record, out);
        }
        Part::Search => push_search(record, out),
        Part::Status => push_number(out, u64::from(record.status)),
        Part::GrpcStatus => match record.grpc_status {
            Some(status) => push_number(out, u64::from(status)),
            None => out.push(b'-'),
        },
        Part::Duration => push_milliseconds(out, record.duration_ns),
        Part::Tries => push_number(out, u64::from(record.tries)),
        Part::BytesIn => push_number(out, record.bytes_in),
        Part::BytesOut => push_number(out, record.bytes_out),
        Part::Extra(word) => push_text_or_dash(out, record.extra(word.as_bytes()).unwrap_or_default()),
        Part::Cookie(name) => {
            let cookies = record.extra(b"header.cookie").unwrap_or_default();
            push_text_or_dash(out, pair_value(cookies, b';', name.as_bytes()).unwrap_or_default());
        }
        Part::QueryParameter(name) => {
            let query = record.query().unwrap_or_default();
            push_text_or_dash(out, pair_value(query, b'&', name.as_bytes()).unwrap_or_default());
        }
    }
}

/// The operator's own text stays as it is, but for line breaks: an entry is one line.
fn push_literal(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
}

/// The value of `name=value` among pairs; the first one counts, as RFC 6265 §5.4 orders cookies.
fn pair_value<'a>(pairs: &'a [u8], separator: u8, name: &[u8]) -> Option<&'a [u8]> {
    pairs.split(|&byte| byte == separator).find_map(|pair| pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use glorieta_plan::LogFormat;
    use glorieta_policy::reference::as_written;

    use super::super::Options;
    use super::super::tests::line_of;
    use super::*;
    use crate::log::entry::{Entry, tests::typical};

    fn text_of(template: &str, entry: &Entry<'_>) -> String {
        let format = LogFormat::Template(template.to_owned());
        String::from_utf8(line_of(&format, Options::default(), entry)).unwrap()
    }

    #[test]
    fn words_become_values() {
        let template = "${client.ip}:${client.port} ${method} ${target} ${status} ${duration} ${request_id} $$5 $x";
        assert_eq!(
            text_of(template, &typical()),
            "127.0.0.1:4711 GET /service1/a?q=1 200 3.141 0123456789abcdef0123456789abcdef $5 $x\n"
        );
        assert_eq!(
            text_of("${time} ${tries} ${bytes.out} ${query.q} ${query.no}", &typical()),
            "2023-11-14T22:13:20.123Z 1 512 1 -\n"
        );
    }

    #[test]
    fn headers_and_cookies_come_from_the_entry() {
        let extra: &[(&str, &[u8])] = &[("header.x-user", b"ann\n"), ("header.cookie", b"a=1; sid=x=2; sid=3")];
        let entry = Entry { extra, ..typical() };
        assert_eq!(text_of("${header.X-User} ${cookie.sid} ${header.none}", &entry), "ann\\x0a x=2 -\n");
    }

    #[test]
    fn text_of_a_request_is_never_expanded_again() {
        assert_eq!(text_of("${path}", &Entry { path: b"/${status}", ..typical() }), "/${status}\n");
    }

    #[test]
    fn references_are_text_from_the_start() {
        let template = Template::parse("${env:HOST} ${status}", &|_| Ok("edge-1 ${path}".to_owned())).unwrap();
        let written = Template::parse("edge-1 $${path} ${status}", &as_written).unwrap();
        assert_eq!(template.parts, written.parts);
        assert!(Template::parse("${env:HOST}", &|reference| Err(format!("no {reference}"))).is_err());
    }

    #[test]
    fn unknown_words_and_open_braces_are_errors() {
        assert!(Template::parse("${vault:a}", &as_written).is_err());
        assert!(Template::parse("${staus}", &as_written).unwrap_err().contains("staus"));
        assert!(Template::parse("${header.}", &as_written).is_err());
        assert!(Template::parse("${env.X}", &as_written).is_err());
        assert!(Template::parse("a ${status", &as_written).unwrap_err().contains("never closes"));
    }
}
