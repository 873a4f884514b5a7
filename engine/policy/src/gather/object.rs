//! An object while it is put together: each name once, in the place where it came first.

use std::borrow::Cow;
use std::collections::HashMap;

use super::json::{Found, members};

/// So many members are looked through one by one; of more the names are hashed, so that an answer with a million
/// members costs no more than its length.
const FEW: usize = 16;

/// A member that is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// As [`super::json::escape`] writes it.
    pub key: Cow<'a, [u8]>,
    /// Its JSON.
    pub value: Cow<'a, [u8]>,
}

#[derive(Debug, Default)]
pub struct Object<'a> {
    pub members: Vec<Member<'a>>,
    places: HashMap<Vec<u8>, usize>,
}

impl<'a> Object<'a> {
    /// The members of an object as they were written; of two with one name the last counts.
    pub fn of(found: impl IntoIterator<Item = Found<'a>>) -> Object<'a> {
        let mut object = Object::default();
        for (key, value) in found {
            object.put(Member { key, value: Cow::Borrowed(value) });
        }
        object
    }

    /// The members of an object's JSON; of two with one name the last, in the place of the first.
    pub fn last_of_each(value: &'a [u8]) -> Vec<Found<'a>> {
        let mut places = Object::default();
        let mut found: Vec<Found<'a>> = Vec::new();
        for (key, value) in members(value) {
            match places.find(&key) {
                Some(place) => found[place].1 = value,
                None => {
                    places.add(Member { key: key.clone(), value: Cow::Borrowed(b"") });
                    found.push((key, value));
                }
            }
        }
        found
    }

    /// The place of a name.
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        if self.places.is_empty() {
            return self.members.iter().position(|member| *member.key == *key);
        }
        self.places.get(key).copied()
    }

    /// A member with a name that is not there yet.
    pub fn add(&mut self, member: Member<'a>) {
        if self.members.len() == FEW {
            self.places = self.members.iter().map(|member| member.key.to_vec()).zip(0..).collect();
        }
        if self.members.len() >= FEW {
            self.places.insert(member.key.to_vec(), self.members.len());
        }
        self.members.push(member);
    }

    /// A member; one that has the name gives way.
    pub fn put(&mut self, member: Member<'a>) {
        match self.find(&member.key) {
            Some(place) => self.members[place].value = member.value,
            None => self.add(member),
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        write(self.members.iter().map(|member| (&*member.key, &*member.value)), out);
    }

    pub fn into_json(self) -> Cow<'a, [u8]> {
        let mut out = Vec::with_capacity(self.members.iter().map(|each| each.key.len() + each.value.len() + 4).sum());
        self.write(&mut out);
        Cow::Owned(out)
    }
}

/// Writes an object of keys and values.
pub fn write<'m>(members: impl Iterator<Item = (&'m [u8], &'m [u8])>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (place, (key, value)) in members.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(key);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    }
    out.push(b'}');
}
