//! The lines that people alert on are logged with their level and keys.
//!
//! `tests/cases/log_lines.tsv` lists those of the Go program. They are looked for
//! in the sources, since many of them need a daemon that fails in a certain way.

use std::fs;
use std::path::Path;

/// One call of a macro of the `log` crate.
struct Call {
    level: String,
    message: String,
    text: String,
}

#[test]
fn every_line_of_the_go_program_is_logged_with_its_level_and_keys() {
    let calls = calls();
    assert!(calls.len() > 30, "only {} calls of log macros were found", calls.len());
    let table =
        include_str!("../cases/log_lines.tsv").lines().filter(|line| !line.starts_with('#'));
    for line in table {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (level, message, keys) = (cell(), cell(), cell());
        let of_line = |call: &&Call| call.level == level && call.message == message;
        let has_keys = |call: &Call| keys_of(keys).iter().all(|key| has(call, key));
        assert!(calls.iter().filter(of_line).any(has_keys), "not logged so: {line}");
        let levels = calls.iter().filter(|call| call.message == message);
        assert!(levels.clone().all(|call| call.level == level), "also at another level: {line}");
    }
}

/// The only key with a space in it is one of the Go program.
fn keys_of(cell: &str) -> Vec<&str> {
    match cell {
        "exit code" => vec![cell],
        _ => cell.split_whitespace().collect(),
    }
}

fn has(call: &Call, key: &str) -> bool {
    let quoted = format!("\"{key}\" =");
    let begins = |rest: &str| rest.starts_with([' ', ':', ',', ';']);
    let is_word = |text: &str| !text.ends_with(|c: char| c.is_alphanumeric() || ".\"_".contains(c));
    call.text.contains(&quoted)
        || call
            .text
            .match_indices(key)
            .any(|(at, _)| begins(&call.text[at + key.len()..]) && is_word(&call.text[..at]))
}

fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut calls);
    calls
}

fn collect(directory: &Path, calls: &mut Vec<Call>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, calls);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            calls.extend(code.split("log::").skip(1).filter_map(call));
        }
    }
}

fn call(rest: &str) -> Option<Call> {
    let (level, rest) = rest.split_once("!(")?;
    let is_level = ["info", "warn", "error", "debug"].contains(&level);
    let text = within_parentheses(rest).filter(|_| is_level)?;
    let message = text.rsplit('"').nth(1)?.to_owned();
    Some(Call { level: level.to_uppercase(), message, text: text.to_owned() })
}

/// The text up to the parenthesis that closes the one before it.
fn within_parentheses(text: &str) -> Option<&str> {
    let (mut depth, mut in_string) = (1, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(..at);
        }
    }
    None
}
