//! From the routes of a Plan to a table: patterns by host, equal routes found and named.

use std::collections::BTreeMap;
use std::collections::HashSet;

use glorieta_plan::{HostMatch, Route, TextMatch, ValueMatch};
use rustc_hash::FxHashMap;

use super::conditions::Conditions;
use super::hosts::{HostKey, Hosts};
use super::parameters::ParameterName;
use super::pattern::{Pattern, Rank, Segment};
use super::regexes::{self, Regexes};
use super::trie::Trie;
use super::{Captures, Cell, Entry, Problem, Site, Table};
use crate::reference::LookUp;

/// The patterns of one host in the order in which they are tried, each with its routes.
type Patterns<'a> = BTreeMap<(Rank, Vec<u8>), (&'a Pattern, Vec<u32>)>;

/// Everything that has been read of the routes, and what was wrong with them.
struct Builder<'a> {
    routes: &'a [Route],
    patterns: Vec<Option<Pattern>>,
    entries: Vec<Option<Entry>>,
    problems: Vec<Problem>,
    /// Pairs already reported: two routes may meet under several hosts.
    reported: HashSet<(u32, u32)>,
}

impl Table {
    /// Builds the table; indices that [`Table::find`] gives are those of `routes`. What references in their conditions
    /// name is looked up now. Two routes whose conditions refer to different places are different, whatever is there.
    ///
    /// # Errors
    /// Everything that is wrong, at once: paths, hosts and names that can never match, regular
    /// expressions that do not compile or are too large, two routes that match the same requests,
    /// two expressions of equal priority, and what `look_up` says.
    pub fn build(routes: &[Route], look_up: LookUp<'_>) -> Result<Table, Vec<Problem>> {
        let mut patterns = Vec::with_capacity(routes.len());
        let mut builder = Builder {
            routes,
            patterns: Vec::new(),
            entries: Vec::with_capacity(routes.len()),
            problems: Vec::new(),
            reported: HashSet::new(),
        };
        for (index, route) in routes.iter().enumerate() {
            let pattern = builder.note(index as u32, Pattern::read(route));
            let entry = pattern.as_ref().map(|pattern| Entry::read(route, pattern, look_up));
            let entry = entry.and_then(|entry| builder.note(index as u32, entry));
            patterns.push(pattern);
            builder.entries.push(entry);
        }
        builder.patterns = patterns;
        builder.finish()
    }
}

impl<'a> Builder<'a> {
    fn note<T>(&mut self, route: u32, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.problem(route, message)).ok()
    }

    fn problem(&mut self, route: u32, message: String) {
        self.problems.push(Problem { route: self.routes[route as usize].id.clone(), message });
    }

    fn finish(mut self) -> Result<Table, Vec<Problem>> {
        let patterns = std::mem::take(&mut self.patterns);
        let mut hosts = Hosts::default();
        let mut sites = Vec::new();
        for (key, mut found) in self.group(&patterns) {
            for (_, list) in found.values_mut() {
                self.sort(list);
            }
            self.check_expressions(&found);
            if let Some(site) = self.site(found) {
                hosts.insert(key, sites.len() as u32);
                sites.push(site);
            }
        }
        let entries: Vec<Entry> = self.entries.into_iter().flatten().collect();
        if !self.problems.is_empty() || entries.len() != self.routes.len() {
            return Err(self.problems);
        }
        let merges = self.routes.iter().any(|route| route.merge_slashes);
        Ok(Table { hosts, sites, entries, merges })
    }

    /// The patterns of every host.
    fn group<'p>(&mut self, patterns: &'p [Option<Pattern>]) -> BTreeMap<HostKey, Patterns<'p>> {
        let mut grouped: BTreeMap<HostKey, Patterns<'p>> = BTreeMap::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let (index, Some(pattern)) = (index as u32, pattern) else { continue };
            let route = &self.routes[index as usize];
            let any = [HostMatch::Any];
            let hosts = if route.hosts.is_empty() { &any[..] } else { &route.hosts };
            for host in hosts {
                let Some(key) = self.note(index, HostKey::read(host)) else { continue };
                let found = grouped.entry(key).or_default();
                let rank = pattern.rank(route.priority);
                let (_, list) = found.entry((rank, pattern.key())).or_insert_with(|| (pattern, Vec::new()));
                if !list.contains(&index) {
                    list.push(index);
                }
            }
        }
        grouped
    }

    /// Sorts routes of one path by what else they ask for; two that ask for the same are a problem.
    fn sort(&mut self, list: &mut [u32]) {
        if list.len() < 2 {
            return;
        }
        let rank = |&index: &u32| {
            let conditions = self.entries[index as usize].as_ref().map(|entry| entry.conditions.rank());
            (conditions, &self.routes[index as usize].id)
        };
        list.sort_by(|one, other| rank(one).cmp(&rank(other)));
        let mut seen = FxHashMap::default();
        for &index in list.iter() {
            if let Some(first) = seen.insert(conditions_key(&self.routes[index as usize]), index) {
                self.report(first, index, "matches the same requests as route");
            }
        }
    }

    /// Two expressions of one host need different priorities, unless their methods differ.
    fn check_expressions(&mut self, found: &Patterns<'_>) {
        let mut equal: Vec<u32> = Vec::new();
        let mut current = None;
        for ((rank, _), (_, list)) in found {
            let Rank::Regex(priority) = rank else { continue };
            if current.replace(*priority) != Some(*priority) {
                equal.clear();
            }
            for &index in list {
                if let Some(&first) = equal.iter().find(|&&first| self.overlap(first, index)) {
                    self.report(first, index, "needs another `priority` than the regular expression of route");
                }
            }
            equal.extend(list);
        }
    }

    fn overlap(&self, one: u32, other: u32) -> bool {
        match (&self.entries[one as usize], &self.entries[other as usize]) {
            (Some(one), Some(other)) => one.conditions.methods.overlap(&other.conditions.methods),
            _ => false,
        }
    }

    fn report(&mut self, first: u32, second: u32, what: &str) {
        if self.reported.insert((first, second)) {
            self.problem(second, format!("{what} {:?}", self.routes[first as usize].id));
        }
    }

    fn site(&mut self, found: Patterns<'_>) -> Option<Site> {
        let first = found.values().find_map(|(_, list)| list.first().copied())?;
        let mut site = Site {
            cells: Vec::new(),
            exact: FxHashMap::default(),
            trie: Trie::new(),
            regexes: Regexes::None,
            any: None,
        };
        let mut expressions = Vec::new();
        for (number, (pattern, list)) in found.into_values().enumerate() {
            let number = number as u32;
            match pattern {
                Pattern::Exact(text) => {
                    site.exact.insert(text.as_slice().into(), number);
                }
                Pattern::Parameters { .. } | Pattern::Prefix(_) => site.trie.insert(pattern, number),
                Pattern::Regex(text) => {
                    let compiled = list.iter().all(|&index| self.entries[index as usize].is_some());
                    if compiled {
                        expressions.push((text.as_str(), number));
                    }
                }
                Pattern::Any => site.any = Some(number),
            }
            site.cells.push(Cell { routes: list.into() });
        }
        site.regexes = self.note(first, Regexes::build(&expressions))?;
        Some(site)
    }
}

/// Equal for two routes exactly if they ask for the same methods, headers, query and words.
fn conditions_key(route: &Route) -> String {
    let mut methods = route.methods.clone();
    methods.sort_unstable();
    methods.dedup();
    let values = |list: &[ValueMatch], fold: bool| {
        let mut texts: Vec<String> = list.iter().map(|value| value_key(value, fold)).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    };
    let headers = values(&route.headers, true);
    format!("{methods:?}{headers:?}{:?}{:?}", values(&route.query, false), values(&route.words, false))
}

fn value_key(value: &ValueMatch, fold: bool) -> String {
    let name = if fold { value.name.to_ascii_lowercase() } else { value.name.clone() };
    let (kind, text) = match &value.value {
        TextMatch::Present => ("present", ""),
        TextMatch::Absent => ("absent", ""),
        TextMatch::Exact(text) => ("exact", text.as_str()),
        TextMatch::Prefix(text) => ("prefix", text.as_str()),
        TextMatch::Regex(text) => ("regex", text.as_str()),
    };
    format!("{name:?}{kind}{text:?}")
}

impl Entry {
    fn read(route: &Route, pattern: &Pattern, look_up: LookUp<'_>) -> Result<Entry, String> {
        let conditions = Conditions::read(route, look_up)?;
        Ok(Entry { conditions, merge: route.merge_slashes, captures: Captures::read(pattern)? })
    }
}

impl Captures {
    fn read(pattern: &Pattern) -> Result<Captures, String> {
        match pattern {
            Pattern::Exact(_) => Ok(Captures::None),
            Pattern::Prefix(text) => Ok(Captures::Rest(text.len())),
            Pattern::Any => Ok(Captures::Rest(0)),
            Pattern::Parameters { segments, rest } => {
                let name = |segment: &Segment| match segment {
                    Segment::Name(name) => Some(ParameterName::new(name)),
                    Segment::Literal(_) => None,
                };
                Ok(Captures::Segments(segments.iter().map(name).collect(), *rest))
            }
            Pattern::Regex(text) => {
                let regex = regexes::compile(text)?;
                let mut groups: Vec<(usize, ParameterName)> = Vec::new();
                for (index, name) in regex.capture_names().enumerate() {
                    let Some(name) = name.map(ParameterName::new) else { continue };
                    if groups.iter().any(|(_, known)| *known == name) {
                        return Err("two groups of the regular expression have names that cannot be told apart".into());
                    }
                    groups.push((index, name));
                }
                if groups.is_empty() { Ok(Captures::None) } else { Ok(Captures::Groups(Box::new(regex), groups)) }
            }
        }
    }
}
