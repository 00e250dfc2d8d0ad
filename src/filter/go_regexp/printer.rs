//! Prints a parsed pattern in the `regex` crate's dialect.
//!
//! Nothing of the operator's text is copied: every character is printed plain
//! only where it can have no other meaning, classes are ranges in ascending
//! order, and groups are printed only where they are needed.

use super::ast::{Class, Kind, Look, Node};
use super::ranges::Ranges;

/// The pattern's text; the same for the same pattern.
pub(super) fn print(node: &Node) -> String {
    let mut text = String::new();
    print_node(node, &mut text);
    text
}

fn print_node(node: &Node, text: &mut String) {
    match &node.kind {
        Kind::Empty => {}
        Kind::Literal(c) => print_character(*c, text),
        Kind::Class(class) => print_class(class, text),
        Kind::Look(look) => text.push_str(look_text(*look)),
        Kind::Repeat { node, min, max } => {
            print_operand(node, text);
            text.push_str(&counts_text(*min, *max));
        }
        Kind::Concat(nodes) => nodes.iter().for_each(|node| match node.kind.is_alternate() {
            true => print_grouped(node, text),
            false => print_node(node, text),
        }),
        Kind::Alternate(nodes) => nodes.iter().enumerate().for_each(|(index, node)| {
            text.push_str(if index > 0 { "|" } else { "" });
            print_node(node, text);
        }),
    }
}

/// Prints the operand of a repetition.
fn print_operand(node: &Node, text: &mut String) {
    if node.kind.is_atom() {
        print_node(node, text);
    } else {
        print_grouped(node, text);
    }
}

fn print_grouped(node: &Node, text: &mut String) {
    text.push_str("(?:");
    print_node(node, text);
    text.push(')');
}

fn look_text(look: Look) -> &'static str {
    match look {
        Look::TextStart => r"\A",
        Look::TextEnd => r"\z",
        Look::LineStart => "(?m:^)",
        Look::LineEnd => "(?m:$)",
        Look::WordBoundary => r"(?-u:\b)",
        Look::NotWordBoundary => r"(?-u:\B)",
    }
}

fn counts_text(min: u32, max: Option<u32>) -> String {
    match (min, max) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (0, Some(1)) => "?".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) if min == max => format!("{{{min}}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    }
}

fn print_character(c: char, text: &mut String) {
    match c {
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '/' | '_' => text.push(c),
        '.' | '-' => text.extend(['\\', c]),
        c => print_code_point(c, text),
    }
}

fn print_code_point(c: char, text: &mut String) {
    text.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
}

fn print_class(class: &Class, text: &mut String) {
    if class.tables.is_empty() {
        return print_ranges(&class.ranges, text);
    }
    text.push_str(if class.negated { "[^" } else { "[" });
    print_members(&class.ranges, text);
    for table in &class.tables {
        text.push_str(if table.negated { "[^" } else { "[" });
        text.push_str(&table.members());
        print_members(&table.extra, text);
        text.push(']');
    }
    text.push(']');
}

/// Prints a class without tables. One that reaches to the last code point is
/// printed as all but its gaps, which is how it was written.
fn print_ranges(ranges: &Ranges, text: &mut String) {
    if ranges.contains(char::MAX) {
        let gaps = ranges.complement();
        match gaps.characters().next() {
            None => text.push_str("(?s:.)"),
            Some(('\n', '\n')) if gaps.pairs().len() == 1 => text.push('.'),
            Some(_) => print_bracketed("[^", &gaps, text),
        }
        return;
    }
    let mut characters = ranges.characters();
    match (characters.next(), characters.next()) {
        (None, _) => text.push_str(r"[^\x{0}-\x{10FFFF}]"),
        (Some((first, last)), None) if first == last => print_character(first, text),
        _ => print_bracketed("[", ranges, text),
    }
}

fn print_bracketed(open: &str, ranges: &Ranges, text: &mut String) {
    text.push_str(open);
    print_members(ranges, text);
    text.push(']');
}

fn print_members(ranges: &Ranges, text: &mut String) {
    for (first, last) in ranges.characters() {
        print_member(first, text);
        if first < last {
            text.push('-');
            print_member(last, text);
        }
    }
}

/// Prints a character inside a class, where punctuation may be an operator.
fn print_member(c: char, text: &mut String) {
    if c.is_ascii_alphanumeric() {
        text.push(c);
    } else {
        print_code_point(c, text);
    }
}
