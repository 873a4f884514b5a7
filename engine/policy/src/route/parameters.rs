//! What a path's parameters are: spans into the path, found by the hash of their name.
//!
//! A request carries numbers only, so that filling them neither allocates nor touches a shared
//! reference count. Two names of one route with the same hash are refused when the table is built.

use std::hash::Hasher;

use glorieta_core::Span;
use rustc_hash::FxHasher;
use smallvec::SmallVec;

/// The name under which the rest of a path is found: what `*` stood for.
pub const REST: &str = "*";

/// A parameter's name as it is looked up: its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterName(u64);

impl ParameterName {
    pub fn new(name: &str) -> ParameterName {
        let mut hasher = FxHasher::default();
        hasher.write(name.as_bytes());
        ParameterName(hasher.finish())
    }
}

/// The parameters of a matched path. Reused from request to request.
///
/// Spans are into the path that was matched: for a route with `merge_slashes` the merged path
/// ([`crate::path::merge_slashes`]), for all others the path as it stands in the head.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    list: SmallVec<[(ParameterName, Span); 4]>,
}

impl Parameters {
    pub fn clear(&mut self) {
        self.list.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn push(&mut self, name: ParameterName, start: usize, end: usize) {
        self.list.push((name, Span::new(start, end)));
    }

    /// The value of a parameter, still percent-encoded; `path` is the path that was matched.
    pub fn get<'a>(&self, name: &str, path: &'a [u8]) -> Option<&'a [u8]> {
        self.find(ParameterName::new(name), path)
    }

    /// As [`Parameters::get`], with the name hashed beforehand.
    pub fn find<'a>(&self, name: ParameterName, path: &'a [u8]) -> Option<&'a [u8]> {
        let (_, span) = self.list.iter().find(|(known, _)| *known == name)?;
        path.get(span.start as usize..(span.start + span.length) as usize)
    }
}
