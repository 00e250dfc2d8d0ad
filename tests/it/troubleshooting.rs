//! Every message of the program is in `docs/troubleshooting.md`, so that a search
//! for its text leads there.
//!
//! The messages are collected from the sources: texts of some words, and the
//! messages of warnings and errors in the log. Each placeholder is `…`. Files
//! whose texts are none are listed in `NO_MESSAGES` with the reason.

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/troubleshooting.md";

/// Files and folders below `src` without messages that a user would search for.
const NO_MESSAGES: &[(&str, &str)] = &[
    ("about.rs", "the version"),
    ("advice/catalogue.rs", "what -presets prints"),
    ("advice/needs.rs", "what -suggest prints"),
    ("advice/table.rs", "what -lint and -check print"),
    ("api.rs", "classes, which docs/operations-of-the-api.md explains"),
    ("api/", "the table of operations"),
    ("bin/", "nothing of its own"),
    ("config.rs", "what a listener is called"),
    ("config/compat.rs", "what -compat logs, see docs/migration.md"),
    ("config/help.rs", "the help text"),
    ("config/help/", "the help text"),
    ("config/options.rs", "the help text"),
    ("filter/bodies/read.rs", "reasons for the compiler"),
    ("filter/bodies/read/", "reasons for the compiler"),
    ("filter/bodies/safe/", "docs/safe-create-fields.md has each field and its item"),
    ("filter/go_regexp/unicode.rs", "names of Unicode"),
    ("http1/reply.rs", "what HTTP calls its statuses"),
    ("http1/request.rs", "heads"),
    ("http1/response.rs", "heads"),
    ("logging/start.rs", "what the log says at every start"),
    ("metrics.rs", "help of metrics, see docs/metrics.md"),
    ("metrics/", "the same"),
    ("watchdog/exporter.rs", "a media type; its message is that of health"),
    ("session/learner.rs", "what -learn prints"),
    ("config/suggest.rs", "a hint within a message"),
    ("engine/call.rs", "a head"),
];

/// A literal of a source, and where it begins.
struct Literal {
    text: String,
    at: usize,
}

fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string();
    let read = |path: PathBuf| (name(&path), fs::read_to_string(&path).unwrap());
    let is_test = |name: &str| {
        name.ends_with("tests.rs") || name.contains("/tests/") || name.contains("fake")
    };
    found.into_iter().map(read).filter(|(name, _)| !is_test(name)).collect()
}

/// A source without its tests.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source)
}

/// All literals of strings. Comments are passed over, and so are characters, which
/// may be quotes.
fn literals(source: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("'\\\"'") || rest.starts_with("'\\''") {
            4
        } else if let Some(raw) = raw_literal(rest) {
            found.push(Literal { text: raw.0, at });
            raw.1
        } else if rest.starts_with('"') {
            let (text, length) = plain_literal(rest);
            found.push(Literal { text, at });
            length
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
    }
    found
}

/// `r"…"` or `r#"…"#`, and its length.
fn raw_literal(rest: &str) -> Option<(String, usize)> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let text = after.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = text.find(&end)?;
    Some((text.get(..length)?.to_owned(), 1 + hashes + 1 + length + end.len()))
}

/// `"…"` with its escapes resolved, and its length.
fn plain_literal(rest: &str) -> (String, usize) {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match chars.next() {
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n' | 't' | 'r')) => text.push(' '),
                Some((_, escaped)) => text.push(escaped),
                None => {}
            },
            _ => text.push(c),
        }
    }
    panic!("a literal without an end: {rest}");
}

/// Where warnings and errors are logged, from `log::warn!(` to its end.
fn logged(source: &str) -> Vec<(usize, usize)> {
    ["log::warn!(", "log::error!("]
        .iter()
        .flat_map(|start| source.match_indices(start))
        .map(|(at, _)| {
            let end = source.get(at..).and_then(|rest| rest.find(");")).unwrap_or_default();
            (at, at + end)
        })
        .collect()
}

/// Each placeholder becomes `…`, and the ends lose their joining characters.
fn template(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.next_if_eq(&c).is_some() => out.push(c),
            '{' => {
                chars.by_ref().find(|c| *c == '}');
                out.push('…');
            }
            _ => out.push(c),
        }
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    words.join(" ").trim_matches([';', ',', ':', '.', ' ']).to_owned()
}

fn words(text: &str) -> usize {
    let is_word = |word: &&str| word.chars().filter(char::is_ascii_lowercase).count() >= 2;
    text.split_whitespace().filter(is_word).count()
}

/// The page as one line, without the marks of Markdown.
fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = fs::read_to_string(page).unwrap();
    let text = text.replace("\\|", "|").replace("``", "").replace('`', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_message_of_the_program_is_in_the_page() {
    let page = page();
    let mut missing = Vec::new();
    let mut count = 0;
    for (name, source) in sources() {
        let has_none = |(place, _): &&(&str, &str)| {
            name.as_str() == *place || place.ends_with('/') && name.starts_with(place)
        };
        if NO_MESSAGES.iter().any(|row| has_none(&row)) {
            continue;
        }
        let source = without_tests(&source);
        let logged = logged(source);
        for Literal { text, at } in literals(source) {
            let is_logged = logged.iter().any(|(from, to)| (*from..*to).contains(&at));
            let text = template(&text).replace('`', "");
            if words(&text) < if is_logged { 2 } else { 3 } {
                continue;
            }
            count += 1;
            if !page.contains(&text) {
                let line = source.get(..at).unwrap_or_default().lines().count() + 1;
                missing.push(format!("src/{name}:{line}: {text}"));
            }
        }
    }
    assert!(count > 300, "only {count} messages were found");
    assert!(
        missing.is_empty(),
        "{PAGE} lacks {} of {count} messages:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[test]
fn what_is_passed_over_exists() {
    let sources = sources();
    for (place, reason) in NO_MESSAGES {
        let is_there = |(name, _): &(String, String)| name.starts_with(place);
        assert!(sources.iter().any(is_there), "{place}: {reason}");
    }
}
