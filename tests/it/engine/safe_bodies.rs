//! Bodies built from a table of fields: ordinary values and dangerous ones, in the
//! spellings that Go's decoder takes and in some that it does not.
//!
//! A body is text, not a value: keys repeat, and types are wrong.

use crate::support::random::Random;
use serde_json::Value;
use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../cases/safe_fields.tsv");

/// A placeholder for a byte that is not UTF-8.
const BAD_BYTE: char = '\u{e000}';

/// The effect that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ordinary one.
    Ordinary,
    /// More than an ordinary container has, or refused by the Engine.
    Danger,
    /// Neither is claimed.
    Odd,
}

/// A field with one of its values.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    /// Names from the outermost to the innermost, with dots between.
    pub(crate) place: String,
    pub(crate) value: String,
}

impl Field {
    fn name(&self) -> &str {
        self.place.rsplit('.').next().unwrap_or_default()
    }

    fn parents(&self) -> Vec<&str> {
        let mut parents: Vec<_> = self.place.split('.').collect();
        parents.pop();
        parents
    }
}

/// The rows of an operation, with the names of existing objects in place of `@…@`.
pub(crate) fn fields(operation: &str, names: &[(&str, &str)]) -> Vec<Field> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let field = |line: &str| {
        let cells: Vec<_> = line.split('\t').collect();
        let [of, kind, place, value] = cells[..] else { panic!("{line}") };
        let kind = match kind {
            "ordinary" => Kind::Ordinary,
            "danger" => Kind::Danger,
            "odd" => Kind::Odd,
            other => panic!("{other}"),
        };
        let named = |value: String, (mark, name): &(&str, &str)| value.replace(mark, name);
        let value = names.iter().fold(value.to_owned(), named);
        (of == operation).then(|| Field { kind, place: place.to_owned(), value })
    };
    rows.filter_map(field).collect()
}

/// A value: text, or members with their names in quotes.
#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Object(Members),
}

type Members = Vec<(String, Node)>;

fn member(name: &str, value: &str) -> (String, Node) {
    (quoted(name), Node::Text(value.to_owned()))
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

impl Node {
    fn print(&self) -> String {
        match self {
            Node::Text(text) => text.clone(),
            Node::Object(members) => {
                let print = |(name, value): &(String, Node)| format!("{name}:{}", value.print());
                format!("{{{}}}", members.iter().map(print).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// The members at a place below, which are made if they are not there.
fn below<'a>(members: &'a mut Members, parents: &[&str]) -> &'a mut Members {
    let Some((first, rest)) = parents.split_first() else { return members };
    let name = quoted(first);
    let place = members.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
        members.push((name, Node::Object(Vec::new())));
        members.len() - 1
    });
    match &mut members[place].1 {
        Node::Object(inner) => below(inner, rest),
        Node::Text(text) => panic!("{first} is {text}, and a parent"),
    }
}

/// Defines [`Twist`] with a list of all.
macro_rules! twists {
    ($($twist:ident)+) => {
        /// Odd spellings of one field of a body.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Twist {
            $($twist,)+
        }

        pub(crate) const TWISTS: &[Twist] = &[$(Twist::$twist,)+];
    };
}

twists! {
    Plain Lower Upper Mixed LongS LongSEscaped Escaped
    TopLevel AllTopLevel BothLevels
    FirstOfTwo LastOfTwo ThenNull BeforeNull TwinOfOtherCase TwinOfOtherCaseFirst
    ParentTwice ParentTwiceThenNull ParentLower ParentOfOtherCaseFirst ParentOfOtherCaseLast
    ParentLongS ArrayMerged
    InArray InString InObject
    KeyWithNul KeyWithSpace KeyWithBadByte KeyWithMark Snake Dashed LoneSurrogate
    ValueUpper ValueSpaced ValueEscaped ValueWithNul ValueWithBadByte
    TrailingDocument TrailingBrace TwoDocuments WhiteSpace ByteOrderMark
    InConfig InParentAgain
}

/// A body of these fields, with the first one twisted. Members of the `base` are there
/// unless a field has their place.
pub(crate) fn body(
    base: &[(&str, &str)],
    fields: &[&Field],
    twist: Twist,
    random: &mut Random,
) -> Vec<u8> {
    let places: BTreeSet<_> = fields.iter().map(|field| field.place.as_str()).collect();
    let mut root = Vec::new();
    let rest = fields.iter().skip(1).map(|field| (field.place.as_str(), field.value.as_str()));
    let needed = base.iter().copied().filter(|(place, _)| !places.contains(place));
    for (place, value) in needed.chain(rest) {
        let mut parents: Vec<_> = place.split('.').collect();
        let name = parents.pop().unwrap_or_default();
        below(&mut root, &parents).push(member(name, value));
    }
    if let Some(first) = fields.first() {
        add(&mut root, first, twist, random);
    }
    bytes(&around(Node::Object(root).print(), twist))
}

/// Adds a field to a body, twisted.
fn add(root: &mut Members, first: &Field, twist: Twist, random: &mut Random) {
    let (name, value) = (first.name(), first.value.as_str());
    let pairs = pairs(name, value, twist, random);
    let parents = first.parents();
    let Some((parent, above)) = parents.split_last() else {
        root.extend(pairs);
        return;
    };
    let inner = Node::Object(pairs.clone());
    match twist {
        Twist::TopLevel => root.extend(pairs),
        Twist::AllTopLevel => {
            let members = std::mem::take(below(root, &parents));
            root.extend(members);
            root.extend(pairs);
        }
        Twist::BothLevels => {
            root.extend(pairs);
            below(root, &parents).push(member(name, "null"));
        }
        Twist::ParentTwice => below(root, above).insert(0, (quoted(parent), inner)),
        Twist::ParentTwiceThenNull => {
            let above = below(root, above);
            above.insert(0, member(parent, "null"));
            above.insert(0, (quoted(parent), inner));
        }
        Twist::ParentOfOtherCaseFirst => {
            below(root, above).insert(0, (quoted(&parent.to_lowercase()), inner));
        }
        Twist::ParentOfOtherCaseLast => {
            below(root, above).push((quoted(&parent.to_uppercase()), inner));
        }
        Twist::InConfig => {
            root.push((quoted("Config"), Node::Object(vec![(quoted(parent), inner)])))
        }
        Twist::InParentAgain => below(root, &parents).push((quoted(parent), inner)),
        Twist::ParentLower | Twist::ParentLongS => {
            below(root, &parents).extend(pairs);
            let (plain, above) = (quoted(parent), below(root, above));
            let spelled = match twist {
                Twist::ParentLower => parent.to_lowercase(),
                _ => folded(parent, "\u{17f}", "\u{212a}"),
            };
            for (name, _) in above.iter_mut().filter(|(name, _)| *name == plain) {
                *name = quoted(&spelled);
            }
        }
        _ => below(root, &parents).extend(pairs),
    }
}

/// The members that spell a field.
fn pairs(name: &str, value: &str, twist: Twist, random: &mut Random) -> Members {
    let lower = name.to_lowercase();
    match twist {
        Twist::FirstOfTwo => vec![member(name, value), member(name, empty(value))],
        Twist::LastOfTwo => vec![member(name, empty(value)), member(name, value)],
        Twist::ThenNull => vec![member(name, value), member(name, "null")],
        Twist::BeforeNull => vec![member(name, "null"), member(name, value)],
        Twist::TwinOfOtherCase => vec![member(name, empty(value)), member(&lower, value)],
        Twist::TwinOfOtherCaseFirst => vec![member(&lower, value), member(name, empty(value))],
        Twist::ArrayMerged => vec![member(name, value), member(name, "[{}]")],
        _ => vec![member(&key(name, twist, random), &changed(value, twist))],
    }
}

fn key(name: &str, twist: Twist, random: &mut Random) -> String {
    let mut flip = |letter: char| match random.below(2) {
        0 => letter.to_ascii_uppercase(),
        _ => letter.to_ascii_lowercase(),
    };
    match twist {
        Twist::Lower => name.to_lowercase(),
        Twist::Upper => name.to_uppercase(),
        Twist::Mixed => name.chars().map(&mut flip).collect(),
        Twist::LongS => folded(name, "\u{17f}", "\u{212a}"),
        Twist::LongSEscaped => folded(name, "\\u017f", "\\u212A"),
        Twist::Escaped => {
            let first = name.chars().next().unwrap_or('x');
            format!("\\u{:04x}{}", u32::from(first), &name[first.len_utf8()..])
        }
        Twist::KeyWithNul => format!("{name}\\u0000"),
        Twist::KeyWithSpace => format!("{name} "),
        Twist::KeyWithBadByte => format!("{name}{BAD_BYTE}"),
        Twist::KeyWithMark => format!("\u{feff}{name}"),
        Twist::Snake => separated(name, '_'),
        Twist::Dashed => separated(name, '-'),
        Twist::LoneSurrogate => format!("{name}\\ud800"),
        _ => name.to_owned(),
    }
}

/// The name with letters that fold to `s` and `k`.
fn folded(name: &str, s: &str, k: &str) -> String {
    let fold = |letter: char| match letter {
        's' | 'S' => s.to_owned(),
        'k' | 'K' => k.to_owned(),
        other => other.to_string(),
    };
    name.chars().map(fold).collect()
}

/// `CapAdd` as `cap_add`.
fn separated(name: &str, separator: char) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(separator);
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn changed(value: &str, twist: Twist) -> String {
    match twist {
        Twist::InArray => format!("[{value}]"),
        Twist::InString => Value::from(value).to_string(),
        Twist::InObject => format!("{{\"x\":{value}}}"),
        Twist::ValueUpper => value.to_uppercase().replace("\\U", "\\u"),
        Twist::ValueSpaced => in_strings(value, |text| format!(" {text} ")),
        Twist::ValueEscaped => in_strings(value, escaped),
        Twist::ValueWithNul => in_strings(value, |text| format!("{text}\\u0000")),
        Twist::ValueWithBadByte => in_strings(value, |text| format!("{text}{BAD_BYTE}")),
        _ => value.to_owned(),
    }
}

/// Changes the text between quotes if it has no escapes of its own.
fn in_strings(value: &str, change: impl Fn(&str) -> String) -> String {
    if value.contains('\\') {
        return value.to_owned();
    }
    let change = |(at, piece): (usize, &str)| match at % 2 {
        1 => change(piece),
        _ => piece.to_owned(),
    };
    value.split('"').enumerate().map(change).collect::<Vec<_>>().join("\"")
}

fn escaped(text: &str) -> String {
    text.chars().map(|letter| format!("\\u{:04X}", u32::from(letter))).collect()
}

/// A harmless value of the same type.
fn empty(value: &str) -> &str {
    match value.as_bytes().first() {
        Some(b'{') => "{}",
        Some(b'[') => "[]",
        Some(b'"') => "\"\"",
        Some(b't' | b'f') => "false",
        Some(b'n') => "null",
        _ => "0",
    }
}

fn around(text: String, twist: Twist) -> String {
    match twist {
        Twist::TrailingDocument => format!("{text}{{}}"),
        Twist::TrailingBrace => format!("{text}}}"),
        Twist::TwoDocuments => format!("{{\"Image\":\"busybox:latest\"}}\n{text}"),
        Twist::WhiteSpace => format!(" \t\r\n{text}\n\n"),
        Twist::ByteOrderMark => format!("\u{feff}{text}"),
        _ => text,
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, piece) in text.split(BAD_BYTE).enumerate() {
        if at > 0 {
            bytes.push(0xff);
        }
        bytes.extend_from_slice(piece.as_bytes());
    }
    bytes
}
