//! Apache's "combined" line, which every log analyser reads.

use super::escape::{push_text, push_text_or_dash};
use super::time::Clock;
use super::{push_address, push_number};
use crate::log::entry::{Record, Text};

/// `client - - [time] "request line" status bytes "referer" "user agent"`.
pub fn line(record: &Record<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    push_address(out, record.client);
    out.extend_from_slice(b" - - [");
    clock.push_common(out, record.time_unix_ns);
    out.extend_from_slice(b"] \"");
    push_request_line(record, out);
    out.extend_from_slice(b"\" ");
    push_number(out, u64::from(record.status));
    out.push(b' ');
    if record.bytes_out == 0 {
        out.push(b'-');
    } else {
        push_number(out, record.bytes_out);
    }
    for text in [Text::Referer, Text::UserAgent] {
        out.extend_from_slice(b" \"");
        push_text_or_dash(out, record.text(text));
        out.push(b'"');
    }
    out.push(b'\n');
}

/// A head that could not be read has no method; Apache shows `-` for it.
fn push_request_line(record: &Record<'_>, out: &mut Vec<u8>) {
    if record.text(Text::Method).is_empty() {
        out.push(b'-');
        return;
    }
    push_text(out, record.text(Text::Method));
    out.push(b' ');
    push_text(out, record.text(Text::Path));
    if let Some(query) = record.query() {
        out.push(b'?');
        push_text(out, query);
    }
    out.push(b' ');
    push_text(out, record.text(Text::Protocol));
}

#[cfg(test)]
mod tests {
    use glorieta_plan::LogFormat;

    use super::super::Options;
    use super::super::tests::line_of;
    use crate::log::entry::{Entry, tests::typical};

    fn text_of(entry: &Entry<'_>) -> String {
        String::from_utf8(line_of(&LogFormat::Combined, Options::default(), entry)).unwrap()
    }

    #[test]
    fn it_is_the_line_that_analysers_expect() {
        assert_eq!(
            text_of(&typical()),
            "127.0.0.1 - - [14/Nov/2023:22:13:20 +0000] \"GET /service1/a?q=1 HTTP/1.1\" 200 512 \"-\" \"curl/8\"\n"
        );
    }

    #[test]
    fn quotes_and_line_breaks_of_clients_are_escaped() {
        let entry = Entry { user_agent: b"a\" 200 \n", referer: b"\\", ..typical() };
        assert!(text_of(&entry).ends_with("512 \"\\\\\" \"a\\\" 200 \\x0a\"\n"));
    }

    #[test]
    fn a_head_that_could_not_be_read_has_dashes() {
        let entry = Entry { time_unix_ns: 0, status: 400, ..Entry::default() };
        assert_eq!(text_of(&entry), "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 - \"-\" \"-\"\n");
    }
}
