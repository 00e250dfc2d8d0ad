//! Classes: `[…]` with all its contents, `\d`, `\pL` and their kin.
//!
//! The set operations of the `regex` crate (`&&`, `--`, `~~`, a nested `[`) are
//! plain characters in Go's dialect and are read as such.

use super::ast::Class;
use super::cursor::{Cursor, Reason};
use super::fold::folded;
use super::ranges::Ranges;
use super::unicode::{CaseVariants, Property, Table, property};

/// Reads a class whose `[` was just read.
pub(super) fn bracketed(
    cursor: &mut Cursor,
    fold: bool,
    variants: &mut CaseVariants,
) -> Result<Class, Reason> {
    let mut members = Members::new(fold, variants);
    let negated = cursor.eat("^");
    let mut is_first = true;
    while is_first || !cursor.eat("]") {
        is_first = false;
        members.read_item(cursor)?;
    }
    Ok(members.finish(negated))
}

/// Reads the text after a backslash, if it is a shorthand such as `\d` or `\pL`.
pub(super) fn shorthand(
    cursor: &mut Cursor,
    fold: bool,
    variants: &mut CaseVariants,
) -> Result<Option<Class>, Reason> {
    let mut members = Members::new(fold, variants);
    Ok(members.read_shorthand(cursor)?.then(|| members.finish(false)))
}

/// The members of a class, as far as it is read.
struct Members<'v> {
    ranges: Ranges,
    tables: Vec<Table>,
    fold: bool,
    variants: &'v mut CaseVariants,
}

impl<'v> Members<'v> {
    fn new(fold: bool, variants: &'v mut CaseVariants) -> Self {
        Self { ranges: Ranges::default(), tables: Vec::new(), fold, variants }
    }

    fn finish(mut self, negated: bool) -> Class {
        self.ranges.normalise();
        let ranges = if self.fold { folded(&self.ranges) } else { self.ranges };
        Class::new(ranges, self.tables, negated)
    }

    /// Adds a set, or all but a set. The case of a set is ignored before it is
    /// negated.
    fn add(&mut self, ranges: Ranges, negated: bool) {
        self.ranges.add_all(&match (negated, self.fold) {
            (false, _) => ranges,
            (true, false) => ranges.complement(),
            (true, true) => folded(&ranges).complement(),
        });
    }

    fn read_item(&mut self, cursor: &mut Cursor) -> Result<(), Reason> {
        let mut ahead = cursor.clone();
        if ahead.eat("\\") && self.read_shorthand(&mut ahead)? {
            *cursor = ahead;
            return Ok(());
        }
        if self.read_named(cursor)? {
            return Ok(());
        }
        self.read_range(cursor)
    }

    /// Reads `[:alpha:]` or `[:^alpha:]`. Without a `:]` anywhere behind it,
    /// `[` is a plain character.
    fn read_named(&mut self, cursor: &mut Cursor) -> Result<bool, Reason> {
        let mut ahead = cursor.clone();
        if !ahead.eat("[:") {
            return Ok(false);
        }
        let Some(name) = ahead.until(":]") else { return Ok(false) };
        let positive = name.strip_prefix('^');
        let Some(ranges) = posix(positive.unwrap_or(name)) else {
            return Err(format!("Go's dialect has no class `[:{name}:]`"));
        };
        self.add(Ranges::new(ranges), positive.is_some());
        *cursor = ahead;
        Ok(true)
    }

    /// Reads the text after a backslash, if it is a shorthand.
    fn read_shorthand(&mut self, cursor: &mut Cursor) -> Result<bool, Reason> {
        let mut ahead = cursor.clone();
        match ahead.next() {
            Some(letter @ ('p' | 'P')) => self.read_property(&mut ahead, letter)?,
            Some(letter) => {
                let Some(ranges) = perl(letter.to_ascii_lowercase()) else { return Ok(false) };
                self.add(Ranges::new(ranges), letter.is_ascii_uppercase());
            }
            None => return Ok(false),
        }
        *cursor = ahead;
        Ok(true)
    }

    /// Reads the name of a property: one character, or any in braces.
    fn read_property(&mut self, cursor: &mut Cursor, letter: char) -> Result<(), Reason> {
        let from = cursor.rest();
        let written = match cursor.next() {
            Some('{') => cursor.until("}").ok_or(format!("`\\{letter}{{` has no closing `}}`"))?,
            Some(c) => from.get(..c.len_utf8()).unwrap_or_default(),
            None => return Err(format!("`\\{letter}` needs the name of a Unicode class")),
        };
        let positive = written.strip_prefix('^');
        let negated = (letter == 'P') != positive.is_some();
        match property(positive.unwrap_or(written)) {
            Some(Property::Ranges(ranges)) => self.add(ranges, negated),
            Some(Property::Table(mut table)) => {
                table.negated ^= negated;
                if self.fold {
                    table.extra = self.variants.of(&table);
                }
                self.tables.push(table);
            }
            None => return Err(format!("Go's dialect has no Unicode class `{written}`")),
        }
        Ok(())
    }

    /// Reads one character or a range. A `-` that no range can use is plain.
    fn read_range(&mut self, cursor: &mut Cursor) -> Result<(), Reason> {
        let from = cursor.rest();
        let first = character(cursor)?;
        let mut last = first;
        let end = cursor.rest().strip_prefix('-');
        if end.is_some_and(|end| !end.is_empty() && !end.starts_with(']')) {
            cursor.eat("-");
            last = character(cursor)?;
        }
        if last < first {
            let length = from.len() - cursor.rest().len();
            let range = from.get(..length).unwrap_or_default();
            return Err(format!("the range `{range}` is out of order"));
        }
        self.ranges.add(first, last);
        Ok(())
    }
}

fn character(cursor: &mut Cursor) -> Result<u32, Reason> {
    if cursor.eat("\\") {
        return cursor.escaped();
    }
    let character = cursor.next().ok_or("unterminated class: a `[` has no closing `]`")?;
    Ok(u32::from(character))
}

type Pairs = &'static [(u32, u32)];

/// The ranges of `\d`, `\s` and `\w`: ASCII, and no vertical tab.
fn perl(letter: char) -> Option<Pairs> {
    Some(match letter {
        'd' => &[(0x30, 0x39)],
        's' => &[(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)],
        'w' => WORD,
        _ => return None,
    })
}

const WORD: Pairs = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];

/// The ranges of `[:name:]`.
fn posix(name: &str) -> Option<Pairs> {
    Some(match name {
        "alnum" => &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)],
        "alpha" => &[(0x41, 0x5A), (0x61, 0x7A)],
        "ascii" => &[(0x00, 0x7F)],
        "blank" => &[(0x09, 0x09), (0x20, 0x20)],
        "cntrl" => &[(0x00, 0x1F), (0x7F, 0x7F)],
        "digit" => &[(0x30, 0x39)],
        "graph" => &[(0x21, 0x7E)],
        "lower" => &[(0x61, 0x7A)],
        "print" => &[(0x20, 0x7E)],
        "punct" => &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
        "space" => &[(0x09, 0x0D), (0x20, 0x20)],
        "upper" => &[(0x41, 0x5A)],
        "word" => WORD,
        "xdigit" => &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)],
        _ => return None,
    })
}
