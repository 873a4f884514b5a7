//! The health service of gRPC (`grpc.health.v1`), as far as a check needs it.
//!
//! Its two messages have one field each, so they are written and read by hand:
//! `HealthCheckRequest {string service = 1}` and `HealthCheckResponse {ServingStatus status = 1}`.

use std::future::poll_fn;

use glorieta_core::{Body, Fields, Frame, Name, RequestHead, Response};
use glorieta_policy::grpc::read_status;

/// An answer that is longer is none of the health service.
const LONGEST: usize = 4096;
/// Not compressed, then the length in four bytes.
const PREFIX: usize = 5;
/// A field's number and its type: the first, a text; the first, a number (protobuf's wire format).
const TEXT_1: u8 = 0x0a;
const NUMBER_1: u8 = 0x08;

/// The names of `ServingStatus`, by number.
const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING: usize = 1;

/// The call: what the service is asked about; empty: the server as a whole.
pub(crate) fn call(authority: &str, service: &str) -> (RequestHead, Body) {
    let mut head = RequestHead::build("POST", authority, "/grpc.health.v1.Health/Check", None);
    head.fields.add(Name::ContentType, b"application/grpc");
    head.fields.add(Name::Te, b"trailers");
    head.fields.add_named(b"User-Agent", b"glorieta-health");
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(TEXT_1);
        push_varint(service.len(), &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    let mut framed = vec![0];
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend_from_slice(&message);
    (head, Body::Full(framed.into()))
}

/// What the answer says.
///
/// # Errors
/// A sentence, unless it says that the service serves.
pub(crate) async fn judge(response: Response) -> Result<(), String> {
    if response.head.status != 200 {
        return Err(format!("status {}", response.head.status));
    }
    let (data, trailers) = read(response.body).await?;
    judge_status(trailers.as_ref().unwrap_or(&response.head.fields))?;
    match serving(&data) {
        Some(SERVING) => Ok(()),
        Some(status) => {
            Err(STATUSES.get(status).map_or_else(|| format!("serving status {status}"), |&name| name.into()))
        }
        None => Err("the answer is no message of the health service".to_owned()),
    }
}

fn judge_status(fields: &Fields) -> Result<(), String> {
    match fields.get_named(b"grpc-status").map(read_status) {
        Some(Some(0)) => Ok(()),
        Some(Some(5)) => Err("does not know the service (grpc-status 5)".to_owned()),
        Some(Some(12)) => Err("has no health service (grpc-status 12)".to_owned()),
        Some(Some(status)) => Err(format!("grpc-status {status}")),
        Some(None) | None => Err("the answer has no grpc-status".to_owned()),
    }
}

async fn read(mut body: Body) -> Result<(Vec<u8>, Option<Fields>), String> {
    let mut data = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
        match frame.map_err(|error| error.to_string())? {
            Frame::Data(bytes) if data.len() + bytes.len() > LONGEST => return Err("the answer is too long".to_owned()),
            Frame::Data(bytes) => data.extend_from_slice(&bytes),
            Frame::Trailers(trailers) => return Ok((data, Some(trailers))),
        }
    }
    Ok((data, None))
}

/// The number of the status; 0, which is not written, is `UNKNOWN`.
fn serving(data: &[u8]) -> Option<usize> {
    let (prefix, message) = data.split_at_checked(PREFIX)?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if prefix[0] != 0 || length as usize != message.len() {
        return None;
    }
    match message {
        [] => Some(0),
        &[NUMBER_1, status] if status < 0x80 => Some(usize::from(status)),
        _ => None,
    }
}

/// A number as protobuf writes it: seven bits a byte, the lowest first.
fn push_varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(data: &'static [u8], status: Option<&str>) -> Response {
        let mut response = Response::new(200);
        if let Some(status) = status {
            response.head.fields.add_named(b"grpc-status", status.as_bytes());
        }
        response.body = Body::Full(Bytes::from_static(data));
        response
    }

    #[test]
    fn the_question_is_protobuf() {
        let body = |service: &str| match call("a", service).1 {
            Body::Full(bytes) => bytes.to_vec(),
            _ => panic!("no body"),
        };
        assert_eq!(body(""), [0; 5]);
        assert_eq!(body("a.B"), b"\0\0\0\0\x05\x0a\x03a.B");
        let long = body(&"x".repeat(200));
        assert_eq!(long[..8], [0, 0, 0, 0, 203, TEXT_1, 0xc8, 1]);
        assert_eq!(long.len(), 5 + 203);
    }

    #[test]
    fn only_serving_is_well() {
        let judged = |data, status| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(judge(answer(data, status)))
        };
        assert_eq!(judged(b"\0\0\0\0\x02\x08\x01", Some("0")), Ok(()));
        for (data, status, text) in [
            (&b"\0\0\0\0\x02\x08\x02"[..], Some("0"), "NOT_SERVING"),
            (b"\0\0\0\0\x02\x08\x03", Some("0"), "SERVICE_UNKNOWN"),
            (b"\0\0\0\0\0", Some("0"), "UNKNOWN"),
            (b"\0\0\0\0\x02\x08\x09", Some("0"), "serving status 9"),
            (b"", Some("12"), "has no health service (grpc-status 12)"),
            (b"", Some("5"), "does not know the service (grpc-status 5)"),
            (b"", Some("14"), "grpc-status 14"),
            (b"\0\0\0\0\x02\x08\x01", None, "the answer has no grpc-status"),
            (b"\x01\0\0\0\x02\x08\x01", Some("0"), "the answer is no message of the health service"),
            (b"\0\0\0\0\x02\x08", Some("0"), "the answer is no message of the health service"),
            (b"", Some("0"), "the answer is no message of the health service"),
        ] {
            assert_eq!(judged(data, status), Err(text.to_owned()));
        }
    }
}
