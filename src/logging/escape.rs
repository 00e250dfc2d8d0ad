//! Escapes values in log lines, so that they can be read back unchanged.
//!
//! Quoting follows Go's `slog`: a value is unquoted unless it is empty or contains
//! a space, `=`, `"` or a non-printable character.
//!
//! **Invariant:** the output has no control (C0, DEL, C1), no line or paragraph
//! separator, no bidirectional override and no other invisible character. Stricter
//! than Go: in JSON too, where Go lets DEL, C1 controls and overrides through, and
//! for combining marks, which could hide the character before them.

use crate::text::{Escaped, is_printable, print_json_string};
use std::borrow::Cow;
use std::fmt::Write;

/// A key or value of a text line.
pub(super) fn text(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| is_printable(c) && !matches!(c, ' ' | '=' | '"');
    if !value.is_empty() && value.chars().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    value.chars().for_each(|c| push_go_escaped(&mut quoted, c));
    quoted.push('"');
    Cow::Owned(quoted)
}

/// A JSON string with its quotes.
pub(super) fn json(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    print_json_string(value, Escaped::Hidden, &mut quoted);
    quoted
}

/// Text for a terminal: unchanged, but without non-printable characters.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) { out.push(c) } else { push_go_escaped(&mut out, c) }
    }
    out
}

/// As Go's `strconv.Quote` does.
fn push_go_escaped(out: &mut String, c: char) {
    let code = u32::from(c);
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if is_printable(c) => out.push(c),
        '\0'..='\u{7f}' => push(out, 'x', 2, code),
        '\u{80}'..='\u{ffff}' => push(out, 'u', 4, code),
        _ => push(out, 'U', 8, code),
    }
}

fn push(out: &mut String, letter: char, digits: usize, code: u32) {
    // Writing into a string does not fail.
    write!(out, "\\{letter}{code:0digits$x}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_values_are_quoted_as_go_does() {
        let rows = [
            ("", r#""""#),
            ("plain", "plain"),
            ("/v1.41/containers/json", "/v1.41/containers/json"),
            (r"/v1\..*", r"/v1\..*"),
            ("10.0.0.0/8,::1", "10.0.0.0/8,::1"),
            ("[::1]:2375", "[::1]:2375"),
            ("größe", "größe"),
            ("日本", "日本"),
            ("🐳", "🐳"),
            ("two words", r#""two words""#),
            ("a=b", r#""a=b""#),
            ("say \"hi\"", r#""say \"hi\"""#),
            (r"back\slash here", r#""back\\slash here""#),
            ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
            ("\0\u{1b}[31m\u{7f}", r#""\x00\x1b[31m\x7f""#),
            ("\u{80}\u{9b}\u{a0}\u{ad}", r#""\u0080\u009b\u00a0\u00ad""#),
            ("\u{2028}\u{2029}\u{3000}", r#""\u2028\u2029\u3000""#),
            ("\u{200b}\u{200f}\u{feff}", r#""\u200b\u200f\ufeff""#),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", r#""\u202a\u202e\u2066\u2069""#),
            ("\u{e0041}\u{e000}", r#""\U000e0041\ue000""#),
            ("a\u{301}", r#""a\u0301""#),
            ("\u{fffd}", "\u{fffd}"),
        ];
        for (value, expected) in rows {
            assert_eq!(text(value), expected, "{value:?}");
        }
    }

    #[test]
    fn json_strings_are_escaped_down_to_what_prints() {
        let rows = [
            ("", r#""""#),
            ("plain größe 🐳", r#""plain größe 🐳""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#),
            ("\0\u{1b}\u{7f}\u{9b}", r#""\u0000\u001b\u007f\u009b""#),
            ("\u{2028}\u{202e}\u{feff}", r#""\u2028\u202e\ufeff""#),
            ("\u{e0041}", r#""\udb40\udc41""#),
        ];
        for (value, expected) in rows {
            assert_eq!(json(value), expected, "{value:?}");
            let back: String = serde_json::from_str(&json(value)).unwrap();
            assert_eq!(back, value);
        }
    }

    #[test]
    fn no_hidden_character_comes_out() {
        let is_hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
                || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        let all: Vec<char> = ('\0'..='\u{ffff}').chain('\u{e0000}'..='\u{e0fff}').collect();
        for chars in all.chunks(4096) {
            let value: String = chars.iter().collect();
            for line in [text(&value).into_owned(), json(&value), printable(&value)] {
                assert_eq!(line.chars().find(|c| is_hidden(*c)), None, "in {:?}…", chars[0]);
            }
        }
    }
}
