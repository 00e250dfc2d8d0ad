//! Untrusted text for people: printable, and of bounded length.
//!
//! **Invariant:** [`print_json_string`] with [`Escaped::Hidden`] prints no control (C0,
//! DEL, C1), no line or paragraph separator, no bidirectional control and no other
//! invisible character: they are escaped. Answers and log lines share [`is_printable`].
//!
//! This deliberately does not limit the length of a text.

pub mod nearest;
pub mod percent;

use std::borrow::Cow;
use std::fmt::Write;

/// Room for the mark of a text that was cut: `…(18446744073709551615 bytes)`.
const MARK_BYTES_MAX: usize = 32;

/// How much of a value a message shows.
const SHOWN_CHARS_MAX: usize = 200;

/// Letters, digits, punctuation, symbols and the ASCII space. The standard
/// library's escaping for debugging knows the Unicode categories, but takes
/// fillers for the letters as which they are listed.
#[must_use]
pub fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && !is_filler(c) && c.escape_debug().len() == 1)
}

/// Letters and symbols without a shape: Hangul fillers, Khmer inherent vowels,
/// the blank Braille pattern.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}')
        || matches!(c, '\u{3164}' | '\u{ffa0}')
}

/// The text, or if it is longer than `bytes_max` its beginning with a mark that says
/// its length: `bytes_max` bytes at most in all, or the mark alone (32 at most) where
/// `bytes_max` is less than that.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    let mut end = bytes_max.saturating_sub(MARK_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let shown = text.get(..end).unwrap_or_default();
    Cow::Owned(format!("{shown}…({} bytes)", text.len()))
}

/// The text with a `?` for every character but visible ASCII and the space: for
/// the values of fields, and for terminals.
#[must_use]
pub fn visible_ascii(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

/// The text with everything that does not print as `\u{202e}`, for a reader that
/// sees it decoded.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_printable(c) {
            true => shown.push(c),
            false => shown.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

/// A value for a message: on one line, without control characters, quoted, and
/// cut if it is long.
#[must_use]
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", bounded(value))
}

/// Like [`quoted`], without the quotes.
#[must_use]
pub fn bounded(value: &str) -> String {
    let mut shown: String = value.escape_debug().take(SHOWN_CHARS_MAX).collect();
    if value.escape_debug().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Which characters of a JSON string are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaped {
    /// Those that JSON wants escaped: for daemons.
    AsNeeded,
    /// All that do not print: for people.
    Hidden,
}

/// Appends a JSON string with its quotes.
pub fn print_json_string(text: &str, escaped: Escaped, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => push_units(c, out),
            _ if escaped == Escaped::AsNeeded || is_printable(c) => out.push(c),
            _ => push_units(c, out),
        }
    }
    out.push('"');
}

fn push_units(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing into a string does not fail.
        write!(out, "\\u{unit:04x}").unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let mut out = String::new();
        print_json_string(text, Escaped::Hidden, &mut out);
        out
    }

    #[test]
    fn what_does_not_print_becomes_visible() {
        let rows = [
            ("plain größe \"a\"", "plain größe \"a\""),
            ("a\u{202e}b\nc", r"a\u{202e}b\u{a}c"),
            ("\u{3164}", r"\u{3164}"),
        ];
        for (text, expected) in rows {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn a_json_string_shows_all_that_it_holds() {
        let rows = [
            ("plain größe 🐳", r#""plain größe 🐳""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#),
            ("\0\u{1b}\u{7f}\u{9b}", r#""\u0000\u001b\u007f\u009b""#),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r#""\u202a\u202e\u2066\u2069""#),
            ("\u{200e}\u{200f}\u{61c}", r#""\u200e\u200f\u061c""#),
            ("\u{200b}\u{200d}\u{feff}\u{ad}", r#""\u200b\u200d\ufeff\u00ad""#),
            ("\u{2028}\u{2029}\u{3000}", r#""\u2028\u2029\u3000""#),
            ("\u{3164}\u{115f}\u{2800}a\u{301}", r#""\u3164\u115f\u2800a\u0301""#),
            ("\u{e0041}", r#""\udb40\udc41""#),
        ];
        for (text, expected) in rows {
            assert_eq!(json(text), expected, "{text:?}");
            let back: String = serde_json::from_str(&json(text)).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn values_are_shown_on_one_line_and_cut() {
        assert_eq!(quoted("a\n\u{1b}[31m\u{202e}\"é"), "\"a\\n\\u{1b}[31m\\u{202e}\\\"é\"");
        assert_eq!(bounded(&"x".repeat(201)), "x".repeat(200) + "…");
        assert_eq!(bounded(&"x".repeat(200)), "x".repeat(200));
    }

    #[test]
    fn a_json_string_for_a_daemon_escapes_what_json_wants_escaped() {
        let mut out = String::new();
        print_json_string("\u{1f}\n\"\u{7f}\u{2028}é", Escaped::AsNeeded, &mut out);
        assert_eq!(out, "\"\\u001f\\n\\\"\u{7f}\u{2028}é\"");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_its_length() {
        assert_eq!(cut("short", 40), "short");
        assert_eq!(cut(&"x".repeat(40), 40), "x".repeat(40));
        assert_eq!(cut(&"x".repeat(60_000), 40), "xxxxxxxx…(60000 bytes)");
        assert_eq!(cut(&"é€".repeat(20), 41), "é€é…(100 bytes)");
        assert_eq!(cut(&"é".repeat(20), 1), "…(40 bytes)");
        for bytes_max in 32..200 {
            assert!(cut(&"🐳".repeat(60), bytes_max).len() <= bytes_max, "{bytes_max}");
        }
    }
}
