//! One strict JSON value, accepted only if no other decoder could read it
//! differently.
//!
//! Go's `encoding/json`, which the Engine and Podman decode with, matches the names
//! of fields without regard to case, applies repeated keys one after the other onto
//! the same value, replaces invalid UTF-8 by U+FFFD, and in older versions ignores
//! data behind the value. A filter that decodes by other rules judges a different
//! body. So everything that two decoders could read differently is an error here:
//!
//! - bytes that are not UTF-8, lone surrogates, NUL, raw control characters;
//! - two keys of one object that are equal, or that [`fold`] makes equal. Only a
//!   Go map has exact keys: there `MAINTAINER` beside `maintainer` is legal. A
//!   [`Shape`] names the maps of a body; every other object may be a struct;
//! - anything but white space around the one value;
//! - every extension of RFC 8259: comments, `NaN`, leading zeros, surplus commas.
//!
//! The value is printed again without white space: keys in their order, and numbers
//! digit by digit, never through a float.
//!
//! Why not `serde_json`: its map keeps the last of several equal keys and says
//! nothing of the others, and with exact numbers it hands a number to a visitor
//! as an object with a magic key, which an object from the wire can imitate.

#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::unwrap_used)]

mod fold;
mod parse;
mod shape;

pub use fold::{fold, folds_alike, reads_alike};
pub use shape::Shape;

use crate::text::{Escaped, print_json_string};
use std::borrow::Cow;
use std::fmt;

/// How deep arrays and objects may nest. Bodies of real clients use about
/// eight levels; the limit keeps recursion within a small thread stack.
pub const DEPTH_MAX: usize = 32;

/// How many values a body may hold, so that a body of brackets does not grow
/// to many times its size. The largest real ones have some thousand.
pub const VALUES_MAX: usize = 65_536;

/// A JSON value that borrows from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Tree<'a>>),
    /// An object: its members in their order, with keys that differ by [`fold`],
    /// or at all in a map.
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

/// Why a text is not one strict JSON value, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SyntaxError {
    what: Cow<'static, str>,
    at: usize,
}

impl<'a> Tree<'a> {
    /// Reads the one value of a text of unknown structure.
    ///
    /// # Errors
    /// The first thing that is not strict JSON, see the [module](self).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        Self::parse_shaped(bytes, &Shape::Any)
    }

    /// Reads the one value of a text, whose maps are known.
    ///
    /// # Errors
    /// The first thing that is not strict JSON, see the [module](self).
    pub fn parse_shaped(bytes: &'a [u8], shape: &Shape) -> Result<Self, SyntaxError> {
        parse::parse(bytes, shape)
    }

    /// The value, without white space. Unlike `to_string` it is built once.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut text = String::new();
        self.print(&mut text);
        text
    }

    /// Appends the value, without white space.
    pub fn print(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::String(text) => print_json_string(text, Escaped::AsNeeded, out),
            Self::Array(items) => print_list(out, ['[', ']'], items, |out, item| item.print(out)),
            Self::Object(members) => print_list(out, ['{', '}'], members, |out, (key, value)| {
                print_json_string(key, Escaped::AsNeeded, out);
                out.push(':');
                value.print(out);
            }),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for SyntaxError {}

/// Prints the value without white space.
impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printed())
    }
}

fn print_list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    print: impl Fn(&mut String, &T),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        print(out, item);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, printed: &str) {
        let tree = Tree::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(tree.to_string(), printed, "{text}");
    }

    fn check_error(bytes: &[u8], what: &str) {
        let error = Tree::parse(bytes).expect_err(&bytes.escape_ascii().to_string()).to_string();
        assert!(error.contains(what), "{}: {error}", bytes.escape_ascii());
    }

    #[test]
    fn a_value_is_printed_without_white_space_in_its_order() {
        check(
            " { \"b\" : [ 1 , true , null ] ,\r\n\t\"a\" : { } } ",
            r#"{"b":[1,true,null],"a":{}}"#,
        );
        check("[]", "[]");
        check("\"\"", "\"\"");
        check("false", "false");
    }

    #[test]
    fn numbers_keep_their_digits() {
        for number in [
            "0",
            "-0",
            "9223372036854775807",
            "18446744073709551616",
            "0.10",
            "1e5",
            "1E+05",
            "-1.5e-300",
            "100000000000000000000000000000000000000000000000000001",
        ] {
            check(number, number);
        }
    }

    #[test]
    fn strings_are_unescaped_and_printed_with_as_few_escapes_as_possible() {
        check(r#""\u0048ost\/""#, r#""Host/""#);
        check(r#""\"\\\b\f\n\r\t\u001f\u007f""#, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u001f\u{7f}\"");
        check(r#""\ud83d\ude00 é""#, "\"\u{1f600} é\"");
        check("\"\u{2028}<>&\"", "\"\u{2028}<>&\"");
    }

    #[test]
    fn a_string_without_escapes_is_borrowed() {
        let text = br#"["plain"]"#;
        let Ok(Tree::Array(items)) = Tree::parse(text) else { panic!("an array") };
        assert!(matches!(&items[..], [Tree::String(Cow::Borrowed("plain"))]));
    }

    #[test]
    fn keys_that_fold_alike_are_refused_in_one_object_only() {
        check(r#"{"a":{"A":1},"b":{"A":2}}"#, r#"{"a":{"A":1},"b":{"A":2}}"#);
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"A":1}"#,
            r#"{"Mounts":1,"Mount\u017f":1}"#,
            r#"{"Network":1,"Networ\u212a":1}"#,
            r#"{"x":{"é":1,"\u00e9":2}}"#,
            r#"{"":1,"":2}"#,
        ] {
            check_error(text.as_bytes(), "duplicate key");
        }
    }

    #[test]
    fn maps_have_exact_keys_and_structs_within_them_do_not() {
        const LISTS: Shape = Shape::Map(&Shape::List(&Shape::Map(&Shape::Any)));
        const SHAPE: Shape = Shape::Struct(&[("Labels", &Shape::Map(&Shape::Any)), ("L", &LISTS)]);
        let parse = |text: &str| Tree::parse_shaped(text.as_bytes(), &SHAPE).map(drop);
        for text in [
            r#"{"Labels":{"a":1,"A":2,"\u017f":3,"s":4},"L":{"x":[{"a":1,"A":2}],"X":[]}}"#,
            r#"{"Labels":{"a_b":1,"ab":2}}"#,
            r#"{"Labels":null,"L":[{}]}"#,
        ] {
            assert_eq!(parse(text), Ok(()), "{text}");
        }
        for text in [
            r#"{"Labels":{"a":1,"a":2}}"#,
            r#"{"Labels":{"a":1,"\u0061":2}}"#,
            r#"{"Labels":{},"labels":{}}"#,
            r#"{"labels":{"a":1,"A":2}}"#,
            r#"{"Labels":{"x":{"a":1,"A":2}}}"#,
            r#"{"Labels":[{"a":1,"A":2}]}"#,
            r#"{"L":{"x":{"a":1,"A":2}}}"#,
            r#"{"L":{"x":[[{"a":1,"A":2}]]}}"#,
            r#"{"Other":{"Labels":{"a":1,"A":2}}}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_one_decoder_repairs_and_another_does_not_is_refused() {
        for (bytes, what) in [
            (&b"\xff"[..], "invalid UTF-8"),
            (b"{\"a\":\"\xff\"}", "invalid UTF-8 at byte 6"),
            (b"\"\xed\xa0\x80\"", "invalid UTF-8"),
            (b"\xef\xbb\xbf{}", "expected a value"),
            (br#""\ud800""#, "surrogate"),
            (br#""\ud800\ud800""#, "surrogate"),
            (br#""\ud800x""#, "surrogate"),
            (br#""\udc00""#, "surrogate"),
            (br#""\u0000""#, "NUL"),
            (b"\"\0\"", "control character"),
            (b"\"\n\"", "control character"),
            (b"\0{}", "expected a value"),
            (b"{}{}", "trailing data"),
            (b"{}\n{}", "trailing data"),
            (b"{} x", "trailing data"),
            (b"", "unexpected end"),
            (b"  ", "unexpected end"),
            (b"{", "expected a string at byte 1"),
            (b"{,}", "expected a string at byte 1"),
        ] {
            check_error(bytes, what);
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "{'a':1}",
            "{a:1}",
            "{\"a\":1,}",
            "[1,]",
            "[,1]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "/*x*/{}",
            "{}//",
            "NaN",
            "Infinity",
            "-",
            "-x",
            "01",
            "-01",
            "1.",
            ".1",
            "+1",
            "1e",
            "1e+",
            "0x1",
            "tru",
            "truex",
            "nul",
            "True",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"\\",
            "\"",
            "\"a",
            "{",
            "[",
            "{\"a\":1",
            "[1",
            "]",
            "}",
            ":",
            ",",
            "\u{a0}1",
            "\"\\ué000\"",
        ] {
            assert!(Tree::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wire_object_with_the_magic_number_key_stays_an_object() {
        let text = r#"{"$serde_json::private::Number":"1"}"#;
        check(text, text);
    }

    #[test]
    fn nesting_and_the_number_of_values_are_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        check(&nested(DEPTH_MAX + 1), &nested(DEPTH_MAX + 1));
        check_error(nested(DEPTH_MAX + 2).as_bytes(), "too deep");
        check_error("[".repeat(1 << 20).as_bytes(), "too deep");
        check_error("{\"a\":".repeat(1 << 17).as_bytes(), "too deep");
        let flat = |values: usize| format!("[{}]", vec!["1"; values - 1].join(","));
        check(&flat(VALUES_MAX), &flat(VALUES_MAX));
        check_error(flat(VALUES_MAX + 1).as_bytes(), "too many values");
    }

    /// JSON texts with many kinds of errors.
    fn near_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("tru".to_owned()),
            "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
            "\"([a-cA-C]|\\\\u00[0-9a-f]{2}|\\\\ud83d\\\\ude00|\\\\[nt\\\\]|é){0,4}\"",
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" ,"))),
                prop::collection::vec(("\"[a-cA-Ckſ]{0,2}\"", inner), 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Tree::parse(&bytes);
        }

        #[test]
        fn printing_and_reading_again_changes_nothing(text in near_json()) {
            if let Ok(tree) = Tree::parse(text.as_bytes()) {
                let printed = tree.to_string();
                prop_assert_eq!(Tree::parse(printed.as_bytes()), Ok(tree));
            }
        }

        #[test]
        fn what_is_accepted_means_the_same_to_serde_json(text in near_json()) {
            if let Ok(tree) = Tree::parse(text.as_bytes()) {
                let printed: serde_json::Value = serde_json::from_str(&tree.to_string()).unwrap();
                let original: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(printed, original);
            }
        }
    }
}
