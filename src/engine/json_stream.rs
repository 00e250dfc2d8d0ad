//! Parses JSON as it arrives, and keeps only the requested parts.
//!
//! A response of the Engine can contain megabytes of labels, set by any container.
//! So a value is read in place, one member after another; a string is truncated at
//! a limit and marked if it was longer; skipped values take no memory.
//!
//! **Invariant:** skipping does not recurse, and no text grows beyond its bound.

use super::error::EngineError;

/// The longest key that is kept whole: a network's name, a label's name.
const KEY_BYTES_MAX: usize = 1024;

/// The longest number that is kept.
const NUMBER_BYTES_MAX: usize = 32;

/// Bytes that come in pieces.
pub(super) trait Bytes {
    /// Bytes that come next, without taking them; none only at the end.
    fn piece(&mut self) -> Result<&[u8], EngineError>;

    /// Takes that many of the piece.
    fn take(&mut self, count: usize);

    /// The next byte without taking it; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, EngineError> {
        self.piece().map(|piece| piece.first().copied())
    }

    /// Takes the byte that was seen by `peek`.
    fn advance(&mut self) {
        self.take(1);
    }
}

/// All of a text in one piece.
impl Bytes for &[u8] {
    fn piece(&mut self) -> Result<&[u8], EngineError> {
        Ok(self)
    }

    fn take(&mut self, count: usize) {
        *self = self.get(count..).unwrap_or_default();
    }
}

/// A reader of one JSON value after another.
#[derive(Debug)]
pub(super) struct JsonStream<B> {
    bytes: B,
    /// The expected kind of the whole value, for errors.
    whole: &'static str,
}

/// A string, up to the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Whether there was more of it.
    pub(super) is_cut: bool,
}

type Read<T> = Result<T, EngineError>;

impl<B: Bytes> JsonStream<B> {
    pub(super) fn new(bytes: B, whole: &'static str) -> Self {
        Self { bytes, whole }
    }

    pub(super) fn bytes(&self) -> &B {
        &self.bytes
    }

    pub(super) fn bytes_mut(&mut self) -> &mut B {
        &mut self.bytes
    }

    /// The error of a value of another type or without a member that it needs.
    pub(super) fn misshapen(&self) -> EngineError {
        EngineError::Shape(self.whole)
    }

    /// Reads an object; `member` reads the value of each key.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&Text, &mut Self) -> Read<()>,
    ) -> Read<()> {
        self.open(b'{')?;
        let mut is_first = true;
        while self.has_next(b'}', &mut is_first)? {
            let key = self.text(KEY_BYTES_MAX)?;
            self.expect(b':')?;
            member(&key, self)?;
        }
        Ok(())
    }

    /// Reads an object, or `null` for none.
    pub(super) fn object_or_null(
        &mut self,
        member: impl FnMut(&Text, &mut Self) -> Read<()>,
    ) -> Read<()> {
        if self.null()? { Ok(()) } else { self.object(member) }
    }

    /// Reads an array; `item` reads each of its values.
    /// An item may fail for reasons of its reader's own.
    pub(super) fn array<E: From<EngineError>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[')?;
        let mut is_first = true;
        while self.has_next(b']', &mut is_first)? {
            item(self)?;
        }
        Ok(())
    }

    /// Whether the next value is `null`, which is then read.
    pub(super) fn null(&mut self) -> Read<bool> {
        match self.peek()? {
            b'n' => self.skip().map(|()| true),
            _ => Ok(false),
        }
    }

    pub(super) fn truth(&mut self) -> Read<bool> {
        match self.peek()? {
            first @ (b't' | b'f') => self.skip().map(|()| first == b't'),
            _ => Err(self.mistyped()),
        }
    }

    /// Reads a number that is a `u64`.
    pub(super) fn number(&mut self) -> Read<u64> {
        self.peek()?;
        let token = self.token()?;
        std::str::from_utf8(&token)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.misshapen())
    }

    /// Reads a string and keeps `bytes_max` of it.
    pub(super) fn text(&mut self, bytes_max: usize) -> Read<Text> {
        let (mut kept, mut is_cut) = (Vec::new(), false);
        self.string(|piece| {
            is_cut |= kept.len() + piece.len() > bytes_max;
            let left = bytes_max - kept.len();
            kept.extend_from_slice(piece.get(..left).unwrap_or(piece));
        })?;
        Ok(Text { text: String::from_utf8_lossy(&kept).into_owned(), is_cut })
    }

    /// Reads a string and hands on its decoded pieces.
    fn string(&mut self, mut keep: impl FnMut(&[u8])) -> Read<()> {
        self.open(b'"')?;
        loop {
            let piece = self.bytes.piece()?;
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
            let plain = piece.iter().position(is_special).unwrap_or(piece.len());
            if plain > 0 {
                keep(piece.get(..plain).unwrap_or_default());
                self.bytes.take(plain);
                continue;
            }
            match self.take()? {
                b'"' => return Ok(()),
                _ => keep(self.escape()?.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// Reads a value of any type and keeps nothing.
    pub(super) fn skip(&mut self) -> Read<()> {
        let mut depth: u64 = 0;
        loop {
            match self.peek()? {
                b'"' => self.string(|_| {})?,
                b'{' | b'[' => {
                    self.bytes.advance();
                    depth += 1;
                }
                b'}' | b']' if depth > 0 => {
                    self.bytes.advance();
                    depth -= 1;
                }
                b',' | b':' if depth > 0 => {
                    self.bytes.advance();
                    continue;
                }
                _ => drop(self.token()?),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Reads to the end; only white space may be there.
    pub(super) fn end(&mut self) -> Read<()> {
        self.skip_space()?;
        match self.bytes.peek()? {
            None => Ok(()),
            Some(_) => Err(NOT_JSON),
        }
    }

    /// Skips white space.
    pub(super) fn skip_space(&mut self) -> Read<()> {
        while self.bytes.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.bytes.advance();
        }
        Ok(())
    }

    fn has_next(&mut self, close: u8, is_first: &mut bool) -> Read<bool> {
        if self.peek()? == close {
            self.bytes.advance();
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            self.expect(b',')?;
        }
        Ok(true)
    }

    fn open(&mut self, expected: u8) -> Read<()> {
        match self.peek()? {
            byte if byte == expected => {
                self.bytes.advance();
                Ok(())
            }
            _ => Err(self.mistyped()),
        }
    }

    /// A value of another type, or no JSON at all.
    fn mistyped(&mut self) -> EngineError {
        let begins_a_value = |byte: u8| b"{[\"-tfn".contains(&byte) || byte.is_ascii_digit();
        match self.peek() {
            Ok(byte) if begins_a_value(byte) => self.misshapen(),
            Ok(_) => NOT_JSON,
            Err(error) => error,
        }
    }

    fn expect(&mut self, expected: u8) -> Read<()> {
        if self.peek()? != expected {
            return Err(NOT_JSON);
        }
        self.bytes.advance();
        Ok(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Read<u8> {
        self.skip_space()?;
        self.bytes.peek()?.ok_or(NOT_JSON)
    }

    fn take(&mut self) -> Read<u8> {
        let byte = self.bytes.peek()?.ok_or(NOT_JSON)?;
        self.bytes.advance();
        Ok(byte)
    }

    /// A number or a literal.
    fn token(&mut self) -> Read<Vec<u8>> {
        let mut token = Vec::new();
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        while let Some(byte) = self.bytes.peek()?.filter(|byte| belongs(*byte)) {
            self.bytes.advance();
            if token.len() < NUMBER_BYTES_MAX {
                token.push(byte);
            }
        }
        if token.is_empty() { Err(NOT_JSON) } else { Ok(token) }
    }

    /// Reads the rest of an escape, behind the backslash.
    fn escape(&mut self) -> Read<char> {
        Ok(match self.take()? {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => self.code_point()?,
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return Err(NOT_JSON),
        })
    }

    /// Reads `XXXX`, or `XXXX\uXXXX` for a pair of surrogates.
    fn code_point(&mut self) -> Read<char> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.take()? != b'\\' || self.take()? != b'u' {
            return Err(NOT_JSON);
        }
        let low = self.four_digits()?.checked_sub(0xDC00).filter(|low| *low < 0x400);
        let pair = low.map(|low| 0x10000 + ((first - 0xD800) << 10) + low);
        Ok(pair.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Read<u32> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.take()?).to_digit(16).ok_or(NOT_JSON)?;
            value = value << 4 | digit;
        }
        Ok(value)
    }
}

const NOT_JSON: EngineError = EngineError::Shape("JSON");

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> JsonStream<&[u8]> {
        JsonStream::new(text.as_bytes(), "a test")
    }

    /// All bytes of a text, one by one.
    #[derive(Debug)]
    struct Piecemeal<'a>(&'a [u8]);

    impl Bytes for Piecemeal<'_> {
        fn piece(&mut self) -> Result<&[u8], EngineError> {
            Ok(self.0.get(..1).unwrap_or_default())
        }

        fn take(&mut self, count: usize) {
            self.0 = self.0.get(count..).unwrap_or_default();
        }
    }

    #[test]
    fn a_value_is_the_same_in_pieces() {
        let value = r#"{"a\"b":["\"\\é\ud83d\ude00",{"c":1.5e3}],"n":42}"#;
        let read = |json: &mut JsonStream<Piecemeal<'_>>| {
            let mut seen = Vec::new();
            json.object(|key, json| {
                seen.push(key.text.clone());
                if key.text == "n" { json.number().map(drop) } else { json.skip() }
            })?;
            json.end()?;
            Ok::<_, EngineError>(seen)
        };
        let seen = read(&mut JsonStream::new(Piecemeal(value.as_bytes()), "a test")).unwrap();
        assert_eq!(seen, ["a\"b", "n"]);
        let text = JsonStream::new(Piecemeal(r#""a\"é""#.as_bytes()), "a test").text(9).unwrap();
        assert_eq!(text.text, "a\"é");
    }

    fn text(written: &str, bytes_max: usize) -> Option<(String, bool)> {
        json(written).text(bytes_max).ok().map(|text| (text.text, text.is_cut))
    }

    #[test]
    fn texts_are_decoded_and_bounded() {
        let whole = |text: &str| Some((text.to_owned(), false));
        assert_eq!(text(r#" "a\"\\\/\n\u00e9\ud83d\ude00é""#, 99), whole("a\"\\/\né😀é"));
        for half in [r#""\ud800\u0041""#, r#""\ud800\ue000""#, r#""\udbff\uffff""#] {
            assert_eq!(text(half, 9), whole("\u{fffd}"), "{half}");
        }
        assert_eq!(text("\"12345\"", 5), whole("12345"));
        assert_eq!(text("\"123456\"", 5), Some(("12345".to_owned(), true)));
        assert_eq!(text("\"1234é\"", 5), Some(("1234\u{fffd}".to_owned(), true)));
        for wrong in ["\"a", "a", "1", r#""\x""#, r#""\u12""#, r#""\ud800x""#, ""] {
            assert_eq!(text(wrong, 5), None, "{wrong}");
        }
    }

    #[test]
    fn members_and_items_are_read_in_their_order() {
        let mut seen = Vec::new();
        let mut reader = json(r#"{"a":[1, true ,null],"b":{"c":"}"} ,"n":42}"#);
        let read = reader.object(|key, json| match key.text.as_str() {
            "a" => json.array(|json| {
                seen.push("item".to_owned());
                json.skip()
            }),
            "n" => json.number().map(|number| seen.push(number.to_string())),
            other => {
                seen.push(other.to_owned());
                json.skip()
            }
        });
        assert!(read.is_ok() && reader.end().is_ok());
        assert_eq!(seen, ["item", "item", "item", "b", "42"]);
    }

    #[test]
    fn skipping_needs_no_stack() {
        let deep = ["[".repeat(1_000_000), "]".repeat(1_000_000)].concat();
        let mut reader = json(&deep);
        assert!(reader.skip().is_ok() && reader.end().is_ok());
        assert!(json(&deep[1..]).skip().is_ok());
        assert!(json(&"[".repeat(1000)).skip().is_err());
    }

    #[test]
    fn another_type_is_told_from_no_json() {
        let error = |text: &str| json(text).object(|_, json| json.skip()).unwrap_err().to_string();
        assert!(error("[1]").ends_with("is not a test"));
        for wrong in ["<html>", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1 \"b\":2}", "{1:2}"] {
            let shown = error(wrong);
            assert!(shown.contains("is not"), "{wrong}: {shown}");
        }
    }
}
