//! Regular expressions: anchored, in linear time, with a bound on what they may cost.
//!
//! All of a host's are searched for at once, so that a hundred cost little more than one.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::trie::Cells;

/// The largest program of one expression, in bytes.
const SIZE: usize = 256 * 1024;
/// The largest program of all expressions of one host, in bytes.
const SET_SIZE: usize = 64 * 1024 * 1024;
/// The most memory that one search's cache of states may take, in bytes.
const CACHE_SIZE: usize = 4 * 1024 * 1024;

/// Compiles an expression that must match all of a text. Texts are bytes: `.` and `\w` are ASCII.
pub(super) fn compile(text: &str) -> Result<Regex, String> {
    // Alone first: `a)|(b` would come out of the group that anchors it.
    build(text).map_err(|error| format!("the regular expression {text:?} {}", explain(&error)))?;
    build(&anchored(text)).map_err(|error| format!("the regular expression {text:?} {}", explain(&error)))
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).size_limit(SIZE).build()
}

fn anchored(text: &str) -> String {
    format!(r"\A(?:{text})\z")
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(size) => format!("needs more than {} KiB when compiled", size / 1024),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("is not valid: {}", last.strip_prefix("error: ").unwrap_or(last))
        }
    }
}

/// The expressions of one host, the best first.
#[derive(Debug)]
pub(super) enum Regexes {
    None,
    One(Box<Regex>, u32),
    Many(RegexSet, Box<[u32]>),
}

impl Regexes {
    /// `list` holds expressions that [`compile`] accepted, and their cells.
    pub(super) fn build(list: &[(&str, u32)]) -> Result<Regexes, String> {
        match list {
            [] => Ok(Regexes::None),
            [(text, cell)] => Ok(Regexes::One(Box::new(compile(text)?), *cell)),
            _ => {
                let set = RegexSetBuilder::new(list.iter().map(|(text, _)| anchored(text)))
                    .unicode(false)
                    .size_limit(SET_SIZE)
                    .dfa_size_limit(CACHE_SIZE)
                    .build()
                    .map_err(|error| {
                        format!("the {} regular expressions of this host {}", list.len(), explain(&error))
                    })?;
                Ok(Regexes::Many(set, list.iter().map(|(_, cell)| *cell).collect()))
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Regexes::None)
    }

    /// Adds the cells of all that match.
    pub(super) fn search(&self, path: &[u8], found: &mut Cells) {
        match self {
            Regexes::None => {}
            Regexes::One(regex, cell) => {
                if regex.is_match(path) {
                    found.push(*cell);
                }
            }
            Regexes::Many(set, cells) => found.extend(set.matches(path).into_iter().map(|index| cells[index])),
        }
    }
}
