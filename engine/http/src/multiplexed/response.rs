//! Answers: from an endpoint's, and to a client's.

use glorieta_core::{Error, Kind, Method, Name, ResponseHead, Version};
use http::{HeaderValue, Response, StatusCode};

use super::fields::{fields_in, fields_out, length_in};
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
    let fields = response.headers_mut();
    fields_out(&head.fields, fields, |name| name == Name::ContentLength);
    if head.status < 200 {
        return response;
    }
    if let Some(date) = date.filter(|_| !head.fields.has(Name::Date))
        && let Ok(date) = HeaderValue::from_bytes(date)
    {
        fields.insert(http::header::DATE, date);
    }
    // RFC 9110 §8.6: none with 204, nor with a CONNECT that has succeeded.
    let may_say = head.status != 204 && !(to == Method::Connect && head.status < 300);
    if let Some(length) = length.filter(|_| may_say) {
        fields.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}
