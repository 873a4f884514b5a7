//! Patterns by segment: one step per segment of a path, however many routes there are.
//!
//! Prefixes and patterns with parameters share one tree. A search visits at most the nodes that
//! the path leads to and reports every pattern that matches, so that the next best can be tried
//! when the best one's headers or method do not fit.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::pattern::{Pattern, Segment};

/// Up to this many literal children are compared one by one; beyond it they are hashed.
const FEW: usize = 6;

const NONE: u32 = u32::MAX;

/// The numbers of cells whose pattern matches; smaller is better.
pub(super) type Cells = SmallVec<[u32; 16]>;

#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    children: Children,
    /// The child for any one segment that is not empty.
    parameter: u32,
    /// The cell of the pattern that ends here.
    end: u32,
    /// The cell of the pattern with parameters that matches here and below.
    rest: u32,
    /// The cell of the prefix that matches here and below.
    prefix: u32,
}

#[derive(Debug)]
enum Children {
    Few(SmallVec<[(Box<[u8]>, u32); 1]>),
    Many(FxHashMap<Box<[u8]>, u32>),
}

impl Node {
    fn new() -> Node {
        Node { children: Children::Few(SmallVec::new()), parameter: NONE, end: NONE, rest: NONE, prefix: NONE }
    }
}

impl Children {
    fn get(&self, segment: &[u8]) -> Option<u32> {
        match self {
            Children::Few(list) => list.iter().find(|(text, _)| **text == *segment).map(|(_, child)| *child),
            Children::Many(map) => map.get(segment).copied(),
        }
    }

    fn insert(&mut self, segment: &[u8], child: u32) {
        match self {
            Children::Few(list) if list.len() < FEW => list.push((segment.into(), child)),
            Children::Few(list) => {
                let mut map: FxHashMap<Box<[u8]>, u32> = list.drain(..).collect();
                map.insert(segment.into(), child);
                *self = Children::Many(map);
            }
            Children::Many(map) => {
                map.insert(segment.into(), child);
            }
        }
    }
}

impl Trie {
    pub(super) fn new() -> Trie {
        Trie { nodes: vec![Node::new()] }
    }

    /// Adds a prefix or a pattern with parameters; other patterns have no place here.
    pub(super) fn insert(&mut self, pattern: &Pattern, cell: u32) {
        match pattern {
            Pattern::Prefix(text) => {
                let mut node = 0;
                for segment in text.split(|&byte| byte == b'/').skip(1) {
                    node = self.literal_child(node, segment);
                }
                self.nodes[node as usize].prefix = cell;
            }
            Pattern::Parameters { segments, rest } => {
                let mut node = 0;
                for segment in segments {
                    node = match segment {
                        Segment::Literal(text) => self.literal_child(node, text),
                        Segment::Name(_) => self.parameter_child(node),
                    };
                }
                let node = &mut self.nodes[node as usize];
                *(if *rest { &mut node.rest } else { &mut node.end }) = cell;
            }
            Pattern::Exact(_) | Pattern::Regex(_) | Pattern::Any => {}
        }
    }

    fn literal_child(&mut self, node: u32, segment: &[u8]) -> u32 {
        if let Some(child) = self.nodes[node as usize].children.get(segment) {
            return child;
        }
        let child = self.add();
        self.nodes[node as usize].children.insert(segment, child);
        child
    }

    fn parameter_child(&mut self, node: u32) -> u32 {
        if self.nodes[node as usize].parameter == NONE {
            self.nodes[node as usize].parameter = self.add();
        }
        self.nodes[node as usize].parameter
    }

    fn add(&mut self) -> u32 {
        self.nodes.push(Node::new());
        (self.nodes.len() - 1) as u32
    }

    /// Reports every pattern that matches, in no order. A path without a leading slash (`*`) is
    /// matched by the empty prefix only.
    pub(super) fn search(&self, path: &[u8], found: &mut impl FnMut(u32)) {
        match path.first() {
            Some(b'/') => self.visit(0, path, Some(1), found),
            _ if self.nodes[0].prefix != NONE => found(self.nodes[0].prefix),
            _ => {}
        }
    }

    /// `start` is where the next segment begins; `None` once the path has ended.
    fn visit(&self, node: u32, path: &[u8], start: Option<usize>, found: &mut impl FnMut(u32)) {
        let node = &self.nodes[node as usize];
        for cell in [node.prefix, node.rest] {
            if cell != NONE {
                found(cell);
            }
        }
        let Some(start) = start else {
            if node.end != NONE {
                found(node.end);
            }
            return;
        };
        let length = path[start..].iter().position(|&byte| byte == b'/');
        let end = length.map_or(path.len(), |length| start + length);
        let next = length.map(|_| end + 1);
        let segment = &path[start..end];
        if let Some(child) = node.children.get(segment) {
            self.visit(child, path, next, found);
        }
        if node.parameter != NONE && !segment.is_empty() {
            self.visit(node.parameter, path, next, found);
        }
    }
}
