//! The parser: recursive descent, bounded in depth and in the number of values.

use super::{DEPTH_MAX, Shape, SyntaxError, Tree, VALUES_MAX, fold};
use crate::text;
use std::borrow::Cow;
use std::collections::HashSet;

/// Reads the one value of a text.
pub(super) fn parse<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Tree<'a>, SyntaxError> {
    let text = std::str::from_utf8(bytes).map_err(|error| SyntaxError {
        what: Cow::Borrowed("invalid UTF-8"),
        at: error.valid_up_to(),
    })?;
    let mut parser = Parser { text, at: 0, values: 0 };
    let value = parser.value(0, shape)?;
    parser.skip_white_space();
    if parser.peek().is_some() {
        return Err(parser.error("trailing data"));
    }
    Ok(value)
}

/// Recursive descent over text that is known to be UTF-8.
struct Parser<'a> {
    text: &'a str,
    /// Always on a character boundary.
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize, shape: &Shape) -> Result<Tree<'a>, SyntaxError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(self.error("too many values"));
        }
        if depth > DEPTH_MAX {
            return Err(self.error("nesting too deep"));
        }
        self.skip_white_space();
        match self.peek() {
            Some(b'{') => self.object(depth, shape),
            Some(b'[') => self.array(depth, shape),
            Some(b'"') => self.string().map(Tree::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Tree::Number),
            Some(b't') => self.literal("true", Tree::Bool(true)),
            Some(b'f') => self.literal("false", Tree::Bool(false)),
            Some(b'n') => self.literal("null", Tree::Null),
            Some(_) => Err(self.error("expected a value")),
            None => Err(self.error("unexpected end of input")),
        }
    }

    fn object(&mut self, depth: usize, shape: &Shape) -> Result<Tree<'a>, SyntaxError> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        self.at += 1;
        if self.skip_if(b'}') {
            return Ok(Tree::Object(members));
        }
        loop {
            self.skip_white_space();
            let key_at = self.at;
            let key = self.string()?;
            let name = if shape.is_map() { key.to_string() } else { fold(&key) };
            if !seen.insert(name) {
                return Err(repeated_key(&key, key_at));
            }
            self.expect(b':', "expected ':'")?;
            let value = self.value(depth + 1, shape.member(&key))?;
            members.push((key, value));
            if self.skip_if(b'}') {
                return Ok(Tree::Object(members));
            }
            self.expect(b',', "expected ',' or '}'")?;
        }
    }

    fn array(&mut self, depth: usize, shape: &Shape) -> Result<Tree<'a>, SyntaxError> {
        let mut items = Vec::new();
        self.at += 1;
        if self.skip_if(b']') {
            return Ok(Tree::Array(items));
        }
        loop {
            items.push(self.value(depth + 1, shape.item())?);
            if self.skip_if(b']') {
                return Ok(Tree::Array(items));
            }
            self.expect(b',', "expected ',' or ']'")?;
        }
    }

    /// Borrows where nothing is escaped, as in nearly every string.
    fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        if !self.skip_str("\"") {
            return Err(self.error("expected a string"));
        }
        let mut unescaped = String::new();
        loop {
            let run = self.take_while(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            match self.next_byte() {
                // Each escape gives a character, so this holds without escapes only.
                Some(b'"') if unescaped.is_empty() => return Ok(Cow::Borrowed(run)),
                Some(b'"') => return Ok(Cow::Owned(unescaped + run)),
                Some(b'\\') => {
                    unescaped.push_str(run);
                    unescaped.push(self.escape()?);
                }
                Some(_) => return Err(self.error_before("control character in a string")),
                None => return Err(self.error("unterminated string")),
            }
        }
    }

    /// Reads the rest of an escape, behind the backslash.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        match self.next_byte() {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(),
            Some(_) => Err(self.error_before("invalid escape")),
            None => Err(self.error("unterminated escape")),
        }
    }

    fn unicode_escape(&mut self) -> Result<char, SyntaxError> {
        let unit = self.hex4()?;
        let code = match unit {
            0xd800..=0xdbff => {
                let low = if self.skip_str("\\u") { self.hex4()? } else { 0 };
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(self.error_before("unpaired surrogate"));
                }
                0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => unit,
        };
        match char::from_u32(code) {
            Some('\0') => Err(self.error_before("NUL in a string")),
            Some(c) => Ok(c),
            None => Err(self.error_before("unpaired surrogate")),
        }
    }

    fn hex4(&mut self) -> Result<u32, SyntaxError> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.error("expected four hexadecimal digits"));
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.error("number out of range"))
    }

    /// RFC 8259 §6, kept in its original spelling.
    fn number(&mut self) -> Result<&'a str, SyntaxError> {
        let from = self.at;
        self.skip_str("-");
        let integer = self.digits()?;
        if integer.len() > 1 && integer.starts_with('0') {
            return Err(self.error_before("number with a leading zero"));
        }
        if self.skip_str(".") {
            self.digits()?;
        }
        if self.skip_str("e") || self.skip_str("E") {
            let _ = self.skip_str("+") || self.skip_str("-");
            self.digits()?;
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<&'a str, SyntaxError> {
        match self.take_while(|byte| byte.is_ascii_digit()) {
            "" => Err(self.error("expected a digit")),
            digits => Ok(digits),
        }
    }

    fn literal(&mut self, name: &str, value: Tree<'a>) -> Result<Tree<'a>, SyntaxError> {
        if self.skip_str(name) { Ok(value) } else { Err(self.error("invalid literal")) }
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), SyntaxError> {
        if self.skip_if(byte) { Ok(()) } else { Err(self.error(otherwise)) }
    }

    /// Skips white space, and `byte` if it comes next.
    fn skip_if(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_str(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        self.at += if found { expected.len() } else { 0 };
        found
    }

    fn skip_white_space(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// The longest run of bytes that `wanted` takes; it must not end within a
    /// character, which holds for tests that treat all non-ASCII bytes alike.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += self.rest().chars().next().map_or(1, char::len_utf8);
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: &'static str) -> SyntaxError {
        SyntaxError { what: Cow::Borrowed(what), at: self.at }
    }

    /// An error at the byte that was just read.
    fn error_before(&self, what: &'static str) -> SyntaxError {
        SyntaxError { what: Cow::Borrowed(what), at: self.at.saturating_sub(1) }
    }
}

fn repeated_key(key: &str, at: usize) -> SyntaxError {
    let key = text::quoted(key);
    SyntaxError { what: Cow::Owned(format!("duplicate key {key}")), at }
}
