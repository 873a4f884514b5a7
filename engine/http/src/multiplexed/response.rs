//! Answers: from an endpoint's, and to a client's.

use bytes::Bytes;
use glorieta_core::{Error, Fields, Kind, Method, Name, ResponseHead, Span, Version};
use http::{Response, StatusCode};

use super::fields::{fields_in, fields_out, length_in, text_of, value_out};
use crate::h1::codec::Limits;

const fn malformed(detail: &'static str) -> Error {
    Error::because(Kind::ResponseMalformed, detail)
}

/// An endpoint's answer, and the length that it announces.
///
/// # Errors
/// `response_malformed`, `response_head_too_large`.
pub fn response_in<B>(
    response: &Response<B>,
    version: Version,
    limits: &Limits,
) -> Result<(ResponseHead, Option<u64>), Error> {
    let mut head = ResponseHead::new(response.status().as_u16());
    head.version = version;
    head.fields.reserve(text_of(response.headers()), response.headers().len());
    let size = fields_in(response.headers(), &mut head.fields)
        .map_err(|name| malformed("a field of one connection").with_detail(format!("{name} is not allowed")))?;
    if size.bytes > limits.head_bytes || size.count > limits.header_count {
        return Err(Error::new(Kind::ResponseHeadTooLarge));
    }
    if head.status == 101 {
        return Err(malformed("101, which HTTP/1.1 alone knows"));
    }
    let length = length_in(response.headers()).map_err(malformed)?;
    Ok((head, length))
}

/// An answer's head as it is sent; `length`: what `Content-Length` is to say, if anything. `date` is added where the
/// head has none; an interim answer has neither.
pub fn response_out(head: &ResponseHead, to: Method, length: Option<u64>, date: Option<&[u8]>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let is_final = head.status >= 200;
    let date = date.filter(|_| is_final && !head.fields.has(Name::Date)).unwrap_or_default();
    // RFC 9110 §8.6: none with 204, nor with a CONNECT that has succeeded.
    let may_say = is_final && head.status != 204 && !(to == Method::Connect && head.status < 300);
    let mut digits = itoa::Buffer::new();
    let length = length.filter(|_| may_say).map_or("", |length| digits.format(length));
    let (text, [date, length]) = text_with(&head.fields, [date, length.as_bytes()]);
    let fields = response.headers_mut();
    fields_out(&head.fields, &text, fields, |name| name == Name::ContentLength);
    for (name, span) in [(http::header::DATE, date), (http::header::CONTENT_LENGTH, length)] {
        if span.length > 0
            && let Some(value) = value_out(&text, span)
        {
            fields.insert(name, value);
        }
    }
    response
}

/// The block of fields and what stands behind it, in one piece.
fn text_with(fields: &Fields, more: [&[u8]; 2]) -> (Bytes, [Span; 2]) {
    let mut text = Vec::with_capacity(fields.block.len() + more[0].len() + more[1].len());
    text.extend_from_slice(&fields.block);
    let spans = more.map(|piece| {
        let start = text.len();
        text.extend_from_slice(piece);
        Span::new(start, text.len())
    });
    (Bytes::from(text), spans)
}
