//! The table of routes: from a request's head to the index of its route.
//!
//! Precedence (design §2): host exact, then longest wildcard, then any; within a host path exact,
//! then parameters (more literals first), then longest prefix, then regular expressions by
//! priority, then the catch-all; within a path a named method, then more headers and words, then more
//! query. Where the best path does not fit by method, headers, query or words, the next best is tried,
//! down to other hosts.
//!
//! The work per request depends on the request's path, not on how many routes there are: one hash
//! of the host, one of the path, one step per segment, one pass of all expressions.

mod build;
mod conditions;
mod explain;
mod hosts;
mod methods;
mod parameters;
mod pattern;
mod regexes;
#[cfg(test)]
pub(crate) mod tests;
mod trie;
#[cfg(test)]
mod word_tests;

use std::fmt;

use glorieta_core::{Method, RequestHead};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

pub use explain::{Explanation, Reason};
pub use parameters::{ParameterName, Parameters, REST};

use conditions::Conditions;
use hosts::Hosts;
use regexes::Regexes;
use trie::{Cells, Trie};

use crate::path;
use crate::word::View;

/// What is wrong with a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The route's id.
    pub route: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.route, self.message)
    }
}

impl std::error::Error for Problem {}

/// What [`Table::find`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The route's index in the slice that the table was built from.
    Route(u32),
    /// Routes match everything but the method: the methods that they allow, for `Allow`.
    MethodNotAllowed(Vec<String>),
    None,
}

/// The routes of one listener, immutable.
#[derive(Debug, Default)]
pub struct Table {
    hosts: Hosts,
    sites: Vec<Site>,
    entries: Vec<Entry>,
    /// Whether any route merges slashes.
    merges: bool,
}

/// The routes of one host.
#[derive(Debug)]
struct Site {
    /// One per pattern, the best first: comparing two numbers compares two patterns.
    cells: Vec<Cell>,
    exact: FxHashMap<Box<[u8]>, u32>,
    trie: Trie,
    regexes: Regexes,
    /// The catch-all.
    any: Option<u32>,
}

/// The routes of one pattern under one host, the best first.
#[derive(Debug)]
struct Cell {
    routes: SmallVec<[u32; 2]>,
}

/// What remains to be decided per route.
#[derive(Debug)]
struct Entry {
    conditions: Conditions,
    merge: bool,
    captures: Captures,
}

/// How a route's parameters are taken from a path that it matches.
#[derive(Debug)]
enum Captures {
    None,
    /// The rest behind a prefix of this length.
    Rest(usize),
    /// A name per segment, and whether a rest follows.
    Segments(Box<[Option<ParameterName>]>, bool),
    /// Groups of an expression by index.
    Groups(Box<regex::bytes::Regex>, Vec<(usize, ParameterName)>),
}

/// Which routes of a cell are meant: with a path that has double slashes, those that merge them
/// and those that do not see different paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Take {
    All,
    Plain,
    Merging,
}

/// A path in the form in which some routes see it.
type Form<'a> = (Take, &'a [u8]);

#[derive(Clone, Copy)]
enum Stage {
    Exact,
    Segments,
    Expressions,
    Any,
}

impl Table {
    /// Finds a request's route and fills in its path parameters. The head's path must be normal; of the view nothing
    /// is read that the route decides.
    ///
    /// A route of method GET matches HEAD too where no route of the same path names HEAD.
    /// Finding a route allocates nothing, unless a path with `//` meets routes that merge slashes, or a route asks for
    /// the client's address or port.
    pub fn find(&self, view: &View<'_>, parameters: &mut Parameters) -> Found {
        let head = view.head;
        parameters.clear();
        let mut merged = Vec::new();
        let forms = self.forms(head.path(), &mut merged);
        let mut refused = false;
        let found = self.visit(head, &forms, |_, cell, (take, path)| {
            let route = self.choose(cell, take, view, &mut refused)?;
            self.entries[route as usize].captures.fill(path, parameters);
            Some(route)
        });
        match found {
            Some(route) => Found::Route(route),
            None if refused => self.refuse(view, &forms),
            None => Found::None,
        }
    }

    /// The forms in which routes see a path; `merged` holds the one with single slashes, where that is another.
    #[inline]
    fn forms<'p>(&self, path: &'p [u8], merged: &'p mut Vec<u8>) -> SmallVec<[Form<'p>; 2]> {
        let mut forms: SmallVec<[Form<'_>; 2]> = SmallVec::new();
        if self.merges && path::has_double_slash(path) {
            path::merge_slashes(path, merged);
            forms.push((Take::Plain, path));
            forms.push((Take::Merging, merged));
        } else {
            forms.push((Take::All, path));
        }
        forms
    }

    /// Visits every pattern that matches host and path, the best first, until one gives an answer. The number is
    /// that of the site.
    fn visit<'p, T>(
        &self,
        head: &RequestHead,
        forms: &[Form<'p>],
        mut visit: impl FnMut(u32, &Cell, Form<'p>) -> Option<T>,
    ) -> Option<T> {
        self.hosts.visit(head.host(), |site| {
            self.sites[site as usize].visit(forms, &mut |cell: &Cell, form| visit(site, cell, form))
        })
    }

    /// The best route of a cell that fits; notes if one was refused for its method.
    fn choose(&self, cell: &Cell, take: Take, view: &View<'_>, refused: &mut bool) -> Option<u32> {
        let entries = || {
            let entries = cell.routes.iter().map(|&route| (route, &self.entries[route as usize]));
            entries.filter(move |(_, entry)| entry.seen_by(take))
        };
        if view.head.method == Method::Head && cell.routes.len() > 1 {
            let named =
                entries().find(|(_, entry)| entry.conditions.methods.names_head() && entry.conditions.fit(view));
            if let Some((route, _)) = named {
                return Some(route);
            }
        }
        for (route, entry) in entries() {
            if !entry.conditions.methods.allow(view.head) {
                *refused = true;
            } else if entry.conditions.fit(view) {
                return Some(route);
            }
        }
        None
    }

    /// No route was found and a method was the reason somewhere: which ones would do.
    fn refuse(&self, view: &View<'_>, forms: &[Form<'_>]) -> Found {
        let mut names = Vec::new();
        self.visit(view.head, forms, |_, cell, (take, _)| {
            for &route in &cell.routes {
                let entry = &self.entries[route as usize];
                if entry.seen_by(take) && entry.conditions.fit(view) {
                    entry.conditions.methods.list(&mut names);
                }
            }
            None::<()>
        });
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { Found::None } else { Found::MethodNotAllowed(names) }
    }
}

impl Site {
    fn visit<'p, T>(&self, forms: &[Form<'p>], visit: &mut impl FnMut(&Cell, Form<'p>) -> Option<T>) -> Option<T> {
        for stage in [Stage::Exact, Stage::Segments, Stage::Expressions, Stage::Any] {
            // A cell's number and the form in which the path has reached it.
            let mut found: SmallVec<[(u32, u32); 16]> = SmallVec::new();
            for (number, form) in forms.iter().enumerate() {
                self.search(stage, form.1, |cell| found.push((cell, number as u32)));
            }
            if found.len() > 1 {
                found.sort_unstable();
            }
            for &(cell, form) in &found {
                let answer = visit(&self.cells[cell as usize], forms[form as usize]);
                if answer.is_some() {
                    return answer;
                }
            }
        }
        None
    }

    fn search(&self, stage: Stage, path: &[u8], mut found: impl FnMut(u32)) {
        match stage {
            Stage::Exact => {
                if let Some(&cell) = self.exact.get(path) {
                    found(cell);
                }
            }
            Stage::Segments => self.trie.search(path, &mut found),
            Stage::Expressions if self.regexes.is_empty() => {}
            Stage::Expressions => {
                let mut cells = Cells::new();
                self.regexes.search(path, &mut cells);
                cells.into_iter().for_each(found);
            }
            Stage::Any => self.any.into_iter().for_each(found),
        }
    }
}

impl Entry {
    fn seen_by(&self, take: Take) -> bool {
        match take {
            Take::All => true,
            Take::Plain => !self.merge,
            Take::Merging => self.merge,
        }
    }
}

impl Captures {
    /// Fills in the parameters of a path that the route matches.
    fn fill(&self, path: &[u8], parameters: &mut Parameters) {
        match self {
            Captures::None => {}
            Captures::Rest(length) => {
                parameters.push(ParameterName::new(REST), (length + 1).min(path.len()), path.len());
            }
            Captures::Segments(names, rest) => {
                let mut start = 1;
                for name in names {
                    let end = memchr::memchr(b'/', &path[start..]).map_or(path.len(), |length| start + length);
                    if let Some(name) = name {
                        parameters.push(*name, start, end);
                    }
                    start = (end + 1).min(path.len());
                }
                if *rest {
                    parameters.push(ParameterName::new(REST), start, path.len());
                }
            }
            Captures::Groups(regex, groups) => {
                let Some(found) = regex.captures(path) else { return };
                for (group, name) in groups {
                    if let Some(value) = found.get(*group) {
                        parameters.push(*name, value.start(), value.end());
                    }
                }
            }
        }
    }
}
