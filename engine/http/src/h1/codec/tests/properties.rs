//! Properties: what is written is what is read, and no byte slips through.

use glorieta_core::fields::is_token_byte;
use glorieta_core::{Fields, Method, RequestHead, ResponseHead};
use proptest::prelude::*;

use super::super::{Close, Framing, Limits, Parsed, parse_request, write_request, write_response};
use super::{request, response};

type Lines = Vec<(String, Vec<u8>)>;

fn lines() -> impl Strategy<Value = Lines> {
    let value = prop::collection::vec(prop_oneof![0x21u8..0x7f, Just(b' '), Just(b'\t'), 0x80u8..=0xff], 0..40)
        .prop_map(|bytes| super::super::connection::trim(&bytes).to_vec());
    prop::collection::vec(("[Xx]-[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,20}", value), 0..12)
}

fn add(fields: &mut Fields, lines: &Lines) {
    for (name, value) in lines {
        fields.add_named(name.as_bytes(), value);
    }
}

fn unknown(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    let own = |name: &[u8]| name.len() > 2 && name[..2].eq_ignore_ascii_case(b"x-");
    fields.iter().filter(|(_, name, _)| own(name)).map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect()
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![Just(Framing::Chunked), (0..10_000_000_000u64).prop_map(Framing::Length)]
}

proptest! {
    #[test]
    fn requests_survive_writing_and_parsing(
        method in "(GET|POST|PUT|QUERY|[A-Za-z!#$%&'*+.^_`|~-]{1,12})",
        authority in "[a-z0-9.-]{1,30}(:[1-9][0-9]{0,3})?",
        path in "/[!-\"$->@-~]{0,60}",
        query in prop::option::of("[!-\"$-~]{0,40}"),
        lines in lines(),
        framing in framing(),
    ) {
        prop_assume!(method != "CONNECT");
        let mut head = RequestHead::build(&method, &authority, &path, query.as_deref());
        add(&mut head.fields, &lines);
        let mut written = Vec::new();
        write_request(&head, framing, None, &mut written);
        let (read, meta, consumed) = request(&written).unwrap();
        prop_assert_eq!(consumed, written.len());
        prop_assert_eq!(meta.framing, framing);
        prop_assert_eq!(read.method_text(), method.as_bytes());
        prop_assert_eq!(read.path(), path.as_bytes());
        prop_assert_eq!(read.query(), query.as_deref().map(str::as_bytes));
        prop_assert_eq!(read.authority(), authority.as_bytes());
        prop_assert_eq!(unknown(&read.fields), unknown(&head.fields));
        let mut again = Vec::new();
        write_request(&read, framing, None, &mut again);
        prop_assert_eq!(again, written);
    }

    #[test]
    fn responses_survive_writing_and_parsing(status in 200u16..600, lines in lines(), framing in framing()) {
        prop_assume!(status != 204 && status != 304);
        let mut head = ResponseHead::new(status);
        add(&mut head.fields, &lines);
        let mut written = Vec::new();
        write_response(&head, framing, Close::KeepAlive, Some(b"Thu, 01 Jan 1970 00:00:00 GMT"), &mut written);
        let (read, meta, consumed) = response(&written, Method::Get).unwrap();
        prop_assert_eq!(consumed, written.len());
        prop_assert_eq!((meta.framing, meta.keep_alive), (framing, true));
        prop_assert_eq!(read.status, status);
        prop_assert_eq!(unknown(&read.fields), unknown(&head.fields));
    }

    #[test]
    fn a_control_byte_anywhere_is_never_accepted(
        lines in lines(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(vec![b'\r', b'\n', b'\0', 0x0b, 0x1b, 0x7f]),
    ) {
        let mut head = RequestHead::build("GET", "a.example", "/path", Some("q=1"));
        add(&mut head.fields, &lines);
        let mut written = Vec::new();
        write_request(&head, Framing::Length(3), None, &mut written);
        // Before the last byte: LF put after its CR leaves the head whole and is the first byte of the body.
        let last = written.len() - 1;
        written.insert(at.index(last), byte);
        written.extend_from_slice(b"abc");
        let parsed = parse_request(&written, &Limits::default(), &mut head);
        prop_assert!(parsed.is_err(), "{:?}", parsed);
    }
}

/// The parser below works on many bytes at a time; each byte must mean the same at each place.
#[test]
fn every_byte_at_every_place_of_a_line_is_judged_alike() {
    for length in [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65] {
        for at in 0..length {
            for byte in 0..=255u8 {
                let mut text = vec![b'a'; length];
                text[at] = byte;
                let named = [b"GET / HTTP/1.1\r\nHost: a\r\n", &text[..], b": 1\r\n\r\n"].concat();
                let valued = [b"GET / HTTP/1.1\r\nHost: a\r\nX: b", &text[..], b"b\r\n\r\n"].concat();
                let targeted = [b"GET /", &text[..], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
                // A colon ends the name; it may not stand first.
                let name_is_good = is_token_byte(byte) || (byte == b':' && at > 0);
                assert_eq!(accepts(&named), name_is_good, "name {byte:#x} at {at} of {length}");
                assert_eq!(accepts(&valued), Fields::is_value(&[byte]), "value {byte:#x} at {at} of {length}");
                let target_is_good = byte > b' ' && byte < 0x7f && byte != b'#';
                assert_eq!(accepts(&targeted), target_is_good, "target {byte:#x} at {at} of {length}");
            }
        }
    }
}

fn accepts(input: &[u8]) -> bool {
    let mut head = RequestHead::default();
    matches!(parse_request(input, &Limits::default(), &mut head), Ok(Parsed::Complete { .. }))
}
