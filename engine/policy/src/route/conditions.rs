//! What a route asks for beside host and path: method, headers, query.

use glorieta_core::{Method, Name, RequestHead};
use glorieta_plan::{Route, TextMatch, ValueMatch};
use regex::bytes::Regex;

use super::regexes;
use crate::word::query_values;

/// The methods of a route; every method where none is named.
#[derive(Debug)]
pub(super) struct Methods {
    /// One bit per known method.
    known: u16,
    other: Vec<Box<[u8]>>,
}

const fn bit(method: Method) -> u16 {
    1 << method as u16
}

impl Methods {
    fn read(names: &[String]) -> Result<Methods, String> {
        let mut methods = Methods { known: 0, other: Vec::new() };
        for name in names {
            if !glorieta_core::Fields::is_token(name.as_bytes()) {
                return Err(format!("{name:?} is no method"));
            }
            match Method::parse(name.as_bytes()) {
                Method::Other => methods.other.push(name.as_bytes().into()),
                method => methods.known |= bit(method),
            }
        }
        Ok(methods)
    }

    pub(super) fn is_any(&self) -> bool {
        self.known == 0 && self.other.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.known.count_ones() as usize + self.other.len()
    }

    /// Whether HEAD is named itself, not only meant by GET.
    pub(super) fn names_head(&self) -> bool {
        self.known & bit(Method::Head) != 0
    }

    /// Whether a request's method is one of them; GET means HEAD too (RFC 9110 §9.3.2).
    pub(super) fn allow(&self, head: &RequestHead) -> bool {
        if self.is_any() {
            return true;
        }
        match head.method {
            Method::Other => self.other.iter().any(|name| **name == *head.method_text()),
            Method::Head => self.known & (bit(Method::Head) | bit(Method::Get)) != 0,
            method => self.known & bit(method) != 0,
        }
    }

    pub(super) fn overlap(&self, other: &Methods) -> bool {
        self.is_any()
            || other.is_any()
            || self.known & other.known != 0
            || self.other.iter().any(|name| other.other.contains(name))
    }

    /// Adds the methods as `Allow` lists them.
    pub(super) fn list(&self, names: &mut Vec<String>) {
        for method in [
            Method::Get,
            Method::Head,
            Method::Post,
            Method::Put,
            Method::Delete,
            Method::Options,
            Method::Patch,
            Method::Connect,
            Method::Trace,
        ] {
            let meant = method == Method::Head && self.known & bit(Method::Get) != 0;
            if meant || self.known & bit(method) != 0 {
                names.push(method.label().to_owned());
            }
        }
        names.extend(self.other.iter().map(|name| String::from_utf8_lossy(name).into_owned()));
    }
}

/// Method, headers and query of one route.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) methods: Methods,
    headers: Vec<Condition>,
    query: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    known: Name,
    name: Box<[u8]>,
    value: Text,
}

#[derive(Debug)]
enum Text {
    Present,
    Absent,
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Regex(Regex),
}

impl Conditions {
    pub(super) fn read(route: &Route) -> Result<Conditions, String> {
        let headers = route.headers.iter().map(|header| {
            if glorieta_core::Fields::is_token(header.name.as_bytes()) {
                return Condition::read(header);
            }
            Err(format!("{:?} is no header name", header.name))
        });
        Ok(Conditions {
            methods: Methods::read(&route.methods)?,
            headers: headers.collect::<Result<_, _>>()?,
            query: route.query.iter().map(Condition::read).collect::<Result<_, _>>()?,
        })
    }

    /// The place among routes of the same path: the smallest is tried first.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let asked = std::cmp::Reverse((self.headers.len(), self.query.len()));
        (self.methods.is_any(), asked, self.methods.len())
    }

    /// Whether headers and query are as asked; the method is looked at apart.
    pub(super) fn fit(&self, head: &RequestHead) -> bool {
        self.headers.iter().all(|condition| condition.fits_header(head))
            && self.query.iter().all(|condition| condition.fits_query(head))
    }
}

/// Why a request is not what a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Method,
    /// The header at this place of the route's list.
    Header(usize),
    Query(usize),
}

impl Conditions {
    /// The first condition that a request does not meet: told to people, never asked while serving.
    pub(super) fn misfit(&self, head: &RequestHead) -> Option<Misfit> {
        if !self.methods.allow(head) {
            return Some(Misfit::Method);
        }
        let header = self.headers.iter().position(|condition| !condition.fits_header(head)).map(Misfit::Header);
        header.or_else(|| self.query.iter().position(|condition| !condition.fits_query(head)).map(Misfit::Query))
    }

    /// How many headers, how many query parameters, how many methods are asked for.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.headers.len(), self.query.len(), self.methods.len())
    }
}

impl Condition {
    fn read(wanted: &ValueMatch) -> Result<Condition, String> {
        let value = match &wanted.value {
            TextMatch::Present => Text::Present,
            TextMatch::Absent => Text::Absent,
            TextMatch::Exact(text) => Text::Exact(text.as_bytes().into()),
            TextMatch::Prefix(text) => Text::Prefix(text.as_bytes().into()),
            TextMatch::Regex(text) => Text::Regex(regexes::compile(text)?),
        };
        let name = wanted.name.as_bytes();
        Ok(Condition { known: Name::parse(name), name: name.into(), value })
    }

    fn fits_header(&self, head: &RequestHead) -> bool {
        if self.known != Name::Other {
            return self.value.fits(head.fields.all(self.known));
        }
        self.value.fits(head.fields.all_named(&self.name))
    }

    fn fits_query(&self, head: &RequestHead) -> bool {
        let query = head.query().unwrap_or_default();
        match &self.value {
            Text::Absent => query_values(query, &self.name).next().is_none(),
            value => query_values(query, &self.name).any(|found| value.fits_one(&crate::word::decode(found))),
        }
    }
}

impl Text {
    /// Of several values one must fit: which of them a service reads is not known here.
    fn fits<'a>(&self, mut values: impl Iterator<Item = &'a [u8]>) -> bool {
        match self {
            Text::Absent => values.next().is_none(),
            _ => values.any(|value| self.fits_one(value)),
        }
    }

    fn fits_one(&self, value: &[u8]) -> bool {
        match self {
            Text::Present => true,
            Text::Absent => false,
            Text::Exact(text) => **text == *value,
            Text::Prefix(text) => value.starts_with(text),
            Text::Regex(regex) => regex.is_match(value),
        }
    }
}
