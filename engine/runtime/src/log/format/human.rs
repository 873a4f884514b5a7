//! One short line for a person who watches a terminal.

use super::escape::{push_text, push_text_or_dash};
use super::time::Clock;
use super::{Options, push_number};
use crate::log::entry::{Record, Text};

const RESET: &[u8] = b"\x1b[0m";

/// Green for success, cyan for redirects, yellow for the client's faults, red for ours.
fn colour(status: u16) -> &'static [u8] {
    match status {
        0..=299 => b"\x1b[32m",
        300..=399 => b"\x1b[36m",
        400..=499 => b"\x1b[33m",
        _ => b"\x1b[31m",
    }
}

/// `12:04:31 GET /service1/a 200 3.1ms → service1 127.0.0.1:3001`, or what went wrong:
/// `12:04:31 GET /service1/a 502 refused: localhost:3000 refused`.
pub fn line(record: &Record<'_>, clock: &mut Clock, options: Options, out: &mut Vec<u8>) {
    clock.push_of_day(out, record.time_unix_ns, options.utc_offset_seconds);
    out.push(b' ');
    push_text_or_dash(out, record.text(Text::Method));
    out.push(b' ');
    push_text_or_dash(out, record.text(Text::Path));
    out.push(b' ');
    if options.colour {
        out.extend_from_slice(colour(record.status));
    }
    push_number(out, u64::from(record.status));
    if options.colour {
        out.extend_from_slice(RESET);
    }
    out.push(b' ');
    if let Some(status) = record.grpc_status {
        out.extend_from_slice(b"grpc ");
        push_number(out, u64::from(status));
        out.push(b' ');
    }
    if record.text(Text::Reason).is_empty() {
        push_duration(out, record.duration_ns);
        push_way(record, out);
    } else {
        push_failure(record, out);
    }
    if record.tries > 1 {
        out.extend_from_slice(b" (");
        push_number(out, u64::from(record.tries));
        // What no single upstream has answered was asked of several.
        let several = record.text(Text::Upstream).is_empty();
        out.extend_from_slice(if several { b" calls)" } else { b" tries)" });
    }
    out.push(b'\n');
}

fn push_way(record: &Record<'_>, out: &mut Vec<u8>) {
    if record.text(Text::Upstream).is_empty() {
        return;
    }
    out.extend_from_slice(" → ".as_bytes());
    push_text(out, record.text(Text::Upstream));
    if !record.text(Text::Endpoint).is_empty() {
        out.push(b' ');
        push_text(out, record.text(Text::Endpoint));
    }
}

fn push_failure(record: &Record<'_>, out: &mut Vec<u8>) {
    push_text(out, record.text(Text::Reason));
    if !record.text(Text::Detail).is_empty() {
        out.extend_from_slice(b": ");
        push_text(out, record.text(Text::Detail));
    }
}

/// Two digits that matter: `87µs`, `3.1ms`, `120ms`, `2.4s`.
fn push_duration(out: &mut Vec<u8>, nanoseconds: u64) {
    let microseconds = nanoseconds / 1_000;
    let (tenths, unit) = match microseconds {
        0..=999 => return push_whole(out, microseconds, "µs"),
        1_000..=99_999 => (microseconds / 100, "ms"),
        100_000..=999_999 => return push_whole(out, microseconds / 1_000, "ms"),
        _ => (microseconds / 100_000, "s"),
    };
    push_number(out, tenths / 10);
    out.extend_from_slice(&[b'.', b'0' + (tenths % 10) as u8]);
    out.extend_from_slice(unit.as_bytes());
}

fn push_whole(out: &mut Vec<u8>, number: u64, unit: &str) {
    push_number(out, number);
    out.extend_from_slice(unit.as_bytes());
}

#[cfg(test)]
mod tests {
    use glorieta_plan::LogFormat;

    use super::super::tests::line_of;
    use super::*;
    use crate::log::entry::{Entry, tests::typical};

    fn text_of(entry: &Entry<'_>, colour: bool) -> String {
        let options = Options { colour, utc_offset_seconds: 0 };
        String::from_utf8(line_of(&LogFormat::Human, options, entry)).unwrap()
    }

    #[test]
    fn success_shows_the_way() {
        assert_eq!(text_of(&typical(), false), "22:13:20 GET /service1/a 200 3.1ms → service1 127.0.0.1:3001\n");
        let own = Entry { upstream: "", status: 301, ..typical() };
        assert_eq!(text_of(&own, true), "22:13:20 GET /service1/a \x1b[36m301\x1b[0m 3.1ms\n");
    }

    #[test]
    fn failure_shows_the_reason() {
        let entry =
            Entry { status: 502, reason: Some("refused"), detail: "localhost:3000 refused", tries: 3, ..typical() };
        assert_eq!(text_of(&entry, false), "22:13:20 GET /service1/a 502 refused: localhost:3000 refused (3 tries)\n");
        let entry = Entry { upstream: "", endpoint: "", reason: Some("partial"), status: 200, ..entry };
        assert!(text_of(&entry, false).ends_with(" 200 partial: localhost:3000 refused (3 calls)\n"));
    }

    #[test]
    fn durations_are_short() {
        for (nanoseconds, text) in [
            (999, "0µs"),
            (87_000, "87µs"),
            (1_000_000, "1.0ms"),
            (99_990_000, "99.9ms"),
            (120_000_000, "120ms"),
            (2_450_000_000, "2.4s"),
        ] {
            let mut out = Vec::new();
            push_duration(&mut out, nanoseconds);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn a_path_cannot_command_the_terminal() {
        assert!(text_of(&Entry { path: b"/\x1b[2J", ..typical() }, false).contains("/\\x1b[2J"));
    }
}
