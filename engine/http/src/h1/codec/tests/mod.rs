//! Tests of the codec: tables of attack inputs, properties, and what each side writes.

mod chunks;
mod encoding;
mod hop;
mod properties;
mod requests;
mod responses;
mod smuggling;
mod targets;

use glorieta_core::{Error, Kind, Method, RequestHead, ResponseHead};

use super::{Limits, Parsed, RequestMeta, ResponseMeta, parse_request, parse_response};

/// Parses a request that must be whole; the head, what it says, and the bytes it took.
fn request(input: &[u8]) -> Result<(RequestHead, RequestMeta, usize), Kind> {
    let mut head = RequestHead::default();
    match parse_request(input, &Limits::default(), &mut head).map_err(|error: Error| error.kind)? {
        Parsed::Complete { value, consumed } => Ok((head, value, consumed)),
        Parsed::Partial => panic!("incomplete: {:?}", String::from_utf8_lossy(input)),
    }
}

/// Parses a response that must be whole.
fn response(input: &[u8], to: Method) -> Result<(ResponseHead, ResponseMeta, usize), Kind> {
    let mut head = ResponseHead::new(0);
    match parse_response(input, &Limits::default(), to, &mut head).map_err(|error: Error| error.kind)? {
        Parsed::Complete { value, consumed } => Ok((head, value, consumed)),
        Parsed::Partial => panic!("incomplete: {:?}", String::from_utf8_lossy(input)),
    }
}

/// Asserts that each input is refused, as that kind.
fn refused(kind: Kind, inputs: &[&[u8]]) {
    for input in inputs {
        match request(input) {
            Err(seen) => assert_eq!(seen, kind, "{:?}", String::from_utf8_lossy(input)),
            Ok((head, meta, _)) => panic!("accepted {:?}: {head:?} {meta:?}", String::from_utf8_lossy(input)),
        }
    }
}

/// Whether parsing neither accepts the input nor fails: more bytes might make it good.
fn is_partial(input: &[u8]) -> bool {
    let mut head = RequestHead::default();
    matches!(parse_request(input, &Limits::default(), &mut head), Ok(Parsed::Partial))
}
