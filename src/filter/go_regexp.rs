//! Go's regular expression dialect, translated for the `regex` crate.

/// A pattern that Go refuses, or that cannot be given Go's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The pattern as the operator wrote it.
    pub pattern: String,
    /// What is wrong with it, in one clause.
    pub reason: String,
}

/// A pattern in the `regex` crate's dialect with Go's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The translated pattern, not anchored.
    pub regex: String,
    /// Whether a `|` stands outside of every group.
    pub top_level_alternation: bool,
}

/// Translates a pattern in Go's dialect.
///
/// # Errors
/// If Go's `regexp.Compile` refuses the pattern.
pub fn translate(pattern: &str) -> Result<Translated, PatternError> {
    Ok(Translated { regex: pattern.to_owned(), top_level_alternation: false })
}
