//! The command line in the syntax of Go's `flag` package, rewritten for argh.
//!
//! The program that this one replaces is written in Go, and so are the command
//! lines in people's compose files: `-f v`, `-f=v`, `--f=v`, `-b`, `-b=false`,
//! never `-b false`. The first word that is no flag, and `--`, end the flags;
//! Go's program ignores the remaining words, and so do we, but with a warning:
//! in `-logjson true -allowfrom=…`, the flags end at `true`.
//!
//! Flags for a named listener, `-allowGET@web=…`, are sorted into a command
//! line of their own. argh reads only long names in lower case, with the value
//! in the next word; so flags are written in this form: `--allowget`, value.
//!
//! Values are not looked at here.

use super::options::{self, Kind, Opt};
use super::values::{LISTENER_NAME, listener_name, shown};
use super::{ConfigError, suggest};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// A command line, sorted by listener and in argh's dialect.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLines {
    /// The flags without a listener's name.
    pub(super) plain: Vec<String>,
    /// The flags of named listeners.
    pub(super) of_listeners: BTreeMap<String, Vec<String>>,
    /// Warnings about words with a surprising meaning.
    pub(super) warnings: Vec<String>,
}

/// Reads a command line without the program's name. `None` is a call for help.
///
/// # Errors
/// The first flag that is unknown or wrongly written. Nothing can be read after
/// it, because nobody knows whether the next word is its value.
pub(super) fn normalise(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Option<CommandLines>, ConfigError> {
    let mut words = arguments.into_iter().map(utf8);
    let mut lines = CommandLines::default();
    while let Some(word) = words.next().transpose()? {
        let Some(written) = as_flag(&word) else {
            lines.warn_of_ignored(&word, words);
            break;
        };
        let flag = Flag::parse(&word, written)?;
        let Some(flag) = flag else { return Ok(None) };
        let value = match flag.value {
            Some(value) => value.to_owned(),
            None if flag.option.is_boolean() => "true".to_owned(),
            None => {
                let next = words.next().transpose()?;
                lines.separate_value(&flag, next)?
            }
        };
        lines.push(&flag, value);
    }
    Ok(Some(lines))
}

/// A flag as written, looked up.
struct Flag<'a> {
    option: &'static Opt,
    listener: String,
    /// The text behind the `=`.
    value: Option<&'a str>,
}

impl<'a> Flag<'a> {
    /// `None` is a call for help.
    fn parse(word: &str, written: &'a str) -> Result<Option<Self>, ConfigError> {
        if written.starts_with(['-', '=']) || written.is_empty() {
            return Err(usage(format!("bad flag syntax: {}", shown(word))));
        }
        let (name, value) = match written.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (written, None),
        };
        if matches!(name, "h" | "help") {
            return Ok(None);
        }
        let (name, listener) = match name.split_once('@') {
            Some((name, listener)) => (name, Some(listener)),
            None => (name, None),
        };
        let option = Opt::with_flag(name).ok_or_else(|| unknown(name))?;
        let listener = listener.map_or(Ok(String::new()), |name| listener_of(option, name))?;
        Ok(Some(Self { option, listener, value }))
    }

    fn name(&self) -> String {
        self.option.flag_for(&self.listener)
    }
}

impl CommandLines {
    fn push(&mut self, flag: &Flag<'_>, value: String) {
        let line = if flag.listener.is_empty() {
            &mut self.plain
        } else {
            self.of_listeners.entry(flag.listener.clone()).or_default()
        };
        line.push(flag.option.argh_name());
        line.push(value);
    }

    /// Go takes the next word as the value, even if it looks like a flag.
    fn separate_value(
        &mut self,
        flag: &Flag<'_>,
        next: Option<String>,
    ) -> Result<String, ConfigError> {
        let name = flag.name();
        let value = next.ok_or_else(|| usage(format!("flag needs an argument: {name}")))?;
        if as_flag(&value)
            .is_some_and(|written| matches!(Flag::parse(&value, written), Ok(Some(_))))
        {
            self.warnings.push(format!(
                "{name} has no value of its own, so the next word became its value: {}",
                shown(&value)
            ));
        }
        Ok(value)
    }

    fn warn_of_ignored(
        &mut self,
        word: &str,
        rest: impl Iterator<Item = Result<String, ConfigError>>,
    ) {
        let end = (word != "--").then(|| word.to_owned());
        let rest = rest.map(|word| word.unwrap_or_else(|_| "(not UTF-8)".to_owned()));
        let ignored: Vec<String> = end.into_iter().chain(rest).map(|word| shown(&word)).collect();
        if !ignored.is_empty() {
            self.warnings.push(format!(
                "ignored, because the first argument that is not a flag ends the flags (write \
                 true and false as -flag=true): {}",
                ignored.join(" ")
            ));
        }
    }
}

/// The word without its hyphens, if it is a flag at all.
fn as_flag(word: &str) -> Option<&str> {
    let written = word.strip_prefix('-').filter(|written| !written.is_empty())?;
    match written.strip_prefix('-') {
        Some("") => None,
        Some(written) => Some(written),
        None => Some(written),
    }
}

fn utf8(word: OsString) -> Result<String, ConfigError> {
    word.into_string().map_err(|word| {
        let word = word.to_string_lossy();
        usage(format!("not UTF-8: argument {}", shown(&word)))
    })
}

fn unknown(name: &str) -> ConfigError {
    let flags = options::all().map(|option| option.flag);
    let hint = suggest::hint("-", name, flags);
    usage(format!("unknown flag {}{hint}", shown(&format!("-{name}"))))
}

fn listener_of(option: &Opt, name: &str) -> Result<String, ConfigError> {
    if !option.is_per_listener() {
        return Err(usage(format!(
            "-{} is for the whole program; only {} and -check take a listener's name after an @",
            option.flag,
            per_listener()
        )));
    }
    listener_name(name).ok_or_else(|| {
        let written = shown(&format!("-{}@{name}", option.flag));
        usage(format!("invalid name of a listener in {written}; expected {LISTENER_NAME}"))
    })
}

/// The flags that every listener has of its own, but for commands.
fn per_listener() -> String {
    let is_listed = |option: &&Opt| option.is_per_listener() && option.kind != Kind::Request;
    let mut flags: Vec<String> = options::all()
        .filter(is_listed)
        .map(|option| match option.kind {
            Kind::Pattern(_) => "-allow<METHOD>".to_owned(),
            _ => format!("-{}", option.flag),
        })
        .collect();
    flags.dedup();
    flags.join(", ")
}

fn usage(message: String) -> ConfigError {
    ConfigError::usage(message)
}
