//! What of an answer is passed on, and under which names: pick, select, drop, rename, flatten.
//!
//! All paths but that of `pick` name members as the upstream wrote them, within what was picked; they lead through
//! arrays to each element. One pass applies them all. What no path names is copied as it stands.
//!
//! Of two members with one name the last counts in the outermost object; deeper down both are passed on, as any proxy
//! would.

use std::borrow::Cow;

use glorieta_plan::GatherShape;

use super::json::{Json, elements, escape, find, is_array, is_object, members};
use super::object::{self, Member, Object};

/// A JSON value that is passed on.
#[derive(Debug)]
pub enum Shaped<'a> {
    Object(Vec<Member<'a>>),
    Other(Cow<'a, [u8]>),
}

impl<'a> Shaped<'a> {
    pub fn into_json(self) -> Cow<'a, [u8]> {
        match self {
            Shaped::Object(members) => {
                let mut out = Vec::new();
                object::write(members.iter().map(|member| (&*member.key, &*member.value)), &mut out);
                Cow::Owned(out)
            }
            Shaped::Other(value) => value,
        }
    }
}

/// The rules of one answer, made ready.
#[derive(Debug, Default)]
pub struct Shape {
    pick: Vec<Box<[u8]>>,
    root: Rules,
}

/// What happens to one member, and to those within it.
#[derive(Debug, Default)]
struct Rules {
    within: Vec<(Box<[u8]>, Rules)>,
    dropped: bool,
    /// Selected with all that it holds.
    selected: bool,
    /// Only what is selected within it is kept.
    narrowed: bool,
    flatten: bool,
    name: Option<Box<[u8]>>,
}

impl Shape {
    /// # Errors
    /// A sentence for a path that is none, or for rules that exclude each other.
    pub fn read(plan: &GatherShape) -> Result<Shape, String> {
        let mut root = Rules::default();
        for path in &plan.select {
            root.at(path, |on_the_way| on_the_way.narrowed = true)?.selected = true;
        }
        for path in &plan.drop {
            root.at(path, |_| {})?.dropped = true;
        }
        for path in &plan.flatten {
            root.at(path, |_| {})?.flatten = true;
        }
        for (path, name) in &plan.rename {
            let rules = root.at(path, |_| {})?;
            if rules.flatten {
                return Err(format!("{path:?} cannot be both flattened and renamed"));
            }
            rules.name = Some(key(name));
        }
        let pick = plan.pick.as_deref().map(steps).transpose()?.unwrap_or_default();
        Ok(Shape { pick, root })
    }

    /// Whether it changes nothing.
    pub fn is_plain(&self) -> bool {
        self.pick.is_empty() && self.root.is_plain()
    }

    /// What is passed on of an answer; `None`: what was to be picked is not there.
    pub fn apply<'a>(&self, json: Json<'a>) -> Option<Shaped<'a>> {
        if self.pick.is_empty() && self.root.is_plain() && json.is_object() {
            return Some(Shaped::Object(Object::of(json.into_members()).members));
        }
        let value = find(json.text(), self.pick.iter().map(|step| &**step))?;
        if is_object(value) {
            return Some(Shaped::Object(self.root.object(value).members));
        }
        // What is no object has no members that could be selected.
        self.root.value(value).map(Shaped::Other)
    }
}

impl Rules {
    /// The rules at a path; `on_the_way` is told of all that lead there.
    fn at(&mut self, path: &str, on_the_way: impl Fn(&mut Rules)) -> Result<&mut Rules, String> {
        let mut rules = self;
        for step in steps(path)? {
            on_the_way(rules);
            let place = rules.within.iter().position(|(key, _)| *key == step).unwrap_or_else(|| {
                rules.within.push((step, Rules::default()));
                rules.within.len() - 1
            });
            rules = &mut rules.within[place].1;
        }
        Ok(rules)
    }

    fn of(&self, key: &[u8]) -> Option<&Rules> {
        self.within.iter().find(|(own, _)| **own == *key).map(|(_, rules)| rules)
    }

    fn is_plain(&self) -> bool {
        self.within.is_empty()
    }

    /// Whether only what is selected within it is kept. What is selected whole is whole.
    const fn is_narrow(&self) -> bool {
        self.narrowed && !self.selected
    }

    /// What is left of a value; `None`: nothing of it was selected.
    fn value<'a>(&self, value: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.is_plain() {
            return Some(Cow::Borrowed(value));
        }
        let mut out = Vec::with_capacity(value.len());
        self.write(value, &mut out).then_some(Cow::Owned(out))
    }

    /// Appends what is left of a value. `false`: nothing of it was selected, and nothing is appended.
    fn write(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        if self.is_plain() {
            out.extend_from_slice(value);
        } else if is_object(value) {
            self.write_object(value, out);
        } else if is_array(value) {
            self.write_array(value, out);
        } else if self.is_narrow() {
            return false;
        } else {
            out.extend_from_slice(value);
        }
        true
    }

    fn write_array(&self, value: &[u8], out: &mut Vec<u8>) {
        out.push(b'[');
        let begin = out.len();
        for element in elements(value) {
            let end = out.len();
            if end > begin {
                out.push(b',');
            }
            if !self.write(element, out) {
                out.truncate(end);
            }
        }
        out.push(b']');
    }

    fn write_object(&self, value: &[u8], out: &mut Vec<u8>) {
        if self.within.iter().any(|(_, rules)| rules.flatten || rules.name.is_some()) {
            return self.object(value).write(out);
        }
        // No name changes, so members go straight through, each in its place.
        out.push(b'{');
        let begin = out.len();
        for (key, value) in members(value) {
            let rules = match self.of(&key) {
                Some(rules) if self.keeps(rules) => Some(rules),
                None if !self.is_narrow() => None,
                _ => continue,
            };
            let end = out.len();
            out.extend_from_slice(if end > begin { b",\"" } else { b"\"" });
            out.extend_from_slice(&key);
            out.extend_from_slice(b"\":");
            match rules {
                Some(rules) if !rules.write(value, out) => out.truncate(end),
                Some(_) => {}
                None => out.extend_from_slice(value),
            }
        }
        out.push(b'}');
    }

    /// Whether a member with rules of its own is kept.
    const fn keeps(&self, rules: &Rules) -> bool {
        !rules.dropped && (!self.is_narrow() || rules.selected || rules.narrowed)
    }

    /// What is left of an object. Where two members come to one name, a renamed one wins over one that always had
    /// it, and that over one that was lifted out of a flattened member; of two such the last.
    fn object<'a>(&self, value: &'a [u8]) -> Object<'a> {
        let mut object = Object::default();
        let (mut renamed, mut lifted) = (Vec::new(), Vec::new());
        // Duplicates are sorted out before anything is done to them.
        for (key, value) in Object::last_of_each(value) {
            let Some(rules) = self.of(&key) else {
                if !self.is_narrow() {
                    object.add(Member { key, value: Cow::Borrowed(value) });
                }
                continue;
            };
            if !self.keeps(rules) {
                continue;
            }
            if rules.flatten && is_object(value) {
                lifted.extend(rules.object(value).members);
            } else if let Some(value) = rules.value(value) {
                match &rules.name {
                    Some(name) => renamed.push(Member { key: Cow::Owned(name.to_vec()), value }),
                    None => object.add(Member { key, value }),
                }
            }
        }
        for member in renamed {
            object.put(member);
        }
        let mut below = Object::default();
        for member in lifted.into_iter().filter(|member| object.find(&member.key).is_none()) {
            below.put(member);
        }
        for member in below.members {
            object.add(member);
        }
        object
    }
}

/// The steps of a dotted path, as keys are compared.
pub(super) fn steps(path: &str) -> Result<Vec<Box<[u8]>>, String> {
    path.split('.')
        .map(|step| {
            if step.is_empty() {
                Err(format!("{path:?} is no path; write names with dots between"))
            } else {
                Ok(key(step))
            }
        })
        .collect()
}

/// A name as a key.
pub(super) fn key(name: &str) -> Box<[u8]> {
    let mut key = Vec::new();
    escape(name.as_bytes(), &mut key);
    key.into()
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
