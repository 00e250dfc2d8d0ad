//! Whether two patterns have a text in common that each of them matches whole.
//!
//! Both become automata, and pairs of their states are walked until both match
//! at once. A Unicode property counts as every character and a word boundary as
//! met, so the answer may be yes where it should be no, but never the other way
//! round. Texts are single lines, as paths are.

use super::ast::{Kind, Look, Node};
use super::{PatternError, parser};

/// States that a pattern may need. Only counted repetitions need more.
const STATES_MAX: usize = 5_000;
/// The most pairs of states that are compared before the question is given up.
const PAIRS_MAX: usize = 8 << 20;

/// The state that every automaton ends in.
const MATCH: usize = 0;

/// A pattern as an automaton.
#[derive(Debug, Clone)]
pub struct Automaton {
    states: Vec<State>,
    start: usize,
}

#[derive(Debug, Clone)]
enum State {
    Match,
    /// Goes on in all of them.
    Fork(Vec<usize>),
    /// Takes one character of these ranges.
    Step(Vec<(u32, u32)>, usize),
    Start(usize),
    End(usize),
}

/// Whether a pattern repeats one character by itself, as `/*` does.
#[must_use]
pub fn repeats(pattern: &str, character: char) -> bool {
    parser::parse(pattern).is_ok_and(|parsed| has_repeat(&parsed.node, character))
}

fn has_repeat(node: &Node, character: char) -> bool {
    match &node.kind {
        Kind::Repeat { node, max, .. } => {
            let is_it = matches!(node.kind, Kind::Literal(c) if c == character);
            (is_it && *max != Some(1)) || has_repeat(node, character)
        }
        Kind::Concat(nodes) | Kind::Alternate(nodes) => {
            nodes.iter().any(|node| has_repeat(node, character))
        }
        Kind::Empty | Kind::Literal(_) | Kind::Class(_) | Kind::Look(_) => false,
    }
}

impl Automaton {
    /// Builds the automaton of a pattern in Go's dialect; `None` if it is too
    /// large.
    ///
    /// # Errors
    /// If Go refuses the pattern.
    pub fn of(pattern: &str) -> Result<Option<Self>, PatternError> {
        let refuse = |reason| PatternError { pattern: pattern.to_owned(), reason };
        let node = parser::parse(pattern).map_err(refuse)?.node;
        let mut automaton = Self { states: vec![State::Match], start: MATCH };
        Ok(automaton.add(&node, MATCH).map(|start| Self { start, ..automaton }))
    }

    /// Whether some text is matched by both; `None` if that would take too long.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> Option<bool> {
        let mut seen = Seen::of(self.states.len(), other.states.len())?;
        let mut open =
            vec![Pair { one: self.start, other: other.start, begun: false, over: false }];
        while let Some(pair) = open.pop() {
            if pair.one == MATCH && pair.other == MATCH {
                return Some(true);
            }
            if seen.is_new(pair) {
                self.follow(other, pair, &mut open);
            }
        }
        Some(false)
    }

    fn follow(&self, other: &Self, pair: Pair, open: &mut Vec<Pair>) {
        let (Some(one), Some(two)) = (self.states.get(pair.one), other.states.get(pair.other))
        else {
            return;
        };
        if let (State::Step(ours, one), State::Step(theirs, other)) = (one, two) {
            if !pair.over && intersect(ours, theirs) {
                open.push(Pair { one: *one, other: *other, begun: true, over: false });
            }
            return;
        }
        pair.without_step(one, |pair, one| Pair { one, ..pair }, open);
        if matches!(one, State::Match | State::Step(..)) {
            pair.without_step(two, |pair, other| Pair { other, ..pair }, open);
        }
    }

    /// Adds a node that goes on in `next`; its first state.
    fn add(&mut self, node: &Node, next: usize) -> Option<usize> {
        match &node.kind {
            Kind::Empty => Some(next),
            Kind::Literal(c) => self.push(State::Step(vec![(u32::from(*c), u32::from(*c))], next)),
            Kind::Class(class) if class.tables.is_empty() => {
                self.push(State::Step(class.ranges.pairs().to_vec(), next))
            }
            Kind::Class(_) => self.push(State::Step(vec![(0, u32::MAX)], next)),
            Kind::Look(Look::TextStart | Look::LineStart) => self.push(State::Start(next)),
            Kind::Look(Look::TextEnd | Look::LineEnd) => self.push(State::End(next)),
            Kind::Look(Look::WordBoundary | Look::NotWordBoundary) => Some(next),
            Kind::Concat(nodes) => {
                nodes.iter().rev().try_fold(next, |next, node| self.add(node, next))
            }
            Kind::Alternate(nodes) => {
                let starts = nodes.iter().map(|node| self.add(node, next));
                let starts = starts.collect::<Option<Vec<_>>>()?;
                self.push(State::Fork(starts))
            }
            Kind::Repeat { node, min, max } => self.add_repeat(node, *min, *max, next),
        }
    }

    fn add_repeat(
        &mut self,
        node: &Node,
        min: u32,
        max: Option<u32>,
        mut next: usize,
    ) -> Option<usize> {
        match max {
            None => {
                let fork = self.push(State::Fork(Vec::new()))?;
                let again = self.add(node, fork)?;
                *self.states.get_mut(fork)? = State::Fork(vec![again, next]);
                next = fork;
            }
            Some(max) => {
                let end = next;
                for _ in min..max {
                    let once = self.add(node, next)?;
                    next = self.push(State::Fork(vec![once, end]))?;
                }
            }
        }
        (0..min).try_fold(next, |next, _| self.add(node, next))
    }

    fn push(&mut self, state: State) -> Option<usize> {
        self.states.push(state);
        (self.states.len() <= STATES_MAX).then(|| self.states.len() - 1)
    }
}

/// A state of each automaton, and how much of the text was read to reach them.
#[derive(Debug, Clone, Copy)]
struct Pair {
    one: usize,
    other: usize,
    /// Whether a character was read.
    begun: bool,
    /// Whether none may follow.
    over: bool,
}

impl Pair {
    /// Goes on from a state that reads nothing.
    fn without_step(self, state: &State, to: fn(Self, usize) -> Self, open: &mut Vec<Self>) {
        match state {
            State::Fork(next) => open.extend(next.iter().rev().map(|next| to(self, *next))),
            State::Start(next) if !self.begun => open.push(to(self, *next)),
            State::End(next) => open.push(to(Self { over: true, ..self }, *next)),
            State::Start(_) | State::Step(..) | State::Match => {}
        }
    }
}

/// The pairs that were visited, a bit for each.
struct Seen {
    bits: Vec<u64>,
    others: usize,
}

impl Seen {
    fn of(ones: usize, others: usize) -> Option<Self> {
        let pairs = ones.checked_mul(others)?.checked_mul(4).filter(|pairs| *pairs <= PAIRS_MAX)?;
        Some(Self { bits: vec![0; pairs / 64 + 1], others })
    }

    fn is_new(&mut self, Pair { one, other, begun, over }: Pair) -> bool {
        let index = (one * self.others + other) * 4 + usize::from(begun) * 2 + usize::from(over);
        let Some(word) = self.bits.get_mut(index / 64) else { return false };
        let bit = 1 << (index % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

fn intersect(ours: &[(u32, u32)], theirs: &[(u32, u32)]) -> bool {
    let meets = |a: &(u32, u32), b: &(u32, u32)| a.0 <= b.1 && b.0 <= a.1;
    ours.iter().any(|a| theirs.iter().any(|b| meets(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(one: &str, other: &str) -> Option<bool> {
        let automaton = |pattern| Automaton::of(pattern).unwrap();
        automaton(one)?.overlaps(&automaton(other)?)
    }

    #[test]
    fn patterns_overlap_if_some_text_is_matched_by_both() {
        let rows = [
            ("", "", true),
            ("a", "", false),
            ("a", "a", true),
            ("a|b", "c|b", true),
            ("a*", "b*", true),
            ("a+", "b+", false),
            ("(ab)*", "a(ba)*b", true),
            ("(aa)+", "a(aa)*", false),
            ("a{3}", "a{2}a", true),
            ("a{3}", "a{4,}", false),
            ("a{2,4}", "a{4,9}", true),
            ("[a-m]+", "[m-z]+", true),
            ("[a-l]+", "[m-z]+", false),
            ("[^/]+", "/", false),
            ("^a$", "a", true),
            ("a$b", "ab", false),
            ("a^b", "ab", false),
            ("(^|x)a", "a", true),
            ("a$|b", "a", true),
            (r"a\b", "a", true),
            (r"\pL", "7", true),
            (".*x.*", "[^x]*", false),
            ("(a|aa)*b", "(aaa)+b", true),
        ];
        for (one, other, expected) in rows {
            assert_eq!(overlap(one, other), Some(expected), "{one} {other}");
            assert_eq!(overlap(other, one), Some(expected), "{other} {one}");
        }
    }

    #[test]
    fn a_repeated_character_is_found_wherever_it_is() {
        for pattern in ["/*", "/a/+", "(b|/*)c", "/{2}", "(/*)?"] {
            assert!(repeats(pattern, '/'), "{pattern}");
        }
        for pattern in ["/", "/?", "/.*", "(/a)*", "[/]*", r"/\*", "("] {
            assert!(!repeats(pattern, '/'), "{pattern}");
        }
    }

    #[test]
    fn a_question_that_takes_too_long_is_not_answered() {
        assert_eq!(overlap("(abcdefghijklmnopqrstu){1000}", "c"), None);
        assert_eq!(overlap("(abc){999}", "(abc){998}"), None);
    }
}
