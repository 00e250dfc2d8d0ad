//! Go's regular expression dialect, translated for the `regex` crate.
//!
//! Operators write patterns for Go's `regexp`, and the two dialects differ in
//! ways that compile in both and mean something else. So a pattern is parsed
//! as Go 1.26 parses it, or refused as Go refuses it, and printed anew; none of
//! its text is passed on. What is printed matches the same texts. It does not
//! keep captures and greed, since a rule asks only whether a pattern matches.
//!
//! One thing that Go accepts is refused: a pattern that would take more than
//! [`WEIGHT_MAX`] bytes when compiled (Go allows twice as much).

mod ast;
mod class;
mod cursor;
mod fold;
mod parser;
mod printer;
mod ranges;
mod unicode;

use parser::Parsed;

/// A pattern that Go refuses, or that cannot be given Go's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The pattern as the operator wrote it.
    pub pattern: String,
    /// What is wrong with it, in one clause.
    pub reason: String,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pattern `{}`: {}", self.pattern, self.reason)
    }
}

impl std::error::Error for PatternError {}

/// A pattern in the `regex` crate's dialect with Go's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The translated pattern, not anchored.
    pub regex: String,
    /// Whether a `|` stands outside of every group.
    pub top_level_alternation: bool,
    /// An upper bound of the bytes that it takes when compiled.
    pub weight: u64,
}

/// What one pattern may weigh. `\pL{1000}`, which Go accepts, is just below.
pub const WEIGHT_MAX: u64 = 64 << 20;

/// A limit for the `regex` crate's `size_limit` that lets through every
/// pattern that is translated.
pub const COMPILED_BYTES_MAX: usize = 128 << 20;

/// A limit for the `regex` crate's `nest_limit` that lets through every
/// pattern that is translated: Go's, for a repetition and a group at each
/// level.
pub const NEST_MAX: u32 = 3000;

/// Translates a pattern in Go's dialect.
///
/// # Errors
/// If Go's `regexp.Compile` refuses the pattern, or if it is too large.
pub fn translate(pattern: &str) -> Result<Translated, PatternError> {
    let refuse = |reason| PatternError { pattern: pattern.to_owned(), reason };
    let Parsed { node, top_level_alternation } = parser::parse(pattern).map_err(refuse)?;
    if node.weight > WEIGHT_MAX {
        return Err(refuse("it is too large when its repetitions are written out".to_owned()));
    }
    Ok(Translated { regex: printer::print(&node), top_level_alternation, weight: node.weight })
}

/// Translates a pattern as the Go original anchors it, without a group, so
/// that of `a|b` each side is open at one end.
///
/// # Errors
/// If the pattern is refused when it stands alone, too.
pub fn translate_ungrouped(pattern: &str) -> Result<Translated, PatternError> {
    translate(&format!("^{pattern}$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::RegexBuilder;

    /// What Go says of a pattern and a text: `match`, `no` or `error`.
    fn decide(pattern: &str, text: &str) -> &'static str {
        match translate(pattern) {
            Err(_) => "error",
            Ok(translated) if compile(&translated).is_match(text) => "match",
            Ok(_) => "no",
        }
    }

    fn compile(translated: &Translated) -> regex::Regex {
        let weight = usize::try_from(translated.weight).unwrap();
        RegexBuilder::new(&translated.regex)
            .size_limit(weight + 4096)
            .nest_limit(NEST_MAX)
            .build()
            .unwrap_or_else(|error| panic!("{translated:?}: {error}"))
    }

    fn check_file(lines: &str) {
        for line in lines.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let [pattern, text, go] =
                ["pattern", "text", "go"].map(|key| case[key].as_str().unwrap());
            let translated = translate(pattern);
            assert_eq!(decide(pattern, text), go, "{pattern:.200} on {text:.80}: {translated:?}");
        }
    }

    #[test]
    fn decides_as_go_does() {
        check_file(include_str!("../../tests/cases/go_regexp.jsonl"));
    }
}
