//! Response heads: what is accepted means the same to the client it is written to.

use glorieta_core::{At, Method, ResponseHead};
use glorieta_http::h1::codec::{
    Close, Framing, Limits, Parsed, ResponseMeta, parse_response, strip_hop_by_hop_response, write_bodiless_response,
    write_response,
};

use crate::{assert_lines, assert_writable, end_to_end};

const LIMITS: Limits = Limits { head_bytes: 4096, header_count: 32, target_bytes: 0 };

/// Parses all but the first byte, which chooses the method answered, as a response.
pub fn response_head(input: &[u8]) -> bool {
    let Some((&choice, input)) = input.split_first() else { return false };
    let to = if choice == b'H' { Method::Head } else { Method::Get };
    let mut head = ResponseHead::new(0);
    match parse_response(input, &LIMITS, to, &mut head) {
        Err(error) => {
            assert_eq!(error.kind.at(), At::Upstream);
            false
        }
        Ok(Parsed::Partial) => {
            assert!(input.len() < LIMITS.head_bytes);
            false
        }
        Ok(Parsed::Complete { value, consumed }) => {
            assert!(consumed <= input.len() && consumed <= LIMITS.head_bytes);
            assert_writable(&head.fields);
            assert!((100..1000).contains(&head.status));
            assert_eq!(head.status == 101, value.switching);
            assert_eq!(head.status < 200 && head.status != 101, value.interim);
            assert!(value.framing != Framing::UntilClose || !value.keep_alive);
            let (lengths, codings) = assert_lines(&input[..consumed], head.fields.list.len());
            assert!(lengths <= 1 && codings <= 1 && lengths + codings <= 1);
            assert_same_alone(&input[..consumed], to, value);
            strip_hop_by_hop_response(&mut head);
            assert_stable(&head, to, value);
            true
        }
    }
}

fn assert_same_alone(input: &[u8], to: Method, meta: ResponseMeta) {
    let mut head = ResponseHead::new(0);
    let whole = parse_response(input, &LIMITS, to, &mut head).expect("accepted before");
    assert_eq!(whole, Parsed::Complete { value: meta, consumed: input.len() });
    let shorter =
        parse_response(&input[..input.len() - 1], &LIMITS, to, &mut head).expect("a prefix of what is accepted");
    assert_eq!(shorter, Parsed::Partial);
}

/// Written and read again, it is the same response with the same body, and the same bytes.
fn assert_stable(head: &ResponseHead, to: Method, meta: ResponseMeta) {
    let write = |head: &ResponseHead, meta: ResponseMeta| {
        let mut out = Vec::new();
        if to == Method::Head || head.status == 304 {
            write_bodiless_response(head, meta.announced_length, Close::KeepAlive, None, &mut out);
        } else {
            write_response(head, meta.framing, Close::KeepAlive, None, &mut out);
        }
        out
    };
    let written = write(head, meta);
    let wide = Limits { head_bytes: 1 << 16, header_count: 64, target_bytes: 0 };
    let mut read = ResponseHead::new(0);
    let parsed = parse_response(&written, &wide, to, &mut read).expect("what was written is good");
    let Parsed::Complete { value, consumed } = parsed else { panic!("what was written is incomplete") };
    assert_eq!(consumed, written.len());
    assert_eq!((read.status, value.framing), (head.status, meta.framing));
    assert_eq!(end_to_end(&read.fields), end_to_end(&head.fields));
    assert_eq!(write(&read, value), written);
}
