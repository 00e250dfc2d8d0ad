//! Rights by name: lists of operations, classes and presets.
//!
//! ```text
//! ContainerList,reads,dozzle+actions+shell
//! ```
//!
//! Operations are written as in the API documents, classes and presets in lower
//! case. `reads` includes `harmless`, since a client that may list may also ask for
//! a version; `all` is every operation. A preset has its base, and parts behind `+`.

use super::presets;
use crate::api::{Class, Operation};
use crate::filter::rules::Rule;
use crate::text::nearest::nearest;
use crate::text::quoted;
use std::collections::BTreeSet;
use std::fmt;

/// The word for every operation.
const ALL: &str = "all";

/// One item of a list, and the operations that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The item as it was written.
    pub written: String,
    /// The operations that it names, in the order of the table.
    pub operations: BTreeSet<Operation>,
}

/// A word that names nothing, or no word at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownWord {
    /// The list has no item.
    Empty,
    /// No operation, class or preset.
    Item(String),
    /// An operation or a class with a part, which only presets have.
    NoPreset(String),
    /// No part of this preset.
    Part {
        /// The preset.
        preset: &'static str,
        /// The word behind the `+`.
        part: String,
        /// The parts that it has.
        known: Vec<&'static str>,
    },
}

/// The sentence about the word, with the right one if it is near.
impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Item(word) => {
                write!(f, "{} is not an operation, a class or a preset", quoted(word))?;
                match nearest(word, words()) {
                    Some(word) => write!(f, "; did you mean {word}?"),
                    None => Ok(()),
                }
            }
            Self::NoPreset(word) => {
                write!(f, "{} is not a preset, and only presets have parts", quoted(word))
            }
            Self::Part { preset, part, known } if known.is_empty() => {
                write!(f, "the preset {preset} has no parts, so none called {}", quoted(part))
            }
            Self::Part { preset, part, known } => {
                write!(f, "the preset {preset} has no part {}; ", quoted(part))?;
                write!(f, "it has {}", known.join(", "))
            }
        }
    }
}

/// Reads a comma-separated list. Spaces around items do not count, nor do
/// empty items.
///
/// # Errors
/// The first word that names nothing; a list without an item, which
/// could mean all or nothing.
pub fn parse_list(list: &str) -> Result<Vec<Item>, UnknownWord> {
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items: Vec<Item> = items.map(parse_item).collect::<Result<_, _>>()?;
    if items.is_empty() { Err(UnknownWord::Empty) } else { Ok(items) }
}

/// The operations and the rule of each item in the list that `origin` has.
///
/// # Errors
/// As [`parse_list`].
pub fn named_rules(
    list: &str,
    origin: &str,
) -> Result<Vec<(BTreeSet<Operation>, Rule)>, UnknownWord> {
    let rule = |written| Rule { written, origin: origin.to_owned() };
    let items = parse_list(list)?.into_iter();
    Ok(items.map(|item| (item.operations, rule(item.written))).collect())
}

/// Every word that a list may have, but for the parts of presets.
pub fn words() -> impl Iterator<Item = &'static str> + Clone {
    let operations = Operation::ALL.iter().map(|operation| operation.name());
    let classes = Class::ALL.iter().map(|class| class.as_str());
    operations.chain(classes).chain([ALL]).chain(presets::names())
}

/// Whether an item that was read is a preset.
#[must_use]
pub fn is_preset(written: &str) -> bool {
    let name = written.split('+').next().unwrap_or_default();
    presets::names().any(|preset| preset == name)
}

fn parse_item(written: &str) -> Result<Item, UnknownWord> {
    let operations = match Operation::from_name(written) {
        Some(operation) => BTreeSet::from([operation]),
        None => match class_operations(written) {
            Some(operations) => operations,
            None => preset_operations(written)?,
        },
    };
    Ok(Item { written: written.to_owned(), operations })
}

fn class_operations(word: &str) -> Option<BTreeSet<Operation>> {
    let all = Operation::ALL.iter().copied();
    if word == ALL {
        return Some(all.collect());
    }
    let class = Class::ALL.into_iter().find(|class| class.as_str() == word)?;
    let includes =
        |other: Class| other == class || class == Class::Reads && other == Class::Harmless;
    Some(all.filter(|operation| includes(operation.class())).collect())
}

fn preset_operations(written: &str) -> Result<BTreeSet<Operation>, UnknownWord> {
    let mut words = written.split('+');
    let name = words.next().unwrap_or_default();
    let unknown = || match written != name && self::words().any(|word| word == name) {
        true => UnknownWord::NoPreset(name.to_owned()),
        false => UnknownWord::Item(name.to_owned()),
    };
    let preset = presets::find(name).ok_or_else(unknown)?;
    let mut operations: BTreeSet<_> = preset.base().iter().map(|need| need.0).collect();
    for part in words {
        let unknown = || UnknownWord::Part {
            preset: preset.name,
            part: part.to_owned(),
            known: preset.named_parts().map(|part| part.name).collect(),
        };
        let part = preset.part(part).filter(|part| !part.name.is_empty()).ok_or_else(unknown)?;
        operations.extend(part.needs.iter().map(|(operation, _)| *operation));
    }
    Ok(operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<&'static str> {
        let items = parse_list(list).unwrap();
        items.iter().flat_map(|item| &item.operations).map(|operation| operation.name()).collect()
    }

    #[test]
    fn a_list_names_operations_classes_and_presets() {
        assert_eq!(names("ContainerList"), ["ContainerList"]);
        assert_eq!(names(" SystemInfo , ,ContainerList,"), ["SystemInfo", "ContainerList"]);
        assert_eq!(names("all").len(), Operation::ALL.len());
        assert!(names("reads").contains(&"SystemPing") && names("reads").contains(&"SystemInfo"));
        assert!(!names("reads").contains(&"ContainerLogs"));
        assert!(!names("secrets").contains(&"SystemInfo"));
        assert!(names("traefik").contains(&"SystemEvents"));
        assert!(!names("traefik").contains(&"ServiceList"));
        assert!(names("traefik+swarm").contains(&"ServiceList"));
        assert!(names("traefik+swarm").contains(&"SystemEvents"));
    }

    #[test]
    fn every_class_names_something_and_all_are_everything() {
        let mut named = BTreeSet::new();
        for class in Class::ALL {
            let operations = class_operations(class.as_str()).unwrap();
            assert!(!operations.is_empty());
            named.extend(operations);
        }
        assert_eq!(named.len(), Operation::ALL.len());
    }

    #[test]
    fn an_unknown_word_gets_the_right_one_if_it_is_near() {
        let rows = [
            (
                "ContainerLst",
                "\"ContainerLst\" is not an operation, a class or a preset; did you mean ContainerList?",
            ),
            (
                "Traefik",
                "\"Traefik\" is not an operation, a class or a preset; did you mean traefik?",
            ),
            ("", "it is empty"),
            (" , ,", "it is empty"),
            ("zzzz", "\"zzzz\" is not an operation, a class or a preset"),
            ("a\u{202e}b", "\"a\\u{202e}b\" is not an operation, a class or a preset"),
            (
                "dozzle+swarm",
                "the preset dozzle has no part \"swarm\"; it has actions, shell, update",
            ),
            ("reads+swarm", "\"reads\" is not a preset, and only presets have parts"),
            ("uptime-kuma+x", "the preset uptime-kuma has no parts, so none called \"x\""),
        ];
        for (list, expected) in rows {
            assert_eq!(parse_list(list).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_word_that_names_nothing_is_an_error() {
        for (list, word) in [
            ("ContainerLst", "ContainerLst"),
            ("SystemInfo,containerlist", "containerlist"),
            ("Reads", "Reads"),
            ("Traefik", "Traefik"),
            ("tr\u{202e}aefik", "tr\u{202e}aefik"),
            ("+swarm", ""),
        ] {
            assert_eq!(parse_list(list), Err(UnknownWord::Item(word.to_owned())), "{list}");
        }
        for list in ["traefik+", "traefik+shell", "traefik+swarm+", "traefik++swarm"] {
            let error = parse_list(list).unwrap_err();
            assert!(matches!(error, UnknownWord::Part { preset: "traefik", .. }), "{list}");
        }
    }
}
