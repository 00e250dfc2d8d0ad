//! Options that ask a question instead of running the proxy.
//!
//! Some need no rules (`-presets`, `-suggest`): they are answered beside a wrong
//! configuration. Others judge by a whole valid one (`-check`, `-lint`).

use super::options::{Given, Slot, Value};
use super::read::Reader;
use super::settings::Settings;
use super::{Config, ConfigError, Listener, go_flags, values};
use crate::advice::check::Question;
use crate::advice::needs::Form;
use crate::advice::presets::{self, Preset};
use crate::text::nearest::nearest;
use std::ffi::OsString;
use std::path::PathBuf;

/// The word for standard input.
const STDIN: &str = "-";

/// A question about rights.
#[derive(Debug, Clone)]
pub enum Command {
    /// List the presets, or describe one of them.
    Presets {
        /// The one.
        preset: Option<Preset>,
        /// Whether the answer is JSON.
        json: bool,
    },
    /// Suggest the rights for the requests in a log.
    Suggest {
        /// The log.
        log: Input,
        /// How the rights are printed.
        form: Form,
        /// Whether the answer is JSON.
        json: bool,
    },
    /// List the operations that the rules open, or judge requests.
    Judge {
        /// The rules.
        config: Box<Config>,
        /// Whether everything that they open is listed.
        lint: bool,
        /// Requests to be judged.
        asked: Vec<Asked>,
    },
}

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Standard,
    /// A file.
    File(PathBuf),
}

/// One `-check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The flag: `-check@web`.
    pub flag: String,
    /// The listener's name; empty for the default one.
    pub listener: String,
    /// The request; `None` for those in the lines of standard input.
    pub question: Option<Question>,
}

/// The questions of `-lint` and `-check`.
pub(super) struct AskedAll {
    lint: bool,
    asked: Vec<Asked>,
}

/// For a command line that has `-lint` or `-check` but no configuration, and may
/// therefore mean that of another process: whether the answer is JSON.
#[must_use]
pub fn bare_command(arguments: &[OsString]) -> Option<bool> {
    let lines = go_flags::normalise(arguments.iter().cloned()).ok().flatten()?;
    let all = [&lines.plain].into_iter().chain(lines.of_listeners.values()).flatten();
    let words: Vec<&str> = all.map(String::as_str).collect();
    let (mut has_command, mut json) = (false, false);
    for flag in words.chunks(2) {
        match flag {
            ["--lint" | "--check", _] => has_command = true,
            ["--logjson", value] => json = values::switch(value).ok()?,
            _ => return None,
        }
    }
    // A `--` would end the flags of the other process, too.
    let ends_flags = arguments.iter().any(|word| word == "--");
    (has_command && !ends_flags && lines.warnings.is_empty()).then_some(json)
}

/// A command that needs no rules.
///
/// # Errors
/// A value that cannot be used.
pub(super) fn without_config(settings: &Settings) -> Result<Option<Command>, ConfigError> {
    let given = &settings.default;
    let mut reader = Reader::default();
    let json = reader.switch(&given.logjson).unwrap_or_default();
    let preset = reader.last(&given.presets, |value| preset(&value.text));
    let log = reader.last(&given.suggest, |value| input(&value.text));
    let form = reader.last(&given.format, |value| form(&value.text)).unwrap_or_default();
    if !given.presets.is_given() && !given.suggest.is_given() {
        // Errors in -logjson or -format are reported with all the others.
        return Ok(None);
    }
    let complaints = reader.into_complaints();
    if !complaints.is_empty() {
        return Err(ConfigError::values(complaints));
    }
    Ok(match (preset, log) {
        (Some(Shown::All), _) => Some(Command::Presets { preset: None, json }),
        (Some(Shown::One(preset)), _) => Some(Command::Presets { preset: Some(preset), json }),
        (_, Some(log)) => Some(Command::Suggest { log, form, json }),
        (Some(Shown::None) | None, None) => None,
    })
}

/// The output of `-presets`.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// Nothing: `-presets=false`.
    None,
    /// All of them.
    All,
    /// This one.
    One(Preset),
}

pub(super) fn preset(text: &str) -> Result<Shown, String> {
    match values::switch(text) {
        Ok(true) => return Ok(Shown::All),
        Ok(false) => return Ok(Shown::None),
        Err(_) => {}
    }
    // As it is written in a list, with its parts.
    let name = text.split('+').next().unwrap_or_default();
    let hint = || nearest(name, presets::names()).map(|name| format!("; did you mean {name}?"));
    let unknown = || format!("it is not a preset{}", hint().unwrap_or_default());
    presets::find(name).map(Shown::One).ok_or_else(unknown)
}

pub(super) fn form(text: &str) -> Result<Form, String> {
    Form::from_name(text).ok_or_else(|| "it is not a format".to_owned())
}

fn input(text: &str) -> Result<Input, String> {
    match text {
        "" => Err("it is empty".to_owned()),
        STDIN => Ok(Input::Standard),
        path => Ok(Input::File(path.into())),
    }
}

/// The request of `-check`; `None` for standard input.
pub(super) fn question(text: &str) -> Result<Option<Question>, String> {
    if text == STDIN {
        return Ok(None);
    }
    Question::parse(text).map(Some)
}

/// The question about the rules, if there is one.
///
/// # Errors
/// All values that cannot be used.
pub(super) fn asked(settings: &Settings) -> Result<Option<AskedAll>, ConfigError> {
    let lint = settings.is_command(&settings.default.lint)?;
    let mut reader = Reader::default();
    let named = settings.named.iter().map(|(name, given)| (name.as_str(), given));
    let mut asked = Vec::new();
    for (listener, given) in [("", &settings.default)].into_iter().chain(named) {
        asked.extend(asked_of(&mut reader, listener, given));
    }
    if asked.iter().filter(|asked| asked.question.is_none()).count() > 1 {
        reader.complain("-check=- is given twice; standard input can be read only once".to_owned());
    }
    let complaints = reader.into_complaints();
    match (complaints.is_empty(), lint || !asked.is_empty()) {
        (false, _) => Err(ConfigError::values(complaints)),
        (true, false) => Ok(None),
        (true, true) => Ok(Some(AskedAll { lint, asked })),
    }
}

fn asked_of(reader: &mut Reader, listener: &str, given: &Given) -> Vec<Asked> {
    let slot: &Slot = &given.check;
    let asked = |value: &Value| {
        let question = question(&value.text)?;
        Ok(Asked { flag: value.name.clone(), listener: listener.to_owned(), question })
    };
    reader.all(slot, asked).unwrap_or_default()
}

impl AskedAll {
    /// # Errors
    /// If a listener that is asked about does not exist.
    pub(super) fn about(self, config: Box<Config>) -> Result<Command, ConfigError> {
        let exists = |asked: &Asked| config.listener(&asked.listener).is_some();
        if self.asked.iter().all(exists) {
            return Ok(Command::Judge { config, lint: self.lint, asked: self.asked });
        }
        let names = config.listeners.iter().map(|listener| format!("-check@{}", listener.name));
        let names: Vec<String> = names.collect();
        let complaint = format!(
            "-check needs a default listener, and there is none; write {}",
            names.join(" or ")
        );
        Err(ConfigError::values(vec![complaint]))
    }
}

impl Config {
    /// The listener of this name; an empty one is the default listener's.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Invocation;
    use super::*;

    fn command(arguments: &[&str]) -> Result<Command, String> {
        match Config::from_args_and_env(arguments.iter().map(Into::into), []) {
            Ok(Invocation::Command(command)) => Ok(command),
            Ok(other) => panic!("{arguments:?}: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn presets_are_listed_or_shown() {
        let preset = |arguments: &[&str]| match command(arguments) {
            Ok(Command::Presets { preset, json }) => (preset.map(|p| p.name), json),
            other => panic!("{other:?}"),
        };
        assert_eq!(preset(&["-presets"]), (None, false));
        assert_eq!(preset(&["-presets", "-logjson"]), (None, true));
        assert_eq!(preset(&["-presets=dozzle+actions"]), (Some("dozzle"), false));
        // A wrong configuration is not looked at.
        assert_eq!(preset(&["-presets", "-allowGET=("]), (None, false));
        let error = command(&["-presets=trafik"]).unwrap_err();
        assert!(error.contains("it is not a preset; did you mean traefik?"), "{error}");
    }

    #[test]
    fn requests_to_check_are_read_for_their_listener() {
        let line = ["-listen=web=unix:/a", "-check@web=GET /info", "-check@web", "-"];
        let Ok(Command::Judge { lint: false, asked, .. }) = command(&line) else { panic!() };
        let flags: Vec<_> = asked.iter().map(|a| (&*a.flag, a.question.is_some())).collect();
        assert_eq!(flags, [("-check@web", true), ("-check@web", false)]);
        let error = command(&["-listen=web=unix:/a", "-check=GET /info"]).unwrap_err();
        assert_eq!(error, "-check needs a default listener, and there is none; write -check@web");
        let error = command(&["-check=-", "-check=-"]).unwrap_err();
        assert_eq!(error, "-check=- is given twice; standard input can be read only once");
        let error = command(&["-check=GET info"]).unwrap_err();
        assert!(error.starts_with("invalid value \"GET info\" for -check: \"info\" is not a path"));
        assert!(
            command(&["-check@db=GET /info"]).unwrap_err().contains("no listener is called db")
        );
    }

    #[test]
    fn a_log_is_read_in_a_form() {
        let Ok(Command::Suggest { log, form, json: false }) =
            command(&["-suggest=/a", "-format=labels"])
        else {
            panic!()
        };
        assert_eq!((log, form), (Input::File("/a".into()), Form::Labels));
        let error = command(&["-suggest=-", "-format=xml"]).unwrap_err();
        assert!(
            error.starts_with("invalid value \"xml\" for -format: it is not a format"),
            "{error}"
        );
        assert!(command(&["-suggest="]).unwrap_err().contains("-suggest: it is empty"));
    }

    #[test]
    fn a_bare_command_says_nothing_about_a_configuration() {
        let is_bare = |words: &[&str]| {
            bare_command(&words.iter().map(Into::into).collect::<Vec<OsString>>()).is_some()
        };
        assert!(is_bare(&["-lint"]) && is_bare(&["-lint", "-logjson"]));
        assert!(is_bare(&["-check", "GET /info", "-check@web=GET /x"]));
        assert!(!is_bare(&[]) && !is_bare(&["-logjson"]) && !is_bare(&["-presets"]));
        assert!(!is_bare(&["-lint", "-allow=traefik"]) && !is_bare(&["-lint", "x"]));
        assert!(!is_bare(&["-lint", "-nonsense"]) && !is_bare(&["-h"]));
        assert!(!is_bare(&["-lint", "--"]) && !is_bare(&["-lint", "-logjson=x"]));
        let json = |words: &[&str]| bare_command(&words.iter().map(Into::into).collect::<Vec<_>>());
        assert_eq!(json(&["-lint"]), Some(false));
        assert_eq!(json(&["-lint", "--logjson"]), Some(true));
        assert_eq!(json(&["-logjson", "-lint", "-logjson=false"]), Some(false));
    }
}
