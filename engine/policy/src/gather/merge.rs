//! One object of several, in the order in which the parts were declared: whichever was faster, the answer is the same.

use std::borrow::Cow;

use glorieta_plan::Conflict;

use super::json::{is_object, members};
use super::object::{self, Member, Object};

/// Two parts give the same member, and nobody said which one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The name, as it stands in JSON.
    pub key: Box<[u8]>,
    pub first: usize,
    pub second: usize,
}

pub struct Merge<'a> {
    conflict: Conflict,
    object: Object<'a>,
    /// For each member the part that gave it, and the further values of a list.
    sources: Vec<(usize, Vec<Cow<'a, [u8]>>)>,
}

impl<'a> Merge<'a> {
    pub fn new(conflict: Conflict) -> Merge<'a> {
        Merge { conflict, object: Object::default(), sources: Vec::new() }
    }

    /// Adds what a part gives, each name once.
    ///
    /// # Errors
    /// A member that is there already, where that is an error.
    pub fn add(&mut self, part: usize, members: impl IntoIterator<Item = Member<'a>>) -> Result<(), Clash> {
        for member in members {
            let Some(place) = self.object.find(&member.key) else {
                self.object.add(member);
                self.sources.push((part, Vec::new()));
                continue;
            };
            let own = &mut self.object.members[place];
            match self.conflict {
                Conflict::Error => {
                    let first = self.sources[place].0;
                    return Err(Clash { key: member.key.into_owned().into(), first, second: part });
                }
                Conflict::First => {}
                Conflict::Last => own.value = member.value,
                Conflict::Deep => {
                    let below = std::mem::take(&mut own.value);
                    own.value = deep(below, member.value);
                }
                Conflict::List => self.sources[place].1.push(member.value),
            }
        }
        Ok(())
    }

    /// Adds a member of glorieta's own, in the place of any that has its name.
    pub fn set(&mut self, member: Member<'a>) {
        match self.object.find(&member.key) {
            Some(place) => {
                self.object.members[place].value = member.value;
                self.sources[place].1.clear();
            }
            None => {
                self.object.add(member);
                self.sources.push((usize::MAX, Vec::new()));
            }
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        if self.conflict != Conflict::List {
            return self.object.write(out);
        }
        let lists: Vec<Cow<'_, [u8]>> =
            self.object.members.iter().zip(&self.sources).map(|(own, source)| list(own, &source.1)).collect();
        object::write(self.object.members.iter().zip(&lists).map(|(own, list)| (&*own.key, &**list)), out);
    }
}

/// The value of a member that may have been given several times.
fn list<'m>(own: &'m Member<'_>, more: &[Cow<'_, [u8]>]) -> Cow<'m, [u8]> {
    if more.is_empty() {
        return Cow::Borrowed(&own.value);
    }
    let mut out = vec![b'['];
    out.extend_from_slice(&own.value);
    for value in more {
        out.push(b',');
        out.extend_from_slice(value);
    }
    out.push(b']');
    Cow::Owned(out)
}

/// Two values laid over each other. No deeper than either of them is, which was checked.
fn deep<'a>(below: Cow<'a, [u8]>, above: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    if !is_object(&below) || !is_object(&above) {
        return above;
    }
    let mut merged = Object::of(members(&below));
    for (key, value) in Object::last_of_each(&above) {
        match merged.find(&key) {
            Some(place) => {
                let below = std::mem::take(&mut merged.members[place].value);
                merged.members[place].value = deep(below, Cow::Borrowed(value));
            }
            None => merged.add(Member { key, value: Cow::Borrowed(value) }),
        }
    }
    Cow::Owned(merged.into_json().into_owned())
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
