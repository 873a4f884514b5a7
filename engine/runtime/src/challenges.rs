//! What issuers are answered with that ask whether a name leads here (ACME, RFC 8555 §8).
//!
//! State: whoever orders certificates puts answers here and takes them away again; no Plan knows of them.

use std::collections::HashMap;

use arc_swap::ArcSwap;
use bytes::Bytes;
use glorieta_core::{Body, Method, Name, RequestHead, Response};
use glorieta_net::tls;

/// Where an issuer asks by HTTP-01 (RFC 8555 §8.3).
const PLACE: &[u8] = b"/.well-known/acme-challenge/";

/// How a listener answers issuers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    Http,
    TlsAlpn,
}

/// The answers at hand.
#[derive(Default)]
pub struct Challenges {
    /// By token.
    pages: ArcSwap<HashMap<Box<[u8]>, Bytes>>,
    /// By name.
    pub names: tls::Challenges,
}

impl Challenges {
    /// Has a token answered from now on.
    pub fn put_page(&self, token: &str, answer: &str) {
        self.pages.rcu(|pages| {
            let mut pages = HashMap::clone(pages);
            pages.insert(token.as_bytes().into(), Bytes::copy_from_slice(answer.as_bytes()));
            pages
        });
    }

    pub fn remove_page(&self, token: &str) {
        self.pages.rcu(|pages| {
            let mut pages = HashMap::clone(pages);
            pages.remove(token.as_bytes());
            pages
        });
    }

    /// The answer to an issuer's request. Any other request, and any other token, is the routes' affair: another
    /// program may be proving something behind them.
    pub fn page(&self, head: &RequestHead) -> Option<Response> {
        if !matches!(head.method, Method::Get | Method::Head) {
            return None;
        }
        let token = head.path().strip_prefix(PLACE)?;
        let answer = self.pages.load().get(token).cloned()?;
        let mut response = Response::new(200);
        response.head.fields.add(Name::ContentType, b"application/octet-stream");
        response.body = Body::Full(answer);
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(challenges: &Challenges, method: &str, path: &str) -> Option<Bytes> {
        let head = RequestHead::build(method, "shop.example", path, None);
        let response = challenges.page(&head)?;
        assert_eq!(response.head.status, 200);
        match response.body {
            Body::Full(body) => Some(body),
            _ => None,
        }
    }

    #[test]
    fn only_tokens_at_hand_are_answered_and_only_where_issuers_ask() {
        let challenges = Challenges::default();
        let place = "/.well-known/acme-challenge/token";
        assert_eq!(asked(&challenges, "GET", place), None);
        challenges.put_page("token", "token.thumbprint");
        for (method, path, answered) in [
            ("GET", place, true),
            ("HEAD", place, true),
            ("POST", place, false),
            ("GET", "/.well-known/acme-challenge/other", false),
            ("GET", "/.well-known/acme-challenge/token/", false),
            ("GET", "/.well-known/acme-challenge/", false),
            ("GET", "/.well-known/acme-challenge/x/../token", false),
            ("GET", "/.WELL-KNOWN/acme-challenge/token", false),
            ("GET", "/token", false),
        ] {
            let expected = answered.then(|| Bytes::from_static(b"token.thumbprint"));
            assert_eq!(asked(&challenges, method, path), expected, "{path}");
        }
        challenges.remove_page("token");
        assert_eq!(asked(&challenges, "GET", place), None);
    }
}
