//! gRPC-Web: calls of browsers, which neither see trailers nor can send them, become calls of gRPC.
//!
//! A call's status travels as the last piece of the body: a frame of its own whose first byte has its highest bit set,
//! with the fields as HTTP/1.1 would write them. `-text` has all of it in base64.

use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use glorieta_core::{Body, BodySource, Error, Fields, Frame, Kind, Name, RequestHead};
use glorieta_policy::grpc::Dialect;

use crate::Step;

/// The first byte of the frame that is no message but the trailers.
const TRAILERS: u8 = 0x80;

/// A browser's call becomes one of gRPC; what is none passes as it is.
pub(crate) fn request(head: &mut RequestHead, body: &mut Body) -> Step {
    let dialect = Dialect::of(head);
    let Some(content_type) = head.fields.get(Name::ContentType) else { return Step::Continue };
    if !matches!(dialect, Some(Dialect::Web | Dialect::WebText)) {
        return Step::Continue;
    }
    let translated = Dialect::Grpc.translate(content_type);
    head.fields.set(Name::ContentType, &translated);
    head.fields.set(Name::Te, b"trailers");
    if dialect == Some(Dialect::WebText) {
        let inner = std::mem::take(body);
        *body = Body::Stream(Box::new(Decoding { inner, held: Vec::new(), ended: false }));
    }
    Step::Continue
}

/// A body of base64, made plain. Padding may stand in its middle: each piece that was sent at once has its own.
struct Decoding {
    inner: Body,
    /// Up to three letters that make no group of four yet.
    held: Vec<u8>,
    ended: bool,
}

impl Decoding {
    fn decode(&mut self, piece: &[u8]) -> Result<Bytes, Error> {
        let bad = || Error::because(Kind::FramingRefused, "a body of gRPC-Web that is no base64");
        self.held.extend_from_slice(piece);
        let whole = self.held.len() / 4 * 4;
        let mut out = Vec::with_capacity(whole / 4 * 3);
        let mut rest = &self.held[..whole];
        while !rest.is_empty() {
            // Up to the first group that is padded.
            let padding = rest.iter().position(|&letter| letter == b'=').map_or(rest.len(), |at| at / 4 * 4 + 4);
            let (run, behind) = rest.split_at(padding);
            STANDARD.decode_vec(run, &mut out).map_err(|_| bad())?;
            rest = behind;
        }
        self.held.drain(..whole);
        Ok(out.into())
    }
}

impl BodySource for Decoding {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.inner.poll_frame(cx)) {
                Some(Ok(Frame::Data(piece))) => match self.decode(&piece) {
                    Ok(plain) if plain.is_empty() => {}
                    plain => return Poll::Ready(Some(plain.map(Frame::Data))),
                },
                Some(other) => return Poll::Ready(Some(other)),
                None => {
                    self.ended = true;
                    if !self.held.is_empty() {
                        let error = Error::because(Kind::FramingRefused, "a body of gRPC-Web that breaks off");
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }
}

/// The body of an answer as a browser gets it.
pub struct WebAnswer {
    inner: Body,
    text: bool,
}

impl WebAnswer {
    pub fn body(inner: Body, text: bool) -> Body {
        Body::Stream(Box::new(WebAnswer { inner, text }))
    }

    /// The whole body of an answer that has nothing but these trailers.
    pub fn of_trailers(trailers: &Fields, text: bool) -> Body {
        Body::Full(encoded(frame(trailers), text))
    }
}

impl BodySource for WebAnswer {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        Poll::Ready(ready!(self.inner.poll_frame(cx)).map(|frame| {
            frame.map(|frame| {
                Frame::Data(match frame {
                    Frame::Data(bytes) => encoded(bytes, self.text),
                    Frame::Trailers(fields) => encoded(self::frame(&fields), self.text),
                })
            })
        }))
    }
}

fn encoded(bytes: Bytes, text: bool) -> Bytes {
    if text { STANDARD.encode(&bytes).into() } else { bytes }
}

fn frame(trailers: &Fields) -> Bytes {
    let mut frame = vec![TRAILERS, 0, 0, 0, 0];
    for (_, name, value) in trailers.iter() {
        frame.extend(name.iter().map(u8::to_ascii_lowercase));
        frame.extend_from_slice(b": ");
        frame.extend_from_slice(value);
        frame.extend_from_slice(b"\r\n");
    }
    let length = u32::try_from(frame.len() - 5).unwrap_or(u32::MAX);
    frame[1..5].copy_from_slice(&length.to_be_bytes());
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pieces(Vec<Frame>);

    impl BodySource for Pieces {
        fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
            Poll::Ready(if self.0.is_empty() { None } else { Some(Ok(self.0.remove(0))) })
        }
    }

    fn pieces(texts: &[&'static str]) -> Body {
        let frames = texts.iter().map(|text| Frame::Data(Bytes::from_static(text.as_bytes())));
        Body::Stream(Box::new(Pieces(frames.collect())))
    }

    fn read(mut body: Body) -> Result<Vec<u8>, Kind> {
        let mut data = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(frame)) = body.poll_frame(&mut cx) {
            match frame.map_err(|error| error.kind)? {
                Frame::Data(bytes) => data.extend_from_slice(&bytes),
                Frame::Trailers(_) => panic!("trailers"),
            }
        }
        Ok(data)
    }

    fn call(content_type: &str, body: Body) -> (RequestHead, Body) {
        let mut head = RequestHead::build("POST", "a", "/a.B/C", None);
        head.fields.add(Name::ContentType, content_type.as_bytes());
        let mut body = body;
        assert!(matches!(request(&mut head, &mut body), Step::Continue));
        (head, body)
    }

    #[test]
    fn a_call_of_a_browser_becomes_one_of_grpc() {
        let (head, body) = call("application/grpc-web+proto", pieces(&["\0\0\0\0\x01x"]));
        assert_eq!(head.fields.get(Name::ContentType), Some(&b"application/grpc+proto"[..]));
        assert_eq!(head.fields.get(Name::Te), Some(&b"trailers"[..]));
        assert_eq!(read(body).unwrap(), b"\0\0\0\0\x01x");
        for other in ["application/grpc", "application/json"] {
            let (head, _) = call(other, Body::Empty);
            assert_eq!(head.fields.get(Name::ContentType), Some(other.as_bytes()));
            assert!(!head.fields.has(Name::Te));
        }
    }

    #[test]
    fn text_is_decoded_however_it_is_cut_and_wherever_it_is_padded() {
        for texts in [
            &["aGVsbG8gd29ybGQ="][..],
            &["aGV", "sbG8g", "d29ybGQ", "="],
            &["aGVsbG8=", "IHdvcmxk"],
            &["aGVsbG8=IHdv", "cmxk"],
        ] {
            let (_, body) = call("application/grpc-web-text", pieces(texts));
            assert_eq!(read(body).unwrap(), b"hello world", "{texts:?}");
        }
        for bad in [&["aGVsb"][..], &["a*Vs"], &["=aaa"], &["aG==VsbG"]] {
            let (_, body) = call("application/grpc-web-text", pieces(bad));
            assert_eq!(read(body), Err(Kind::FramingRefused), "{bad:?}");
        }
    }

    #[test]
    fn trailers_become_the_last_piece_of_the_body() {
        let trailers = || {
            let mut fields = Fields::default();
            fields.add_named(b"Grpc-Status", b"0");
            fields.add_named(b"x-a", b"1");
            fields
        };
        let answer = || {
            Body::Stream(Box::new(Pieces(vec![
                Frame::Data(Bytes::from_static(b"\0\0\0\0\x01x")),
                Frame::Trailers(trailers()),
            ])))
        };
        let plain = b"\0\0\0\0\x01x\x80\0\0\0\x18grpc-status: 0\r\nx-a: 1\r\n";
        assert_eq!(read(WebAnswer::body(answer(), false)).unwrap(), plain);
        let text = read(WebAnswer::body(answer(), true)).unwrap();
        let (_, decoded) = call("application/grpc-web-text", Body::Full(text.into()));
        assert_eq!(read(decoded).unwrap(), plain);
        assert_eq!(read(WebAnswer::of_trailers(&trailers(), false)).unwrap(), plain[6..]);
    }
}
