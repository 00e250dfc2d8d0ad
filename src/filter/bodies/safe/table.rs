//! The language of the tables: the fields that a body may have, and their values.
//!
//! A table is data. The judge walks a body by it, and the documentation is printed
//! from it. A rule that no word of [`Values`] expresses is a [`Judgement`]: a function
//! with the same two cells for the documentation.
//!
//! **Invariant:** a field that is in no table passes only if it has no value, and is
//! then left out of the body that is sent.

use super::exceptions::Kind;
use super::judge::{Judge, Place};
use crate::json::{Tree, reads_alike};

/// The fields of one object.
#[derive(Debug)]
#[cfg_attr(not(test), allow(dead_code, reason = "some cells are for the documentation"))]
pub(in crate::filter::bodies) struct FieldTable {
    /// The title of the object, for the documentation.
    pub(super) title: &'static str,
    /// Where the daemon defines it: project, file and type.
    pub(super) source: &'static str,
    /// The fields, sorted by name.
    pub(super) rows: &'static [Row],
    /// Tables whose fields are read in the same object.
    pub(super) also: &'static [&'static FieldTable],
}

/// One field.
#[derive(Debug)]
#[cfg_attr(not(test), allow(dead_code, reason = "some cells are for the documentation"))]
pub(super) struct Row {
    /// The name on the wire.
    pub(super) name: &'static str,
    /// Which values pass.
    pub(super) values: Values,
    /// Further remarks; mostly empty.
    pub(super) note: &'static str,
}

/// The values of a field that pass. `null` always passes: it is absence.
#[derive(Debug)]
pub(super) enum Values {
    /// All of any type.
    Any,
    /// All texts.
    Text,
    /// All lists of texts.
    Texts,
    /// All whole numbers.
    Number,
    /// Both truth values.
    Truth,
    /// `false`; the item opens `true`.
    False(Kind),
    /// Only a value without meaning: `""`, `0`, `false`, `[]`, `{}`. The item opens the rest.
    Empty(Option<Kind>),
    /// The empty text and these; the item, with the text as its argument, opens others.
    Words(&'static [&'static str], Option<Kind>),
    /// Maps of texts with these keys; the item, with the key as its argument, opens others.
    Keys(&'static [&'static str], Kind),
    /// Lists of such values.
    Each(&'static Values),
    /// Maps from anything to such values.
    MapOf(&'static Values),
    /// An object with a table of its own.
    Object(&'static FieldTable),
    /// As a function decides.
    By(&'static Judgement),
}

/// A rule that is a function.
#[cfg_attr(not(test), allow(dead_code, reason = "some cells are for the documentation"))]
pub(super) struct Judgement {
    /// Which values pass, for the documentation.
    pub(super) passes: &'static str,
    /// The items that open others, for the documentation.
    pub(super) opened_by: &'static [Kind],
    /// Tables by which it judges, for the documentation.
    pub(super) tables: &'static [&'static FieldTable],
    /// Reports violations to the judge.
    pub(super) judge: fn(&mut Judge<'_>, &Place<'_>, &mut Tree<'_>),
}

impl std::fmt::Debug for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.passes)
    }
}

/// Rows of a table: `"Name" => values;`, with a note behind a comma where there is one.
macro_rules! rows {
    ($($name:literal => $values:expr $(, $note:literal)?;)*) => {
        &[$($crate::filter::bodies::safe::table::Row {
            name: $name,
            values: $values,
            note: concat!($($note)?),
        }),*]
    };
}
pub(super) use rows;

impl FieldTable {
    /// The field of exactly this name.
    pub(super) fn row(&self, name: &str) -> Option<&'static Row> {
        match self.rows.binary_search_by(|row| row.name.cmp(name)) {
            Ok(index) => self.rows.get(index),
            Err(_) => self.also.iter().find_map(|table| table.row(name)),
        }
    }

    /// The field that a decoder could take this name for.
    pub(super) fn row_read_as(&self, name: &str) -> Option<&'static Row> {
        let own = self.rows.iter().find(|row| reads_alike(row.name, name));
        own.or_else(|| self.also.iter().find_map(|table| table.row_read_as(name)))
    }
}

impl Values {
    /// Whether no value is refused for its meaning.
    pub(super) fn are_free(&self) -> bool {
        match self {
            Self::Any | Self::Text | Self::Texts | Self::Number | Self::Truth => true,
            Self::Each(values) | Self::MapOf(values) => values.are_free(),
            _ => false,
        }
    }
}
