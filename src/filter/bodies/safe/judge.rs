//! Walks a body by a table, collects the violations, and removes unknown empty fields.
//!
//! **Invariant:** a key is compared exactly. One that a decoder would take for a judged
//! field, but that is spelled otherwise, is a violation.
//! **Invariant:** a place is put into words only for a violation: a body that passes
//! costs no text.

use super::exceptions::{Exceptions, Item, Kind};
use super::table::{FieldTable, Row, Values};
use super::violation::{Violation, Violations, Wrong};
use crate::filter::bodies::refusal::{Fault, Refusal, Type};
use crate::json::Tree;
use crate::text::bounded;
use std::fmt;

/// The members of an object.
pub(super) type Members<'t> = Vec<(std::borrow::Cow<'t, str>, Tree<'t>)>;

/// Where a value is, such as `HostConfig.Binds[0]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    above: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Body,
    Field(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    /// The whole body.
    pub(super) const BODY: Place<'static> = Place { above: None, step: Step::Body };

    /// A field of the object here.
    pub(super) fn field(&'p self, name: &'p str) -> Place<'p> {
        Place { above: Some(self), step: Step::Field(name) }
    }

    fn item(&'p self, index: usize) -> Place<'p> {
        Place { above: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = self.above.filter(|above| !matches!(above.step, Step::Body));
        match (self.step, above) {
            (Step::Body, _) => f.write_str("the body"),
            (Step::Field(name), None) => f.write_str(&bounded(name)),
            (Step::Field(name), Some(above)) => write!(f, "{above}.{}", bounded(name)),
            (Step::Item(index), None) => write!(f, "the body[{index}]"),
            (Step::Item(index), Some(above)) => write!(f, "{above}[{index}]"),
        }
    }
}

/// Judges one body.
#[derive(Debug)]
pub(super) struct Judge<'e> {
    exceptions: &'e Exceptions,
    violations: Violations,
}

impl<'e> Judge<'e> {
    pub(super) fn new(exceptions: &'e Exceptions) -> Self {
        Self { exceptions, violations: Violations::default() }
    }

    /// The violations that were found.
    pub(super) fn violations(self) -> Violations {
        self.violations
    }

    /// Judges an object.
    pub(super) fn object(&mut self, table: &FieldTable, place: &Place<'_>, tree: &mut Tree<'_>) {
        if let Some(members) = self.members(place, tree) {
            members.retain_mut(|(key, value)| self.keeps(table, place, key, value));
        }
    }

    /// Judges a member; the answer is whether it stays in the body.
    fn keeps(
        &mut self,
        table: &FieldTable,
        place: &Place<'_>,
        key: &str,
        value: &mut Tree<'_>,
    ) -> bool {
        let here = place.field(key);
        if let Some(row) = table.row(key) {
            self.value(&row.values, &here, value);
            return true;
        }
        match table.row_read_as(key) {
            Some(Row { name, values, .. }) if !values.are_free() => {
                self.refuse(&here, Fault::ReadAs(name));
                true
            }
            Some(_) => true,
            None if says_nothing(value) => false,
            None => {
                self.unknown(&here);
                true
            }
        }
    }

    /// Judges a value.
    pub(super) fn value(&mut self, values: &Values, place: &Place<'_>, tree: &mut Tree<'_>) {
        if *tree == Tree::Null {
            return;
        }
        match values {
            Values::Any => {}
            Values::Text => {
                self.text(place, tree);
            }
            Values::Texts => self.each(place, tree, |judge, place, item| {
                judge.text(place, item);
            }),
            Values::Number => {
                self.number(place, tree);
            }
            Values::Truth => {
                self.truth(place, tree);
            }
            Values::False(kind) => {
                if self.truth(place, tree) == Some(true) {
                    self.need(place, tree, *kind, "");
                }
            }
            Values::Empty(_) if says_nothing(tree) => {}
            Values::Empty(Some(kind)) => self.need(place, tree, *kind, ""),
            Values::Empty(None) => self.refuse_value(place, tree),
            Values::Words(words, kind) => {
                let Some(text) = self.text(place, tree) else { return };
                if !text.is_empty() && !words.contains(&text) {
                    self.need_named(place, tree, *kind);
                }
            }
            Values::Keys(known, kind) => self.entries(place, tree, |judge, place, key, value| {
                judge.text(place, value);
                if !known.contains(&key) {
                    judge.need(place, value, *kind, key);
                }
            }),
            Values::Each(values) => {
                self.each(place, tree, |judge, place, item| judge.value(values, place, item));
            }
            Values::MapOf(values) => {
                self.entries(place, tree, |judge, place, _, value| {
                    judge.value(values, place, value)
                });
            }
            Values::Object(table) => self.object(table, place, tree),
            Values::By(judgement) => (judgement.judge)(self, place, tree),
        }
    }

    /// A violation unless the item is on the list.
    pub(super) fn need(&mut self, place: &Place<'_>, tree: &Tree<'_>, kind: Kind, argument: &str) {
        if !self.exceptions.has(kind, argument) {
            let item = Some(Item::new(kind, argument));
            self.add(place, Wrong::value(tree, item));
        }
    }

    /// A violation unless the item with the value as its argument is on the list.
    fn need_named(&mut self, place: &Place<'_>, tree: &Tree<'_>, kind: Option<Kind>) {
        match (kind, tree) {
            (Some(kind), Tree::String(text)) => self.need(place, tree, kind, text),
            _ => self.refuse_value(place, tree),
        }
    }

    /// A value that no item opens.
    pub(super) fn refuse_value(&mut self, place: &Place<'_>, tree: &Tree<'_>) {
        self.add(place, Wrong::value(tree, None));
    }

    /// A fault that is none of a value.
    pub(super) fn refuse(&mut self, place: &Place<'_>, fault: Fault) {
        self.add_refusal(Refusal::new(place.to_string(), fault));
    }

    /// The refusal of another rule.
    pub(super) fn add_refusal(&mut self, refusal: Refusal) {
        self.violations.add_refusal(refusal);
    }

    /// A whole operation, which the item opens.
    pub(super) fn operation(&mut self, name: &str, kind: Kind) {
        if !self.exceptions.has(kind, "") {
            let wrong = Wrong::Operation { item: Item::new(kind, "") };
            self.violations.add(|| Violation::Unsafe { place: name.to_owned(), wrong });
        }
    }

    /// The whole body, which nothing here can judge.
    pub(super) fn unread(&mut self) {
        self.add(&Place::BODY, Wrong::Unread);
    }

    fn unknown(&mut self, place: &Place<'_>) {
        let name = place.to_string();
        if !self.exceptions.has(Kind::Field, &name) {
            self.violations.add(|| Violation::Unsafe {
                wrong: Wrong::Unknown { item: Item::new(Kind::Field, &name) },
                place: name,
            });
        }
    }

    fn add(&mut self, place: &Place<'_>, wrong: Wrong) {
        self.violations.add(|| Violation::Unsafe { place: place.to_string(), wrong });
    }

    /// The text of a value; anything else is a violation.
    pub(super) fn text<'t>(&mut self, place: &Place<'_>, tree: &'t Tree<'_>) -> Option<&'t str> {
        match tree {
            Tree::Null => Some(""),
            Tree::String(text) => Some(text),
            _ => {
                self.refuse(place, Fault::NotA(Type::Text));
                None
            }
        }
    }

    /// A truth value; anything else is a violation.
    pub(super) fn truth(&mut self, place: &Place<'_>, tree: &Tree<'_>) -> Option<bool> {
        match tree {
            Tree::Null => Some(false),
            Tree::Bool(value) => Some(*value),
            _ => {
                self.refuse(place, Fault::NotA(Type::Truth));
                None
            }
        }
    }

    /// A whole number as Go reads one into an `int64`; anything else is a violation.
    pub(super) fn number(&mut self, place: &Place<'_>, tree: &Tree<'_>) -> Option<i64> {
        let number = match tree {
            Tree::Null => Some(0),
            Tree::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.refuse(place, Fault::NotA(Type::WholeNumber));
        }
        number
    }

    /// Judges each item of a list that is not `null`.
    pub(super) fn each(
        &mut self,
        place: &Place<'_>,
        tree: &mut Tree<'_>,
        judge: impl Fn(&mut Self, &Place<'_>, &mut Tree<'_>),
    ) {
        match tree {
            Tree::Null => {}
            Tree::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    if *item != Tree::Null {
                        judge(self, &place.item(index), item);
                    }
                }
            }
            _ => self.refuse(place, Fault::NotA(Type::Array)),
        }
    }

    /// Judges each entry of a map whose value is not `null`.
    pub(super) fn entries(
        &mut self,
        place: &Place<'_>,
        tree: &mut Tree<'_>,
        judge: impl Fn(&mut Self, &Place<'_>, &str, &mut Tree<'_>),
    ) {
        for (key, value) in self.members(place, tree).into_iter().flatten() {
            judge(self, &place.field(key), key, value);
        }
    }

    fn members<'a, 't>(
        &mut self,
        place: &Place<'_>,
        tree: &'a mut Tree<'t>,
    ) -> Option<&'a mut Members<'t>> {
        match tree {
            Tree::Null => None,
            Tree::Object(members) => Some(members),
            _ => {
                self.refuse(place, Fault::NotA(Type::Object));
                None
            }
        }
    }
}

/// Whether a value is that of an absent field, to any of Go's types.
pub(super) fn says_nothing(tree: &Tree<'_>) -> bool {
    match tree {
        Tree::Null | Tree::Bool(false) => true,
        Tree::Bool(true) => false,
        Tree::Number(digits) => *digits == "0",
        Tree::String(text) => text.is_empty(),
        Tree::Array(items) => items.iter().all(says_nothing),
        Tree::Object(members) => members.iter().all(|(_, value)| says_nothing(value)),
    }
}

/// The text of a member of an object; empty if it is no text.
pub(super) fn text_of<'t>(tree: &'t Tree<'_>, name: &str) -> &'t str {
    match member(tree, name) {
        Some(Tree::String(text)) => text,
        _ => "",
    }
}

/// A member of an object.
pub(super) fn member<'t, 'a>(tree: &'t Tree<'a>, name: &str) -> Option<&'t Tree<'a>> {
    let Tree::Object(members) = tree else { return None };
    members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The same to be judged.
pub(super) fn member_mut<'t, 'a>(tree: &'t mut Tree<'a>, name: &str) -> Option<&'t mut Tree<'a>> {
    let Tree::Object(members) = tree else { return None };
    members.iter_mut().find(|(key, _)| key == name).map(|(_, value)| value)
}
