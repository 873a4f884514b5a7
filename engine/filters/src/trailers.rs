//! A request's trailers without what its head may not have from the client either.
//!
//! Some services merge trailers into the head (RFC 9110 §6.5.1). Whoever could send there what glorieta sets in the head,
//! such as the name of a verified client, would be believed.

use std::sync::Arc;
use std::task::{Context, Poll};

use glorieta_core::{Body, BodySource, Error, Frame};

use crate::Headers;

/// A body whose trailers are looked through.
pub(crate) struct Guarded {
    inner: Body,
    headers: Arc<Headers>,
}

impl Guarded {
    pub(crate) fn new(inner: Body, headers: Arc<Headers>) -> Guarded {
        Guarded { inner, headers }
    }
}

impl BodySource for Guarded {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let mut polled = self.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(Frame::Trailers(fields)))) = &mut polled {
            self.headers.trailers(fields);
        }
        polled
    }

    fn remaining(&self) -> Option<u64> {
        self.inner.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::with_scope;
    use bytes::Bytes;
    use glorieta_core::{Fields, RequestHead};
    use glorieta_plan::{HeaderChanges, HeadersFilter};
    use glorieta_policy::reference::as_written;

    struct Frames(Vec<Frame>);

    impl BodySource for Frames {
        fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
            Poll::Ready((!self.0.is_empty()).then(|| Ok(self.0.remove(0))))
        }
    }

    fn trailers(names: &[&str]) -> Fields {
        let mut fields = Fields::default();
        names.iter().for_each(|name| fields.add_named(name.as_bytes(), b"root"));
        fields
    }

    /// What is left of a request's trailers.
    fn left(changes: HeaderChanges, names: &[&str]) -> Vec<String> {
        let plan = HeadersFilter { request: changes, response: HeaderChanges::default() };
        let headers = Arc::new(Headers::read(&plan, &as_written).unwrap());
        let frames = vec![Frame::Data(Bytes::from_static(b"x")), Frame::Trailers(trailers(names))];
        let mut body = Body::Stream(Box::new(Frames(frames)));
        let mut head = RequestHead::build("POST", "a.example", "/", None);
        with_scope(None, |scope| headers.request(&mut head, &mut body, scope));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut left = Vec::new();
        while let Poll::Ready(Some(frame)) = body.poll_frame(&mut cx) {
            if let Frame::Trailers(fields) = frame.unwrap() {
                left.extend(fields.iter().map(|(_, name, _)| String::from_utf8_lossy(name).into_owned()));
            }
        }
        left
    }

    #[test]
    fn what_is_set_or_removed_in_the_head_goes_from_trailers() {
        let changes = HeaderChanges {
            remove: vec!["x-role".into()],
            set: vec![("X-User".into(), "alice".into())],
            add: vec![("X-Added".into(), "1".into())],
        };
        let names = ["x-user", "X_User", "X-ROLE", "x-added", "x-sum"];
        assert_eq!(left(changes, &names), ["x-added", "x-sum"]);
    }

    #[test]
    fn what_is_only_added_to_stays() {
        let changes = HeaderChanges { add: vec![("X-A".into(), "1".into())], ..HeaderChanges::default() };
        assert_eq!(left(changes, &["x-a"]), ["x-a"]);
    }
}
