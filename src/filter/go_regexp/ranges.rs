//! Sets of code points as sorted ranges.
//!
//! Code points are plain numbers, since Go's classes may name surrogates;
//! those are left out when a set is printed, as no text contains them.

/// The last code point.
pub(super) const LAST: u32 = 0x10_FFFF;

/// A set of code points. In normal form, which [`Ranges::normalise`] restores
/// after additions, its ranges ascend and do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// A set from ranges in any order.
    pub(super) fn new(pairs: &[(u32, u32)]) -> Self {
        let mut ranges = Self(pairs.to_vec());
        ranges.normalise();
        ranges
    }

    /// The ranges, first and last code point included.
    pub(super) fn pairs(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether the set, which is in normal form, contains a character.
    pub(super) fn contains(&self, character: char) -> bool {
        let code_point = u32::from(character);
        let index = self.0.partition_point(|&(_, last)| last < code_point);
        self.0.get(index).is_some_and(|&(first, _)| first <= code_point)
    }

    /// Adds a range.
    pub(super) fn add(&mut self, first: u32, last: u32) {
        self.0.push((first, last));
    }

    /// Adds another set.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Sorts the ranges and merges those that touch.
    pub(super) fn normalise(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, kept| {
            let touches = next.0 <= kept.1.saturating_add(1);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
    }

    /// All code points that are not in this set, which is in normal form.
    pub(super) fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = 0;
        for &(first, last) in &self.0 {
            if next < first {
                gaps.push((next, first - 1));
            }
            next = last + 1;
        }
        if next <= LAST {
            gaps.push((next, LAST));
        }
        Self(gaps)
    }

    /// The ranges as characters, without surrogates.
    pub(super) fn characters(&self) -> impl Iterator<Item = (char, char)> + '_ {
        self.0.iter().filter_map(|&(first, last)| {
            let first = if is_surrogate(first) { 0xE000 } else { first };
            let last = if is_surrogate(last) { 0xD7FF } else { last };
            let characters = (char::from_u32(first)?, char::from_u32(last)?);
            (first <= last).then_some(characters)
        })
    }
}

impl FromIterator<char> for Ranges {
    fn from_iter<I: IntoIterator<Item = char>>(characters: I) -> Self {
        let mut ranges =
            Self(characters.into_iter().map(|c| (u32::from(c), u32::from(c))).collect());
        ranges.normalise();
        ranges
    }
}

fn is_surrogate(code_point: u32) -> bool {
    (0xD800..=0xDFFF).contains(&code_point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(u32, u32)], normal: &[(u32, u32)], complement: &[(u32, u32)]) {
        let ranges = Ranges::new(pairs);
        assert_eq!(ranges.pairs(), normal, "{pairs:x?}");
        assert_eq!(ranges.complement().pairs(), complement, "{pairs:x?}");
        assert_eq!(ranges.complement().complement(), ranges, "{pairs:x?}");
    }

    #[test]
    fn a_set_has_one_normal_form() {
        check(&[], &[], &[(0, LAST)]);
        check(&[(0, LAST)], &[(0, LAST)], &[]);
        check(&[(5, 9), (1, 2)], &[(1, 2), (5, 9)], &[(0, 0), (3, 4), (10, LAST)]);
        check(&[(3, 4), (1, 2)], &[(1, 4)], &[(0, 0), (5, LAST)]);
        check(&[(1, 9), (2, 3), (4, 12)], &[(1, 12)], &[(0, 0), (13, LAST)]);
        check(&[(7, LAST), (0, 6)], &[(0, LAST)], &[]);
    }

    #[test]
    fn surrogates_are_no_characters() {
        let characters = |pairs| Ranges::new(pairs).characters().collect::<Vec<_>>();
        assert_eq!(characters(&[(0xD800, 0xDFFF)]), []);
        assert_eq!(characters(&[(0xDBFF, 0xDBFF)]), []);
        assert_eq!(characters(&[(0x61, 0xD900)]), [('a', '\u{D7FF}')]);
        assert_eq!(characters(&[(0xD900, 0xE001)]), [('\u{E000}', '\u{E001}')]);
        assert_eq!(characters(&[(0x61, 0xE001)]), [('a', '\u{E001}')]);
    }
}
