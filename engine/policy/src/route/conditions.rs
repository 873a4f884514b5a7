//! What a route asks for beside host and path: method, headers, query, words.

use glorieta_core::{Name, RequestHead};
use glorieta_plan::{Route, TextMatch, ValueMatch};
use regex::bytes::Regex;

use super::methods::Methods;
use super::regexes;
use crate::reference::{LookUp, Reference, fill, refers};
use crate::word::{View, Word, query_values};

/// Method, headers, query and words of one route.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) methods: Methods,
    headers: Vec<Condition>,
    query: Vec<Condition>,
    words: Vec<WordCondition>,
}

/// A condition on a word that is known before the route is.
#[derive(Debug)]
struct WordCondition {
    word: Word,
    value: Text,
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
    /// As `Exact`, from outside: how long it takes to compare says nothing of how much was guessed.
    Secret(Box<[u8]>),
    Prefix(Box<[u8]>),
    Regex(Regex),
}

impl Conditions {
    pub(super) fn read(route: &Route, look_up: LookUp<'_>) -> Result<Conditions, String> {
        let headers = route.headers.iter().map(|header| {
            if glorieta_core::Fields::is_token(header.name.as_bytes()) {
                return Condition::read(header, look_up);
            }
            Err(format!("{:?} is no header name", header.name))
        });
        Ok(Conditions {
            methods: Methods::read(&route.methods)?,
            headers: headers.collect::<Result<_, _>>()?,
            query: route.query.iter().map(|query| Condition::read(query, look_up)).collect::<Result<_, _>>()?,
            words: route.words.iter().map(|word| WordCondition::read(word, look_up)).collect::<Result<_, _>>()?,
        })
    }

    /// The place among routes of the same path: the smallest is tried first.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let asked = std::cmp::Reverse((self.headers.len() + self.words.len(), self.query.len()));
        (self.methods.is_any(), asked, self.methods.len())
    }

    /// Whether headers, query and words are as asked; the method is looked at apart.
    pub(super) fn fit(&self, view: &View<'_>) -> bool {
        self.headers.iter().all(|condition| condition.fits_header(view.head))
            && self.query.iter().all(|condition| condition.fits_query(view.head))
            && self.words.iter().all(|condition| condition.fits(view))
    }
}

/// Why a request is not what a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Method,
    /// The header at this place of the route's list.
    Header(usize),
    Query(usize),
    Word(usize),
}

impl Conditions {
    /// The first condition that a request does not meet: told to people, never asked while serving.
    pub(super) fn misfit(&self, view: &View<'_>) -> Option<Misfit> {
        let head = view.head;
        if !self.methods.allow(head) {
            return Some(Misfit::Method);
        }
        let header = || self.headers.iter().position(|condition| !condition.fits_header(head)).map(Misfit::Header);
        let query = || self.query.iter().position(|condition| !condition.fits_query(head)).map(Misfit::Query);
        let word = || self.words.iter().position(|condition| !condition.fits(view)).map(Misfit::Word);
        header().or_else(query).or_else(word)
    }

    /// How many headers and words, how many query parameters, how many methods are asked for.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.headers.len() + self.words.len(), self.query.len(), self.methods.len())
    }

    pub(super) fn has_words(&self) -> bool {
        !self.words.is_empty()
    }
}

impl Condition {
    fn read(wanted: &ValueMatch, look_up: LookUp<'_>) -> Result<Condition, String> {
        let value = Text::read(&wanted.value, look_up)?;
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

impl WordCondition {
    fn read(wanted: &ValueMatch, look_up: LookUp<'_>) -> Result<WordCondition, String> {
        let word = Word::parse(&wanted.name)?;
        if let Some(why) = word.unmatchable() {
            return Err(format!("no route can be matched by the word {:?}: {why}", wanted.name));
        }
        Ok(WordCondition { word, value: Text::read(&wanted.value, look_up)? })
    }

    fn fits(&self, view: &View<'_>) -> bool {
        match &self.value {
            Text::Absent => !self.word.any(view, |_| true),
            value => self.word.any(view, |found| value.fits_one(found)),
        }
    }
}

impl Text {
    fn read(wanted: &TextMatch, look_up: LookUp<'_>) -> Result<Text, String> {
        let look_up: LookUp<'_> = &|reference: Reference<'_>| match look_up(reference)? {
            // A secret that somebody has emptied would let in whoever says nothing.
            value if value.is_empty() => Err(format!("what {reference} says is empty, which is no condition")),
            value => Ok(value),
        };
        let bytes = |text: &str| fill(text, look_up).map(|text| text.as_bytes().into());
        Ok(match wanted {
            TextMatch::Present => Text::Present,
            TextMatch::Absent => Text::Absent,
            TextMatch::Exact(text) if refers(text) => Text::Secret(bytes(text)?),
            TextMatch::Exact(text) => Text::Exact(bytes(text)?),
            TextMatch::Prefix(text) => Text::Prefix(bytes(text)?),
            TextMatch::Regex(text) => Text::Regex(expression(text, look_up)?),
        })
    }

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
            Text::Secret(text) => equal_in_steady_time(text, value),
            Text::Prefix(text) => value.starts_with(text),
            Text::Regex(regex) => regex.is_match(value),
        }
    }
}

/// An expression; the value of a reference is a part of it, syntax included.
fn expression(text: &str, look_up: LookUp<'_>) -> Result<Regex, String> {
    if !refers(text) {
        return regexes::compile(&fill(text, look_up)?);
    }
    let filled = fill(text, &|reference| {
        let value = look_up(reference)?;
        // Where nothing is read, a reference stands for itself, and its signs mean nothing.
        Ok(if value == reference.to_string() { regex::escape(&value) } else { value })
    })?;
    // The reason would quote what was read.
    regexes::compile(&filled).map_err(|_| format!("what {text:?} says is no regular expression"))
}

/// Whether two texts are equal, without stopping at the first difference.
fn equal_in_steady_time(secret: &[u8], value: &[u8]) -> bool {
    let differing = secret.iter().zip(value).fold(0, |differing, (one, other)| differing | (one ^ other));
    secret.len() == value.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, head, route};
    use super::super::{Found, Parameters, Table};
    use super::*;
    use crate::reference::as_written;

    fn look_up(reference: Reference<'_>) -> Result<String, String> {
        match reference {
            Reference::Env("TOKEN") => Ok("s3cret+$".to_owned()),
            Reference::Env("WORDS") => Ok("one|two".to_owned()),
            Reference::Env("BROKEN") => Ok("s3cret(".to_owned()),
            Reference::Env("EMPTY") => Ok(String::new()),
            other => Err(format!("there is no {other}")),
        }
    }

    fn asking(value: TextMatch) -> Route {
        let mut asking = route("/a");
        asking.headers.push(ValueMatch { name: "x-token".into(), value });
        asking
    }

    fn takes(value: TextMatch, sent: &str, look_up: LookUp<'_>) -> bool {
        let mut head = head("GET h/a");
        head.fields.add_named(b"X-Token", sent.as_bytes());
        let table = Table::build(&[asking(value)], look_up).unwrap();
        find(&table, &head, &mut Parameters::default()) == Found::Route(0)
    }

    #[test]
    fn conditions_ask_for_what_their_references_name() {
        let exact = |text: &str| TextMatch::Exact(text.to_owned());
        let regex = |text: &str| TextMatch::Regex(text.to_owned());
        for (value, sent, taken) in [
            (exact("Bearer ${env:TOKEN}"), "Bearer s3cret+$", true),
            (exact("Bearer ${env:TOKEN}"), "Bearer s3cret+", false),
            (exact("Bearer ${env:TOKEN}"), "Bearer s3cret+!", false),
            (exact("Bearer ${env:TOKEN}"), "Bearer ${env:TOKEN}", false),
            (exact("$$5"), "$5", true),
            (TextMatch::Prefix("${env:TOKEN}".into()), "s3cret+$ and more", true),
            (TextMatch::Prefix("${env:TOKEN}".into()), "s3cret", false),
            (regex("a$|b$$"), "a", true),
            (regex("(${env:WORDS})!"), "two!", true),
            (regex("(${env:WORDS})!"), "three!", false),
        ] {
            assert_eq!(takes(value.clone(), sent, &look_up), taken, "{value:?} {sent}");
        }
    }

    #[test]
    fn a_reference_that_is_not_read_stands_for_itself() {
        for value in [TextMatch::Exact("k ${env:TOKEN}".into()), TextMatch::Regex("k ${env:TOKEN}|[0-9]+".into())] {
            assert!(takes(value.clone(), "k ${env:TOKEN}", &as_written), "{value:?}");
            assert!(!takes(value, "k s3cret+$", &as_written));
        }
        assert!(takes(TextMatch::Regex("k ${env:TOKEN}|[0-9]+".into()), "17", &as_written));
    }

    #[test]
    fn what_cannot_be_a_condition_is_named_without_its_value() {
        for (value, said) in [
            (TextMatch::Exact("${file:/run/none}".into()), "there is no ${file:/run/none}"),
            (TextMatch::Prefix("${env:EMPTY}".into()), "what ${env:EMPTY} says is empty, which is no condition"),
            (TextMatch::Regex("a${env:BROKEN}".into()), "what \"a${env:BROKEN}\" says is no regular expression"),
        ] {
            let problems = Table::build(&[asking(value)], &look_up).unwrap_err();
            assert_eq!(problems.iter().map(|problem| &*problem.message).collect::<Vec<_>>(), [said]);
        }
    }

    #[test]
    fn routes_that_refer_to_different_places_are_different() {
        let twice = |one: &str, other: &str| {
            let named = |id: &str, text: &str| Route { id: id.into(), ..asking(TextMatch::Exact(text.to_owned())) };
            Table::build(&[named("one", one), named("other", other)], &|_| Ok("same".to_owned())).is_ok()
        };
        assert!(twice("${env:A}", "${env:B}"));
        assert!(!twice("${env:A}", "${env:A}"));
    }
}
