//! A parsed pattern, with the measures on which limits are set.
//!
//! Names of groups and greed are not kept: a rule asks only whether a pattern
//! matches, and they have no influence on that.

use super::ranges::Ranges;
use super::unicode::Table;

/// A pattern or a part of one.
#[derive(Debug)]
pub(in crate::filter) struct Node {
    /// What it is.
    pub(in crate::filter) kind: Kind,
    /// Levels of operators, this one included, as Go counts them.
    pub(super) height: u32,
    /// How often counted repetitions copy the innermost part.
    pub(super) copies: u32,
    /// An upper bound of the bytes that it takes when compiled.
    pub(super) weight: u64,
}

/// What a node is.
#[derive(Debug)]
pub(in crate::filter) enum Kind {
    /// Matches the empty text.
    Empty,
    /// One character.
    Literal(char),
    /// One character of a set.
    Class(Class),
    /// A condition on a position.
    Look(Look),
    /// A capturing group.
    Group(Box<Node>),
    /// A repetition; no maximum means any number.
    Repeat { node: Box<Node>, min: u32, max: Option<u32> },
    /// One after another; at least two, and none is a `Concat` itself.
    Concat(Vec<Node>),
    /// One of several; at least two, and none is an `Alternate` itself.
    Alternate(Vec<Node>),
}

/// A condition on a position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::filter) enum Look {
    /// `\A`, and `^` without `m`.
    TextStart,
    /// `\z`, and `$` without `m`.
    TextEnd,
    /// `^` with `m`.
    LineStart,
    /// `$` with `m`.
    LineEnd,
    /// `\b`, for words of ASCII letters, digits and `_`.
    WordBoundary,
    /// `\B`.
    NotWordBoundary,
}

/// A set of characters.
#[derive(Debug, Default)]
pub(in crate::filter) struct Class {
    /// Members by number, in normal form.
    pub(super) ranges: Ranges,
    /// Members by Unicode property.
    pub(super) tables: Vec<Table>,
    /// Whether all but these are members; only where there are tables.
    pub(super) negated: bool,
}

impl Class {
    pub(super) fn new(mut ranges: Ranges, tables: Vec<Table>, negated: bool) -> Self {
        ranges.normalise();
        if tables.is_empty() && negated {
            return Self { ranges: ranges.complement(), ..Self::default() };
        }
        Self { ranges, tables, negated }
    }

    fn weight(&self) -> u64 {
        let ranges = self.ranges.pairs().iter().map(|&(_, last)| match last {
            0..0x80 => ASCII_RANGE_WEIGHT,
            _ => RANGE_WEIGHT,
        });
        STATE_WEIGHT + ranges.sum::<u64>() + TABLE_WEIGHT * self.tables.len() as u64
    }
}

/// Bytes of a state of the compiled automaton.
const STATE_WEIGHT: u64 = 64;
/// Bytes of a transition.
const ASCII_RANGE_WEIGHT: u64 = 16;
/// Bytes of a range that is compiled to sequences of UTF-8 bytes.
const RANGE_WEIGHT: u64 = 1536;
/// Bytes of the largest Unicode property.
const TABLE_WEIGHT: u64 = 64 << 10;

impl Node {
    pub(super) fn empty() -> Self {
        Self::leaf(Kind::Empty, STATE_WEIGHT)
    }

    /// One code point. A surrogate is a class, one that no text matches.
    pub(super) fn literal(code_point: u32) -> Self {
        match char::from_u32(code_point) {
            Some(c) => Self::leaf(Kind::Literal(c), STATE_WEIGHT * c.len_utf8() as u64),
            None => Self::ranges(Ranges::new(&[(code_point, code_point)])),
        }
    }

    pub(super) fn ranges(ranges: Ranges) -> Self {
        Self::class(Class::new(ranges, Vec::new(), false))
    }

    pub(super) fn class(class: Class) -> Self {
        let weight = class.weight();
        Self::leaf(Kind::Class(class), weight)
    }

    pub(super) fn look(look: Look) -> Self {
        Self::leaf(Kind::Look(look), STATE_WEIGHT)
    }

    fn leaf(kind: Kind, weight: u64) -> Self {
        Self { kind, height: 1, copies: 1, weight }
    }

    pub(super) fn group(self) -> Self {
        let Self { height, copies, weight, .. } = self;
        Self { kind: Kind::Group(Box::new(self)), height: height + 1, copies, weight }
    }

    pub(super) fn repeat(self, min: u32, max: Option<u32>) -> Self {
        let height = self.height + 1;
        let times = max.unwrap_or(min).max(1);
        let copies = self.copies.saturating_mul(times);
        let once = self.weight.saturating_add(STATE_WEIGHT);
        let weight = once.saturating_mul(u64::from(times) + 1);
        match max {
            Some(0) => Self { height, ..Self::empty() },
            _ => {
                let kind = Kind::Repeat { node: Box::new(self), min, max };
                Self { kind, height, copies, weight }
            }
        }
    }

    pub(super) fn concat(nodes: Vec<Self>) -> Self {
        // Go keeps a run of characters as one node, so it adds no level.
        let is_string = nodes.iter().all(|node| matches!(node.kind, Kind::Literal(_)));
        let flat = flatten(nodes, |kind| match kind {
            Kind::Concat(inner) => Ok(inner),
            other => Err(other),
        });
        let concat = Self::several(flat, Kind::Concat);
        if is_string { Self { height: 1, ..concat } } else { concat }
    }

    pub(super) fn alternate(nodes: Vec<Self>) -> Self {
        let flat = flatten(nodes, |kind| match kind {
            Kind::Alternate(inner) => Ok(inner),
            other => Err(other),
        });
        Self::several(flat, Kind::Alternate)
    }

    fn several(mut nodes: Vec<Self>, kind: fn(Vec<Self>) -> Kind) -> Self {
        match nodes.pop() {
            None => Self::empty(),
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                Self {
                    height: 1 + nodes.iter().map(|node| node.height).max().unwrap_or(0),
                    copies: nodes.iter().map(|node| node.copies).max().unwrap_or(1),
                    weight: nodes.iter().fold(STATE_WEIGHT, |sum, node| {
                        sum.saturating_add(node.weight).saturating_add(ASCII_RANGE_WEIGHT)
                    }),
                    kind: kind(nodes),
                }
            }
        }
    }
}

/// Replaces nodes by those inside them, where `open` finds some.
fn flatten(nodes: Vec<Node>, open: fn(Kind) -> Result<Vec<Node>, Kind>) -> Vec<Node> {
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match open(node.kind) {
            Ok(inner) => flat.extend(inner),
            Err(kind) => flat.push(Node { kind, ..node }),
        }
    }
    flat
}
