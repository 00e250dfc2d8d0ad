//! Go's regular expression dialect, translated for the `regex` crate.
//! Operators write patterns for Go's `regexp`, and some patterns compile in both
//! dialects with different meanings. So a pattern is parsed as Go 1.26 parses it,
//! or refused as Go refuses it, and printed anew; none of its text is passed on.
//! The printed pattern matches the same texts. It does not keep captures and
//! greed, since a rule asks only whether a pattern matches.
//!
//! Two things that Go accepts are refused: a pattern that would take more than
//! [`WEIGHT_MAX`] bytes when compiled (Go allows twice as much), and one that
//! needs groups nested deeper than 250 levels (in Go 1000), so that compiling
//! needs no more than 1 MiB of stack. The rules allow less weight, see there.

mod ast;
mod class;
mod cursor;
mod fold;
pub mod overlap;
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
    /// The error in it, in one clause.
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
    /// Whether a `|` is outside of every group.
    pub top_level_alternation: bool,
    /// An upper bound of the bytes that it takes when compiled.
    pub weight: u64,
}

/// The maximum weight of one pattern. `\pL{1000}`, which Go accepts, is just below.
pub const WEIGHT_MAX: u64 = 64 << 20;

/// A limit for the `regex` crate's `size_limit` that lets through every
/// pattern that is translated.
pub const COMPILED_BYTES_MAX: usize = 128 << 20;

/// A limit for the `regex` crate's `nest_limit`, which counts groups and their
/// contents; it lets through every pattern that is translated.
pub const NEST_MAX: u32 = 1100;

/// Translates a pattern in Go's dialect.
///
/// # Errors
/// If Go's `regexp.Compile` refuses the pattern, or if it is too large.
pub fn translate(pattern: &str) -> Result<Translated, PatternError> {
    let refuse = |reason| PatternError { pattern: pattern.to_owned(), reason };
    let Parsed { node, top_level_alternation } = parser::parse(pattern).map_err(refuse)?;
    if node.weight > WEIGHT_MAX {
        return Err(refuse(format!(
            "it would take more than {} MiB when compiled",
            WEIGHT_MAX >> 20
        )));
    }
    Ok(Translated { regex: printer::print(&node), top_level_alternation, weight: node.weight })
}

/// Translates a pattern as the Go original anchors it, without a group, so
/// that of `a|b` each side is open at one end.
///
/// # Errors
/// If the pattern alone is refused, too.
pub fn translate_ungrouped(pattern: &str) -> Result<Translated, PatternError> {
    translate(&format!("^{pattern}$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::{Regex, RegexBuilder};

    /// Compiles within the bounds that a translation promises.
    fn compile(translated: &Translated) -> Regex {
        let weight = usize::try_from(translated.weight).unwrap();
        RegexBuilder::new(&translated.regex)
            .size_limit(weight + 4096)
            .nest_limit(NEST_MAX)
            .build()
            .unwrap_or_else(|error| panic!("{:.500}: {error}", translated.regex))
    }

    fn check_file(lines: &str) {
        let mut compiled = (String::new(), None);
        for line in lines.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let field = |name: &str| case[name].as_str().unwrap();
            if compiled.0 != field("pattern") {
                let regex = translate(field("pattern")).ok().as_ref().map(compile);
                compiled = (field("pattern").to_owned(), regex);
            }
            let ours = match compiled.1.as_ref().map(|regex| regex.is_match(field("text"))) {
                None => "error",
                Some(true) => "match",
                Some(false) => "no",
            };
            assert_eq!(ours, field("go"), "{}", field("id"));
        }
    }

    #[test]
    fn decides_as_go_does() {
        check_file(include_str!("../../tests/cases/go_regexp.jsonl"));
        check_file(include_str!("../../tests/cases/go_regexp_more.jsonl"));
    }

    fn check_printed(pattern: &str, regex: &str) {
        let translated = translate(pattern).unwrap();
        assert_eq!(translated.regex, regex, "{pattern}");
        compile(&translated);
    }

    #[test]
    fn prints_what_has_one_meaning_only() {
        check_printed(r"/v1\.[0-9]+/info", r"/v1\.[0-9]+/info");
        check_printed(r"(/v[\d.]+)?/events(/.*)?", r"(?:/v[\x{2E}0-9]+)?/events(?:/.*)?");
        check_printed(r"a&&b~#", r"a\x{26}\x{26}b\x{7E}\x{23}");
        check_printed(r"[a&&b]", r"[\x{26}a-b]");
        check_printed(r"[^/]", r"[^\x{2F}]");
        check_printed(r"[[]", r"\x{5B}");
        check_printed(r"[a-z&&[^aeiou]]", r"[\x{26}\x{5B}\x{5E}a-z]\x{5D}");
        check_printed(r"^a$|(?m)^b$", r"\Aa\z|(?m:^)b(?m:$)");
        check_printed(r"\ba\B", r"(?-u:\b)a(?-u:\B)");
        check_printed(r".(?s).", r".(?s:.)");
        check_printed(r"[^\x00-\x{10FFFF}]", r"[^\x{0}-\x{10FFFF}]");
        check_printed(r"(?i)k-é", r"[Kk\x{212A}]\-[\x{C9}\x{E9}]");
        check_printed(r"\pL", r"[[[\p{L}&&\p{age:15.0}]]]");
        check_printed(r"(?i)[^\PL_]", r"[^\x{5F}[^[\p{L}&&\p{age:15.0}]\x{345}]]");
    }

    #[test]
    fn leaves_out_groups_and_greed() {
        check_printed(r"(a)(?:b)(?P<c>c)", "abc");
        check_printed(r"(a|b)c", "(?:a|b)c");
        check_printed(r"((a|b)|c)", "a|b|c");
        check_printed(r"(ab)+?(c)*?", "(?:ab)+c*");
        check_printed(r"(?U)a+b{2,}c{1,3}?d{4}", "a+b{2,}c{1,3}d{4}");
        check_printed(r"(a*)*()+a{0}", "(?:a*)*(?:)+");
    }

    fn check_refused(pattern: &str, reason: &str) {
        let error = translate(pattern).unwrap_err();
        assert_eq!(error.to_string(), format!("pattern `{pattern}`: {reason}"));
    }

    #[test]
    fn says_why_a_pattern_is_refused() {
        check_refused("*", "`*` has nothing before it to repeat; any text is `.*`");
        check_refused("a|+", "`+` has nothing before it to repeat");
        check_refused("a**", "`*` repeats a repetition");
        check_refused("a{2}{3}", "`{3}` repeats a repetition");
        check_refused("a{2,1}", "`{2,1}` has a minimum above its maximum");
        check_refused("a{1001}", "`{1001}` repeats more than 1000 times");
        check_refused(
            "(a{10}){101}",
            "`{101}` and the repetitions inside it make more than 1000 copies",
        );
        check_refused("(a", "unterminated group: a `(` has no closing `)`");
        check_refused("a)", "a `)` has no opening `(`");
        check_refused("[a", "unterminated class: a `[` has no closing `]`");
        check_refused("[z-a]", "the range `z-a` is out of order");
        check_refused("[[:foo:]]", "Go's dialect has no class `[:foo:]`");
        check_refused(r"\p{Foo}", "Go's dialect has no Unicode class `Foo`");
        check_refused(r"\p{Greek", r"`\p{` has no closing `}`");
        check_refused(r"a\", r"it ends with a single `\`");
        check_refused(r"a\Z", r"`\Z` is unknown to Go's dialect; the end of the text is `\z`");
        check_refused(r"\y", r"`\y` is an escape that Go's dialect does not have");
        check_refused(r"(a)\1", r"`\1` is a back-reference, which Go's dialect does not have");
        for look_around in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)"] {
            check_refused(look_around, "Go's dialect has no look-around");
        }
        check_refused("(?>a)", "Go's dialect has no atomic groups");
        check_refused(
            "(?P<a-b>c)",
            "`a-b` is not a name of a group; use ASCII letters, digits, `_`",
        );
        check_refused("(?", "unterminated group: a `(?` is incomplete");
        assert!(
            translate("(?x)a")
                .unwrap_err()
                .reason
                .starts_with("after `(?` Go's dialect has the flags")
        );
    }

    #[test]
    fn bounds_what_compiling_costs() {
        let nested = |levels| ["(a|b".repeat(levels), "c)".repeat(levels)].concat();
        let deepest = translate(&nested(251)).unwrap();
        // Frames are larger without optimisation than the 4 KiB of a release.
        let thread = std::thread::Builder::new().stack_size(8 << 20);
        thread.spawn(move || compile(&deepest)).unwrap().join().unwrap();
        check_refused(&nested(252), "its groups and operators nest deeper than 250 levels");
        compile(&translate(r"\pL{1000}").unwrap());
        let twice = r"\pL{1000}\pL{1000}";
        check_refused(twice, "it would take more than 64 MiB when compiled");
    }

    #[test]
    fn knows_a_bar_outside_of_groups() {
        let check = |pattern: &str, bar: bool| {
            assert_eq!(translate(pattern).unwrap().top_level_alternation, bar, "{pattern}");
        };
        check("/a|/b", true);
        check("(/a)|", true);
        check("(?i)/a|/b", true);
        check("(/a|/b)", false);
        check("(?:/a|/b)c", false);
        check(r"/a\|/b", false);
        check("/a[|]b", false);
        check(r"\Q/a|/b\E", false);
    }

    #[test]
    fn anchors_without_a_group_as_the_original_does() {
        let matches = |pattern: &str, text: &str| {
            compile(&translate_ungrouped(pattern).unwrap()).is_match(text)
        };
        assert!(matches("/a|/b", "/a/evil"));
        assert!(matches("/a|/b", "/evil/b"));
        assert!(!matches("/a|/b", "/c"));
        assert!(!matches("/a", "/a/evil"));
    }

    /// Pieces that are likely to mean something together.
    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "(",
            ")",
            "(?",
            ":",
            "(?:",
            "(?i)",
            "(?i-",
            "(?P<n>",
            "[",
            "]",
            "[^",
            "[:",
            ":]",
            "alpha",
            "^",
            "$",
            ".",
            "|",
            "*",
            "+",
            "?",
            "{",
            "}",
            ",",
            "1",
            "20",
            "1000",
            "0",
            "\\",
            "\\Q",
            "\\E",
            "\\d",
            "\\W",
            "\\b",
            "\\p",
            "\\pL",
            "\\P{",
            "Greek",
            "Lu",
            "\\x",
            "\\x{",
            "41",
            "-",
            "--",
            "&&",
            "~~",
            "a",
            "k",
            "z",
            "/",
            "_",
            " ",
            "\n",
            "é",
            "ſ",
            "\u{10FFFF}",
            "\0",
        ])
    }

    proptest! {
        #[test]
        fn what_is_translated_compiles(pieces in prop::collection::vec(piece(), 0..12)) {
            let pattern = pieces.concat();
            if let Ok(translated) = translate(&pattern) {
                compile(&translated);
                prop_assert_eq!(translate(&pattern), Ok(translated));
            }
        }

        #[test]
        fn any_text_is_translated_or_refused(pattern in any::<String>()) {
            if let Ok(translated) = translate(&pattern) {
                compile(&translated);
            }
        }

        #[test]
        fn quoted_text_matches_itself_only(text in "[^\\\\]{0,20}", other in "[^\\\\]{0,20}") {
            let regex = compile(&translate(&format!("^\\Q{text}\\E$")).unwrap());
            prop_assert!(regex.is_match(&text));
            prop_assert_eq!(regex.is_match(&other), text == other);
        }
    }
}
