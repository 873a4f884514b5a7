//! Reading the path patterns of a Plan, and the order of precedence between them.

use std::cmp::Reverse;

use glorieta_plan::{PathMatch, Route};

use super::parameters::{ParameterName, REST};
use crate::path;

/// More segments than any service has; the search is as deep as the longest pattern.
const MAX_SEGMENTS: usize = 128;

/// A path pattern, checked and in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Exact(Vec<u8>),
    Parameters {
        segments: Vec<Segment>,
        rest: bool,
    },
    /// Without the slash at its end; all paths where it is empty.
    Prefix(Vec<u8>),
    Regex(String),
    /// What no other pattern of the host takes.
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Vec<u8>),
    Name(String),
}

/// The place of a pattern among those of one host: the smallest matches first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Exact,
    Parameters {
        literals: Reverse<usize>,
        rest: bool,
        segments: Reverse<usize>,
        /// Where they are equal, the one whose literals stand further left.
        names: Vec<bool>,
    },
    Prefix(Reverse<usize>),
    Regex(Reverse<i32>),
    Any,
}

impl Pattern {
    pub(super) fn read(route: &Route) -> Result<Pattern, String> {
        match &route.path {
            PathMatch::Exact(text) if text == "*" => Ok(Pattern::Exact(b"*".to_vec())),
            PathMatch::Exact(text) => Ok(Pattern::Exact(literal(text, route.merge_slashes)?)),
            PathMatch::Prefix(text) if text.is_empty() || text == "/" => Ok(Pattern::Prefix(Vec::new())),
            PathMatch::Prefix(text) => prefix(literal(text, route.merge_slashes)?),
            PathMatch::Parameters(text) => parameters(text, route.merge_slashes),
            PathMatch::Regex(text) => Ok(Pattern::Regex(text.clone())),
            PathMatch::Any => Ok(Pattern::Any),
        }
    }

    pub(super) fn rank(&self, priority: i32) -> Rank {
        match self {
            Pattern::Exact(_) => Rank::Exact,
            Pattern::Parameters { segments, rest } => {
                let names: Vec<bool> = segments.iter().map(|segment| matches!(segment, Segment::Name(_))).collect();
                Rank::Parameters {
                    literals: Reverse(names.iter().filter(|&&name| !name).count()),
                    rest: *rest,
                    segments: Reverse(segments.len()),
                    names,
                }
            }
            Pattern::Prefix(text) => Rank::Prefix(Reverse(text.len())),
            Pattern::Regex(_) => Rank::Regex(Reverse(priority)),
            Pattern::Any => Rank::Any,
        }
    }

    /// Equal for two patterns exactly if they match the same paths (regexes: are the same text).
    pub(super) fn key(&self) -> Vec<u8> {
        match self {
            Pattern::Exact(text) | Pattern::Prefix(text) => text.clone(),
            Pattern::Regex(text) => text.as_bytes().to_vec(),
            Pattern::Any => Vec::new(),
            Pattern::Parameters { segments, rest } => {
                let mut key = Vec::new();
                for segment in segments {
                    key.push(b'/');
                    match segment {
                        Segment::Literal(text) => key.extend_from_slice(text),
                        Segment::Name(_) => key.extend_from_slice(b"{}"),
                    }
                }
                if *rest {
                    key.extend_from_slice(b"/*");
                }
                key
            }
        }
    }
}

/// A literal path in the form that requests have when they are matched.
fn literal(text: &str, merge: bool) -> Result<Vec<u8>, String> {
    if !text.starts_with('/') {
        return Err(format!("the path {text:?} must begin with a slash"));
    }
    let encoded = encode(text);
    let mut normal = Vec::new();
    let changed = path::normalise(&encoded, &mut normal)
        .map_err(|error| format!("the path {text:?} can never match: it {}", error.detail()))?;
    let normal = if changed { normal } else { encoded };
    if !merge {
        return Ok(normal);
    }
    let mut merged = Vec::new();
    path::merge_slashes(&normal, &mut merged);
    Ok(merged)
}

/// Blanks and letters outside ASCII as they arrive in requests: percent-encoded UTF-8.
fn encode(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b' ' || byte >= 0x80 {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            encoded.push(byte);
        }
    }
    encoded
}

fn prefix(text: Vec<u8>) -> Result<Pattern, String> {
    if text == b"/" {
        return Ok(Pattern::Prefix(Vec::new()));
    }
    match text.iter().filter(|&&byte| byte == b'/').count() {
        count if count > MAX_SEGMENTS => Err(format!("the path has more than {MAX_SEGMENTS} segments")),
        _ => Ok(Pattern::Prefix(text)),
    }
}

fn parameters(text: &str, merge: bool) -> Result<Pattern, String> {
    let Some(inner) = text.strip_prefix('/') else {
        return Err(format!("the path {text:?} must begin with a slash"));
    };
    let (inner, rest) = match inner.strip_suffix("/*") {
        Some(inner) => (inner, true),
        None if inner == "*" => return Ok(Pattern::Prefix(Vec::new())),
        None => (inner, false),
    };
    let mut segments = Vec::new();
    for part in inner.split('/') {
        segments.push(segment(text, part, merge)?);
    }
    if segments.len() > MAX_SEGMENTS {
        return Err(format!("the path has more than {MAX_SEGMENTS} segments"));
    }
    check_names(text, &segments)?;
    if segments.iter().any(|segment| matches!(segment, Segment::Name(_))) {
        return Ok(Pattern::Parameters { segments, rest });
    }
    let plain = literal(&format!("/{inner}"), merge)?;
    if rest { prefix(plain) } else { Ok(Pattern::Exact(plain)) }
}

fn segment(text: &str, part: &str, merge: bool) -> Result<Segment, String> {
    if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        return match begins && plain {
            true => Ok(Segment::Name(name.to_owned())),
            false => Err(format!("{part:?} in the path {text:?} is no parameter; write a name such as {{id}}")),
        };
    }
    if part.contains(['{', '}', '*']) {
        return Err(format!(
            "{part:?} in the path {text:?} mixes text and pattern; a parameter is a whole segment, `*` the last one"
        ));
    }
    if matches!(part, "." | "..") || (merge && part.is_empty()) {
        return Err(format!(
            "the path {text:?} can never match: requests have no segment {part:?} when they are matched"
        ));
    }
    let whole = literal(&format!("/{part}"), false)?;
    Ok(Segment::Literal(whole[1..].to_vec()))
}

fn check_names(text: &str, segments: &[Segment]) -> Result<(), String> {
    let mut seen = vec![(REST, ParameterName::new(REST))];
    for segment in segments {
        let Segment::Name(name) = segment else { continue };
        let hashed = ParameterName::new(name);
        if seen.iter().any(|(_, known)| *known == hashed) {
            return Err(format!("the path {text:?} has two parameters {name:?}"));
        }
        seen.push((name, hashed));
    }
    Ok(())
}
