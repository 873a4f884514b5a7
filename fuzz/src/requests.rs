//! Request heads: what is accepted means the same to whoever reads it next.

use glorieta_core::{At, Method, RequestHead, Version};
use glorieta_http::h1::codec::{
    Framing, Limits, Parsed, RequestMeta, is_authority, parse_request, strip_hop_by_hop_request, write_request,
};

use crate::{assert_lines, assert_writable, end_to_end};

const LIMITS: Limits = Limits { head_bytes: 4096, header_count: 32, target_bytes: 1024 };

/// Parses `input` as a request. Accepted: it is well-formed, takes the same bytes whatever follows
/// them, is incomplete without its last byte, and survives being written and read again.
pub fn request_head(input: &[u8]) -> bool {
    let mut head = RequestHead::default();
    match parse_request(input, &LIMITS, &mut head) {
        Err(error) => {
            assert_eq!(error.kind.at(), At::Client);
            false
        }
        Ok(Parsed::Partial) => {
            assert!(input.len() < LIMITS.head_bytes + 2);
            false
        }
        Ok(Parsed::Complete { value, consumed }) => {
            assert!(consumed <= input.len() && consumed <= LIMITS.head_bytes + 2);
            assert_well_formed(&head, value);
            assert_framed(&input[..consumed], &head, value);
            assert_same_alone(&input[..consumed], value);
            if head.method != Method::Connect && !head.authority().is_empty() {
                assert_stable(&head, value.framing);
                strip_hop_by_hop_request(&mut head);
                assert_stable(&head, value.framing);
            }
            true
        }
    }
}

fn assert_well_formed(head: &RequestHead, meta: RequestMeta) {
    assert_writable(&head.fields);
    assert!(head.fields.list.len() <= LIMITS.header_count);
    assert!(head.authority().is_empty() || is_authority(head.authority()));
    let visible = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#');
    assert!(visible(head.path()) && head.query().is_none_or(visible));
    let path_is_whole = match head.method {
        Method::Connect => head.path().is_empty(),
        Method::Options => head.path() == b"*" || head.path().starts_with(b"/"),
        _ => head.path().starts_with(b"/"),
    };
    assert!(path_is_whole && !head.path().contains(&b'?'));
    assert!(!meta.expect_continue || !meta.framing.is_empty());
    assert_ne!(meta.framing, Framing::UntilClose);
}

/// The framing follows from the lines as anybody would read them.
fn assert_framed(input: &[u8], head: &RequestHead, meta: RequestMeta) {
    let text = input.to_ascii_lowercase();
    let dropped = text.windows(9).filter(|part| part == b"\r\nexpect:").count();
    let dropped = if head.version == Version::Http10 { dropped } else { 0 };
    let (lengths, codings) = assert_lines(input, head.fields.list.len() + dropped);
    match meta.framing {
        Framing::Chunked => assert_eq!((lengths, codings, head.version), (0, 1, Version::Http11)),
        Framing::Length(_) => assert!(lengths > 0 && codings == 0),
        _ => assert_eq!((lengths, codings), (0, 0)),
    }
}

fn assert_same_alone(input: &[u8], meta: RequestMeta) {
    let mut head = RequestHead::default();
    let whole = parse_request(input, &LIMITS, &mut head).expect("accepted before");
    assert_eq!(whole, Parsed::Complete { value: meta, consumed: input.len() });
    let shorter = parse_request(&input[..input.len() - 1], &LIMITS, &mut head).expect("a prefix of what is accepted");
    assert_eq!(shorter, Parsed::Partial);
}

/// Written and read again, it is the same request, and written once more the same bytes.
fn assert_stable(head: &RequestHead, framing: Framing) {
    let mut written = Vec::new();
    write_request(head, framing, None, &mut written);
    let wide = Limits { head_bytes: 1 << 16, header_count: 64, target_bytes: 1 << 14 };
    let mut read = RequestHead::default();
    let parsed = parse_request(&written, &wide, &mut read).expect("what was written is good");
    let Parsed::Complete { value, consumed } = parsed else { panic!("what was written is incomplete") };
    assert_eq!(consumed, written.len());
    assert!(value.framing == framing || (value.framing.is_empty() && framing.is_empty()));
    assert_eq!(read.method_text(), head.method_text());
    assert_eq!((read.path(), read.query()), (head.path(), head.query()));
    assert_eq!(read.authority(), head.authority());
    assert_eq!(end_to_end(&read.fields), end_to_end(&head.fields));
    let mut again = Vec::new();
    write_request(&read, value.framing, None, &mut again);
    assert_eq!(again, written);
}
