//! A parsed pattern, with the measures on which limits are set.
//!
//! Names of groups and greed are not kept: a rule asks only whether a pattern
//! matches, and they have no influence on that.

use super::ranges::Ranges;
use super::unicode::Table;

/// A pattern or a part of one.
#[derive(Debug)]
pub(in crate::filter) struct Node {
    /// Its kind.
    pub(in crate::filter) kind: Kind,
    /// Whether a capturing group encloses it.
    captured: bool,
    /// Levels of operators, this one included, as Go counts them.
    pub(super) height: u32,
    /// Levels of groups that the printer needs.
    pub(super) depth: u32,
    /// How often counted repetitions copy the innermost part.
    pub(super) copies: u32,
    /// An upper bound of the bytes that it takes when compiled.
    pub(super) weight: u64,
}

/// The kind of a node.
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
    /// A repetition; no maximum means any number.
    Repeat { node: Box<Node>, min: u32, max: Option<u32> },
    /// One after another; at least two, and none is a `Concat` itself.
    Concat(Vec<Node>),
    /// One of several; at least two, and none is an `Alternate` itself.
    Alternate(Vec<Node>),
}

impl Kind {
    /// Whether a repetition can follow without a group.
    pub(super) fn is_atom(&self) -> bool {
        matches!(self, Self::Literal(_) | Self::Class(_))
    }

    pub(super) fn is_alternate(&self) -> bool {
        matches!(self, Self::Alternate(_))
    }
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
        Self { kind, captured: false, height: 1, depth: 0, copies: 1, weight }
    }

    pub(super) fn captured(self) -> Self {
        Self { captured: true, height: self.height + 1, ..self }
    }

    pub(super) fn repeat(self, min: u32, max: Option<u32>) -> Self {
        let height = self.height + 1;
        if max == Some(0) {
            return Self { height, ..Self::empty() };
        }
        let times = max.unwrap_or(min).max(1);
        let once = self.weight.saturating_add(STATE_WEIGHT);
        Self {
            captured: false,
            height,
            depth: self.depth + u32::from(!self.kind.is_atom()),
            copies: self.copies.saturating_mul(times),
            weight: once.saturating_mul(u64::from(times)),
            kind: Kind::Repeat { node: Box::new(self), min, max },
        }
    }

    pub(super) fn concat(nodes: Vec<Self>) -> Self {
        // Go keeps a run of characters as one node, so it adds no level.
        let is_character = |node: &Self| matches!(node.kind, Kind::Literal(_)) && !node.captured;
        let is_string = nodes.iter().all(is_character);
        let depth = |node: &Self| node.depth + u32::from(node.kind.is_alternate());
        let concat = Self::several(nodes, depth, Kind::Concat, |kind| match kind {
            Kind::Concat(inner) => Ok(inner),
            other => Err(other),
        });
        if is_string { Self { height: 1, ..concat } } else { concat }
    }

    pub(super) fn alternate(nodes: Vec<Self>) -> Self {
        let depth = |node: &Self| node.depth;
        Self::several(nodes, depth, Kind::Alternate, |kind| match kind {
            Kind::Alternate(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// A node of several; those inside which `open` finds nodes are replaced
    /// by them.
    fn several(
        mut nodes: Vec<Self>,
        depth: fn(&Self) -> u32,
        kind: fn(Vec<Self>) -> Kind,
        open: fn(Kind) -> Result<Vec<Self>, Kind>,
    ) -> Self {
        match nodes.pop() {
            None => return Self::empty(),
            Some(only) if nodes.is_empty() => return only,
            Some(last) => nodes.push(last),
        }
        let mut several = Self::leaf(Kind::Empty, STATE_WEIGHT);
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            several.depth = several.depth.max(depth(&node));
            several.copies = several.copies.max(node.copies);
            several.weight =
                several.weight.saturating_add(node.weight).saturating_add(ASCII_RANGE_WEIGHT);
            let merged = open(node.kind);
            // In Go a capturing group keeps nodes from being merged.
            let levels = u32::from(merged.is_err() || node.captured);
            several.height = several.height.max(node.height + levels);
            match merged {
                Ok(inner) => flat.extend(inner),
                Err(kind) => flat.push(Self { kind, ..node }),
            }
        }
        Self { kind: kind(flat), ..several }
    }
}
