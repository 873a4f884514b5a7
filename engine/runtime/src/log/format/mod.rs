//! What a line looks like: JSON, combined, human or the operator's own template.

mod combined;
mod escape;
mod human;
mod json;
mod template;
mod time;

use glorieta_plan::LogFormat;
use glorieta_policy::LookUp;
use glorieta_policy::reference::as_written;

use self::template::Template;
use self::time::Clock;
use super::entry::Record;

/// How lines look beyond what the Plan says: properties of the terminal, not of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether human lines are coloured.
    pub colour: bool,
    /// Seconds east of UTC, for the clock time of human lines only.
    pub utc_offset_seconds: i32,
}

/// A format made ready, with the second that it formatted last.
#[derive(Debug)]
pub struct Format {
    kind: Kind,
    clock: Clock,
    options: Options,
}

#[derive(Debug)]
enum Kind {
    Json,
    Combined,
    Human,
    Template(Template),
}

impl Format {
    /// `look_up` reads what a template refers to. An error says which word of the template is not known, or that its braces do not close.
    pub fn new(format: &LogFormat, options: Options, look_up: LookUp<'_>) -> Result<Format, String> {
        let kind = match format {
            LogFormat::Json => Kind::Json,
            LogFormat::Combined => Kind::Combined,
            LogFormat::Human => Kind::Human,
            LogFormat::Template(text) => Kind::Template(Template::parse(text, look_up)?),
        };
        Ok(Format { kind, clock: Clock::default(), options })
    }

    /// Appends one line and its line break.
    pub fn line(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        match &self.kind {
            Kind::Json => json::line(record, &mut self.clock, out),
            Kind::Combined => combined::line(record, &mut self.clock, out),
            Kind::Human => human::line(record, &mut self.clock, self.options, out),
            Kind::Template(template) => template.line(record, &mut self.clock, out),
        }
    }
}

/// What a format needs in its entries beside what every entry has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    pub referer: bool,
    pub user_agent: bool,
    /// Request words to resolve into `Entry::extra`: `header.NAME` (lower case) or `path.NAME`.
    pub words: Vec<String>,
}

impl Needed {
    /// The header names among the words, in lower case.
    pub fn needed_headers(&self) -> impl Iterator<Item = &str> {
        self.words.iter().filter_map(|word| word.strip_prefix("header."))
    }
}

/// What entries must carry for a format; nothing more for a template that is wrong.
pub fn needed(format: &LogFormat) -> Needed {
    match format {
        LogFormat::Json | LogFormat::Human => Needed::default(),
        LogFormat::Combined => Needed { referer: true, user_agent: true, words: Vec::new() },
        LogFormat::Template(text) => {
            let words = Template::parse(text, &as_written).map(|template| template.needed_words()).unwrap_or_default();
            Needed { words, ..Needed::default() }
        }
    }
}

/// Appends a whole number.
fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends nanoseconds as milliseconds with three decimals: `3.142`.
fn push_milliseconds(out: &mut Vec<u8>, nanoseconds: u64) {
    let microseconds = nanoseconds / 1000;
    push_number(out, microseconds / 1000);
    let rest = microseconds % 1000;
    let digit = |value: u64| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
}

/// Appends an address as text; `-` if there is none.
fn push_address(out: &mut Vec<u8>, address: Option<std::net::IpAddr>) {
    use std::io::Write;
    match address {
        Some(std::net::IpAddr::V4(address)) => {
            let [first, rest @ ..] = address.octets();
            push_number(out, u64::from(first));
            for octet in rest {
                out.push(b'.');
                push_number(out, u64::from(octet));
            }
        }
        // Writing to a Vec cannot fail.
        Some(address) => drop(write!(out, "{address}")),
        None => out.push(b'-'),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Entry, tests::typical};
    use super::*;

    /// The line that a format makes of an entry.
    pub fn line_of(format: &LogFormat, options: Options, entry: &Entry<'_>) -> Vec<u8> {
        let mut batch = Vec::new();
        entry.pack(&mut batch);
        let mut out = Vec::new();
        let record = Record::unpack(&mut &batch[..]).unwrap();
        Format::new(format, options, &as_written).unwrap().line(&record, &mut out);
        out
    }

    #[test]
    fn durations_are_milliseconds_with_microseconds() {
        for (nanoseconds, text) in [(0, "0.000"), (999, "0.000"), (3_141_592, "3.141"), (60_000_000_000, "60000.000")] {
            let mut out = Vec::new();
            push_milliseconds(&mut out, nanoseconds);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn only_what_a_format_shows_is_asked_of_entries() {
        assert_eq!(needed(&LogFormat::Json), Needed::default());
        assert!(needed(&LogFormat::Combined).referer);
        let template =
            LogFormat::Template("${header.X-User} ${cookie.sid} ${path.id} ${header.x-user} ${status}".into());
        let needed = needed(&template);
        assert_eq!(needed.words, ["header.x-user", "header.cookie", "path.id"]);
        assert_eq!(needed.needed_headers().collect::<Vec<_>>(), ["x-user", "cookie"]);
    }

    #[test]
    fn every_format_makes_exactly_one_line_of_anything() {
        let template = LogFormat::Template("${path} ${header.a} ${host} ${detail} ${query}".into());
        let wild: Vec<u8> = (0..=255).collect();
        let entry = Entry {
            path: &wild,
            host: &wild,
            method: &wild,
            query: Some(&wild),
            referer: &wild,
            user_agent: &wild,
            trace_id: &wild,
            detail: "a\nb\u{202e}\u{9b}31m",
            reason: Some("refused\r\n"),
            extra: &[("header.a", &wild)],
            ..typical()
        };
        for format in [LogFormat::Json, LogFormat::Combined, LogFormat::Human, template] {
            let line = line_of(&format, Options::default(), &entry);
            let (last, body) = line.split_last().unwrap();
            assert_eq!(*last, b'\n');
            let text = std::str::from_utf8(body).unwrap();
            assert!(!text.chars().any(|letter| letter.is_control()), "{format:?}: {text:?}");
        }
    }
}
