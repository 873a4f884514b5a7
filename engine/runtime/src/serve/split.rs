//! The split target: which variant a request meets, and the cookie by which it meets that one again.

use std::sync::Arc;

use glorieta_core::{Body, Error, Moment, Name, ResponseHead, Scheme};
use glorieta_policy::balance::hash;
use glorieta_policy::split::{Ticket, is_for_shared_caches, without_cookie};
use glorieta_policy::word::cookie;
use glorieta_policy::{Split as Shares, Word};

use super::proxy::{self, hash_of};
use super::{Outcome, Request, RequestRecord};
use crate::metrics::{self, VariantSeries};
use crate::snapshot::Proxy;

/// Upstreams that share out a route's requests.
pub struct Split {
    pub by: By,
    pub shares: Shares,
    /// In the order of the shares.
    pub variants: Vec<Variant>,
}

pub struct Variant {
    pub proxy: Proxy,
    pub weight: u32,
    pub series: Arc<VariantSeries>,
}

/// What decides which variant a request meets.
pub enum By {
    Random,
    /// A cookie of this name, which is given to whoever has none.
    Cookie(Box<str>),
    Word(Word),
}

/// A request's variant.
struct Drawn {
    place: usize,
    /// To be given to the client.
    ticket: Option<Ticket>,
}

/// What is known of a request before anything is left to chance.
pub enum Key {
    Known(u64),
    /// Of the client's address, where the request has no value of the word.
    Address(u64),
    Chance,
}

impl Split {
    /// By what a request's variant is decided.
    pub fn key(&self, request: &Request) -> Key {
        match &self.by {
            By::Random => Key::Chance,
            By::Cookie(name) => {
                let ticket = cookie(&request.head.fields, name.as_bytes()).and_then(Ticket::read);
                ticket.map_or(Key::Chance, |ticket| Key::Known(ticket.key()))
            }
            By::Word(word) => match (hash_of(request, word), request.peer.client) {
                (Some(key), _) => Key::Known(key),
                // An address is the next best thing to know a client by.
                (None, Some(client)) => Key::Address(hash::of(client.to_string().as_bytes())),
                (None, None) => Key::Chance,
            },
        }
    }

    /// Decides, with random bits for what is left to chance.
    fn draw(&self, request: &Request, bits: u64) -> Drawn {
        match (self.key(request), &self.by) {
            (Key::Known(key) | Key::Address(key), _) => Drawn { place: self.shares.pick(key), ticket: None },
            (Key::Chance, By::Cookie(_)) => {
                let ticket = Ticket::draw(bits as u16);
                Drawn { place: self.shares.pick(ticket.key()), ticket: Some(ticket) }
            }
            (Key::Chance, _) => Drawn { place: self.shares.pick(bits), ticket: None },
        }
    }

    /// Takes out what is said to this route only: an upstream has no use for its cookie.
    pub fn withhold(&self, request: &mut Request) {
        let By::Cookie(name) = &self.by else { return };
        let fields = &mut request.head.fields;
        for index in (0..fields.list.len()).rev() {
            let field = fields.list[index];
            if field.name != Name::Cookie {
                continue;
            }
            match without_cookie(fields.text(field.value_span), name.as_bytes()) {
                Some(rest) if rest.is_empty() => drop(fields.list.remove(index)),
                Some(rest) => fields.list[index].value_span = fields.push_text(&rest),
                None => {}
            }
        }
    }

    /// Has the client meet the same variant again, unless that would give its cookie to others.
    fn keep(&self, drawn: &Drawn, request: &Request, head: &mut ResponseHead) {
        if let (By::Cookie(name), Some(ticket)) = (&self.by, drawn.ticket)
            && !is_for_shared_caches(head.fields.all(Name::CacheControl))
        {
            let secure = request.peer.scheme == Scheme::Https;
            head.fields.add(Name::SetCookie, &ticket.set_cookie(name, secure));
        }
    }
}

pub async fn run(
    record: &mut RequestRecord,
    target: &Split,
    body: Body,
    deadline: Option<Moment>,
) -> Result<Outcome, Error> {
    let drawn = target.draw(&record.request, fastrand::u64(..));
    target.withhold(&mut record.request);
    let variant = &target.variants[drawn.place];
    let answered = proxy::run(record, &variant.proxy, body, deadline).await;
    let outcome = match &answered {
        Ok(Outcome::Response(response)) => metrics::Outcome::Status(response.head.status),
        Ok(Outcome::Switched { head, .. }) => metrics::Outcome::Status(head.status),
        Err(error) => metrics::Outcome::Error(error.kind),
    };
    variant.series.count(record.worker.index, outcome);
    let mut answered = answered?;
    let head = match &mut answered {
        Outcome::Response(response) => &mut response.head,
        Outcome::Switched { head, .. } => head,
    };
    target.keep(&drawn, &record.request, head);
    Ok(answered)
}
