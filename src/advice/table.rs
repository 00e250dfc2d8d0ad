//! The output of `-lint`: a table for people, grouped by class, or JSON.
//!
//! Lines fit 80 columns, but for a witness, which must stay whole.

use super::lint::{Lint, Opener, Witness};
use crate::api::{Class, Operation};
use crate::filter::rules::Rule;
use crate::http1::encode_path;
use crate::text::visible;
use serde_json::{Value, json};
use std::fmt::Write;

/// The width of a table.
const COLUMNS: usize = 80;
/// Where the second column begins.
const WITNESS_COLUMN: usize = 34;

/// Whether a table may have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A terminal shows it.
    Yes,
    /// Nobody asked for it.
    No,
}

/// The table of a listener, which `title` names.
#[must_use]
pub fn table(title: &str, lint: &Lint, colour: Colour) -> String {
    let mut text = String::new();
    let count = lint.openings.len();
    // Writing to a String cannot fail.
    let _ = match count {
        0 => writeln!(text, "{title} opens nothing: every request is refused"),
        1 => writeln!(text, "{title} opens 1 operation"),
        _ => writeln!(text, "{title} opens {count} operations"),
    };
    for class in Class::ALL {
        let of_class = || lint.openings.iter().filter(|(op, _)| op.class() == class);
        if of_class().next().is_some() {
            heading(class, colour, &mut text);
            by_rule(class, of_class(), &mut text);
        }
    }
    undecided(lint, &mut text);
    text
}

fn heading(class: Class, colour: Colour, out: &mut String) {
    let (mark, code) = if class.is_dangerous() { ("!", "1;31") } else { (" ", "1") };
    let words = format!("{mark} {}: {}", class.as_str(), class.gives());
    let _ = match colour {
        Colour::Yes => writeln!(out, "\n\u{1b}[{code}m{words}\u{1b}[0m"),
        Colour::No => writeln!(out, "\n{words}"),
    };
}

/// The operations under the rule that opens them first.
fn by_rule<'l>(
    class: Class,
    openings: impl Iterator<Item = (&'l Operation, &'l Vec<Opener>)>,
    out: &mut String,
) {
    let mark = if class.is_dangerous() { '!' } else { ' ' };
    let mut rules: Vec<(&Rule, Vec<String>)> = Vec::new();
    for (operation, openers) in openings {
        let Some(first) = openers.first() else { continue };
        // The line of the rule already shows the name.
        let is_named = first.rule.written == operation.name();
        let line = match is_named && openers.len() == 1 {
            true => String::new(),
            false => row(mark, *operation, first, openers.len()),
        };
        match rules.iter_mut().find(|(rule, _)| *rule == &first.rule) {
            Some((_, lines)) => lines.push(line),
            None => rules.push((&first.rule, vec![line])),
        }
    }
    for (rule, lines) in rules {
        let _ = writeln!(out, "{mark}   {}", shown_rule(rule, COLUMNS - 4));
        lines.iter().for_each(|line| out.push_str(line));
    }
}

fn row(mark: char, operation: Operation, opener: &Opener, count: usize) -> String {
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let name = format!("{mark}     {operation}{more}");
    let Some(Witness { method, path }) = &opener.witness else { return format!("{name}\n") };
    let request = format!("{method} {}", encode_path(path));
    let start = WITNESS_COLUMN.max(name.chars().count() + 2);
    if start + request.len() <= COLUMNS {
        return format!("{name:<start$}{request}\n");
    }
    format!("{name}\n{mark}       {request}\n")
}

fn undecided(lint: &Lint, out: &mut String) {
    if !lint.undecided.is_empty() {
        let _ = writeln!(out, "\nNot decided; these patterns may open more than is listed:");
    }
    for (_, rule) in &lint.undecided {
        let _ = writeln!(out, "    {}", shown_rule(rule, COLUMNS - 4));
    }
}

/// A rule where it was written, on one line, with invisible characters made visible.
pub(super) fn shown_rule(rule: &Rule, columns: usize) -> String {
    let text = format!("{}={}", rule.origin, rule.written);
    let mut shown = visible(&text).into_owned();
    if shown.chars().count() > columns {
        shown = shown.chars().take(columns.saturating_sub(1)).chain(['…']).collect();
    }
    shown
}

/// The findings about a listener, as JSON.
#[must_use]
pub fn to_json(listener: &str, endpoint: &str, lint: &Lint) -> Value {
    let rule = |rule: &Rule| json!({"origin": rule.origin, "written": rule.written});
    let opener = |opener: &Opener| {
        let witness = opener.witness.as_ref();
        let witness = witness.map(|w| format!("{} {}", w.method, encode_path(&w.path)));
        json!({
            "origin": opener.rule.origin,
            "written": opener.rule.written,
            "witness": witness,
        })
    };
    let opening = |(operation, openers): (&Operation, &Vec<Opener>)| {
        json!({
            "operation": operation.name(),
            "class": operation.class().as_str(),
            "rules": openers.iter().map(opener).collect::<Vec<_>>(),
        })
    };
    json!({
        "listener": listener,
        "endpoint": endpoint,
        "operations": lint.openings.iter().map(opening).collect::<Vec<_>>(),
        "undecided": lint.undecided.iter().map(|(_, r)| rule(r)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::lint::lint;
    use crate::filter::Rules;
    use crate::filter::rules::{Draft, WEIGHT_MAX};
    use crate::http1::Method;

    fn rules(patterns: &[(Method, &str)]) -> Rules {
        Rules::compile(patterns.iter().map(|(method, p)| (*method, (*p).to_owned()))).unwrap()
    }

    #[test]
    fn a_table_groups_by_class_and_rule_and_marks_the_dangerous() {
        let found = lint(&rules(&[
            (Method::Get, "/(info|version)"),
            (Method::Get, "/containers/x/archive"),
        ]));
        let expected = "\
the default listener opens 3 operations

  harmless: versions and pings
    -allowGET=/(info|version)
      SystemVersion               GET /version

  reads: names and states
    -allowGET=/(info|version)
      SystemInfo                  GET /info

! files: contents of files
!   -allowGET=/containers/x/archive
!     ContainerArchive            GET /containers/x/archive
";
        assert_eq!(table("the default listener", &found, Colour::No), expected);
        let coloured = table("x", &found, Colour::Yes);
        assert!(coloured.contains("\n\u{1b}[1;31m! files: contents of files\u{1b}[0m\n"));
        let nothing = table("x", &Lint::default(), Colour::No);
        assert_eq!(nothing, "x opens nothing: every request is refused\n");
    }

    #[test]
    fn an_operation_that_a_list_names_has_one_line() {
        let mut draft = Draft::new(WEIGHT_MAX);
        let rule = |written: &str| Rule { written: written.into(), origin: "-allow".into() };
        draft.allow([Operation::SystemInfo], rule("SystemInfo"));
        draft.allow([Operation::ContainerList, Operation::ContainerRestart], rule("autoheal"));
        let expected = "\
the default listener opens 3 operations

  reads: names and states
    -allow=autoheal
      ContainerList
    -allow=SystemInfo

  changes: changes to containers, images and networks
    -allow=autoheal
      ContainerRestart
";
        let found = lint(&draft.compile().unwrap());
        assert_eq!(table("the default listener", &found, Colour::No), expected);
    }

    #[test]
    fn a_table_fits_eighty_columns_and_hides_nothing() {
        let wide = format!("/containers/(\u{202e}|{})?.*", "a".repeat(200));
        let found = lint(&rules(&[(Method::Get, ".*"), (Method::Post, &wide)]));
        let text = table("the default listener", &found, Colour::No);
        for line in text.lines().filter(|line| !line.contains(" /v")) {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(text.contains(r"-allowPOST=/containers/(\u{202e}|aaa"), "{text}");
    }

    #[test]
    fn json_has_all_rules_and_witnesses() {
        let found = lint(&rules(&[(Method::Get, "/info"), (Method::Get, "/inf.")]));
        let value = to_json("web", "127.0.0.1:1", &found);
        assert_eq!(value["listener"], "web");
        let operation = &value["operations"][0];
        assert_eq!(operation["operation"], "SystemInfo");
        assert_eq!(operation["rules"][1]["origin"], "-allowGET");
        assert_eq!(operation["rules"][1]["witness"], "GET /info");
    }
}
