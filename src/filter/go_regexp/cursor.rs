//! A place in a pattern, and the escapes for one character.

use super::ranges::LAST;

/// The error in a pattern, in one clause.
pub(super) type Reason = String;

/// The part of a pattern that is still to be read.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'p> {
    rest: &'p str,
}

impl<'p> Cursor<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self { rest: pattern }
    }

    pub(super) fn rest(&self) -> &'p str {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(c)
    }

    /// Reads a text if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads up to a text and past it, if the text comes at all.
    pub(super) fn until(&mut self, end: &str) -> Option<&'p str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    /// Reads all that is left.
    pub(super) fn take_rest(&mut self) -> &'p str {
        std::mem::take(&mut self.rest)
    }

    /// Reads a number in decimal without superfluous zeros.
    pub(super) fn number(&mut self) -> Option<u32> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if number.is_empty() || (number.len() > 1 && number.starts_with('0')) {
            return None;
        }
        self.rest = rest;
        Some(number.parse().unwrap_or(u32::MAX))
    }

    /// Reads the rest of an escape for one code point, after the backslash.
    pub(super) fn escaped(&mut self) -> Result<u32, Reason> {
        let Some(c) = self.next() else {
            return Err("it ends with a single `\\`".to_owned());
        };
        let code_point = match c {
            'a' => Some(0x07),
            'f' => Some(0x0C),
            'n' => Some(0x0A),
            'r' => Some(0x0D),
            't' => Some(0x09),
            'v' => Some(0x0B),
            'x' => self.hexadecimal(),
            '0' => Some(self.octal(0)),
            '1'..='7' if self.peek().is_some_and(|next| next.is_digit(8)) => {
                Some(self.octal(c.to_digit(8).unwrap_or(0)))
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code_point.ok_or_else(|| unknown_escape(c))
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = if self.eat("{") {
            self.until("}")?
        } else {
            let (digits, rest) = self.rest.split_at_checked(2)?;
            self.rest = rest;
            digits
        };
        // `from_str_radix` would accept a sign.
        let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_number.then(|| u32::from_str_radix(significant(digits), 16).ok())??;
        (number <= LAST).then_some(number)
    }

    /// Up to two more octal digits.
    fn octal(&mut self, first: u32) -> u32 {
        let mut number = first;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            self.next();
            number = number * 8 + digit;
        }
        number
    }
}

/// The digits without superfluous zeros, so that any number of them is read.
fn significant(digits: &str) -> &str {
    let last = digits.len().saturating_sub(1);
    let zeros = digits.bytes().take(last).take_while(|&byte| byte == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn unknown_escape(c: char) -> Reason {
    match c {
        '1'..='9' => format!("`\\{c}` is a back-reference, which Go's dialect does not have"),
        'Z' => "`\\Z` is unknown to Go's dialect; the end of the text is `\\z`".to_owned(),
        'x' => "`\\x` needs two hexadecimal digits, or a code point in braces".to_owned(),
        _ => format!("`\\{c}` is an escape that Go's dialect does not have"),
    }
}
