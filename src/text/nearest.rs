//! The known name that is nearest to a wrong one.
//!
//! Names are compared without case, hyphens and underscores. A name that is far
//! from all known ones has no nearest: a bad suggestion costs more than none.

/// The known name with the fewest edits from a wrong one.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded_wrong = &*folded(wrong);
    let edits_max = match folded_wrong.len() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .map(|name| (edits(folded_wrong, &folded(name)), name))
        .filter(|(count, _)| *count <= edits_max)
        .min_by_key(|(count, _)| *count)
        .map(|(_, name)| name)
}

/// A name without case, hyphens and underscores.
#[must_use]
pub fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The number of insertions, deletions, replacements and swaps of neighbours
/// between two names, row by row of the usual table.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut two_above: Vec<usize> = Vec::new();
    let mut from_before = None;
    for (index, from_char) in from.chars().enumerate() {
        let mut row = vec![index + 1];
        let mut to_before = None;
        for (column, to_char) in to.iter().copied().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&above, column) + usize::from(from_char != to_char);
            let inserted = at(&row, column) + 1;
            let deleted = at(&above, column + 1) + 1;
            let is_swap = from_before == Some(to_char) && to_before == Some(from_char);
            let swapped = if is_swap { at(&two_above, column - 1) + 1 } else { usize::MAX };
            row.push(replaced.min(inserted).min(deleted).min(swapped));
            to_before = Some(to_char);
        }
        two_above = std::mem::replace(&mut above, row);
        from_before = Some(from_char);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let rows = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "ab", 1),
            ("ab", "abc", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("abcd", "badc", 2),
            ("wbe", "web", 1),
            ("ca", "abc", 3),
        ];
        for (from, to, expected) in rows {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }
}
