//! The configuration that a question is about: our own command line and environment,
//! or those of the proxy that runs beside us as process 1 of a container.
//!
//! `docker compose run` replaces the `command:` of a compose file, and with it all
//! flags. `docker compose exec socket-proxy /socket-proxy -lint` has no flags either,
//! and the variables of the container. So a question without any flag, and without
//! a variable that process 1 lacks, is about process 1.

use crate::config::{Config, bare_command};
use crate::filter::Scope;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process;

/// How our variables begin.
const PREFIX: &[u8] = b"SP_";
/// The most bytes that are read of another process: more than Linux gives a command line.
const BYTES_MAX: u64 = 4 << 20;

/// A command line and an environment.
#[derive(Debug, Clone)]
pub struct Call {
    /// Without the program's name.
    pub arguments: Vec<OsString>,
    /// Names and values.
    pub environment: Vec<(OsString, OsString)>,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    /// They are our own.
    Own,
    /// Those of process 1 follow our own.
    ProcessOne {
        /// Whether our own request JSON; a log in JSON does not count.
        json: bool,
    },
    /// They are our own: process 1 is not a proxy, or cannot be read.
    NotFound(String),
}

impl Call {
    /// Our own, or for a bare `-lint` or `-check` those of process 1.
    #[must_use]
    pub fn new(arguments: Vec<OsString>, environment: Vec<(OsString, OsString)>) -> Self {
        let own = Self { arguments, environment, origin: Origin::Own };
        let Some(json) = bare_command(&own.arguments).filter(|_| process::id() != 1) else {
            return own;
        };
        match ProcessOne::read() {
            Ok(one) if has_all(&one.environment, &own.environment) => own.followed_by(one, json),
            Ok(_) => own,
            Err(cause) => Self { origin: Origin::NotFound(cause), ..own },
        }
    }

    /// Our flags come first: flags end at the first word that is none.
    fn followed_by(self, one: ProcessOne, json: bool) -> Self {
        let is_json = |word: &OsString| {
            let word = word.to_string_lossy();
            word.starts_with("-logjson") || word.starts_with("--logjson")
        };
        let own = self.arguments.into_iter().filter(|word| !is_json(word));
        Self {
            arguments: own.chain(one.arguments).collect(),
            environment: one.environment,
            origin: Origin::ProcessOne { json },
        }
    }

    /// Whether the answer is JSON, if the configuration says so or not.
    pub(super) fn wants_json(&self, configured: bool) -> bool {
        match self.origin {
            Origin::ProcessOne { json } => json,
            Origin::Own | Origin::NotFound(_) => configured,
        }
    }

    /// Notes for the reader of an answer.
    pub(super) fn notes(&self, config: &Config) -> Vec<String> {
        let mut notes = Vec::new();
        let is_empty = config.listeners.iter().all(|l| l.policy.rules().is_empty());
        match &self.origin {
            Origin::ProcessOne { .. } => {
                notes.push("These are the rules of the running proxy, process 1.".to_owned());
            }
            Origin::NotFound(cause) if is_empty => notes.push(format!(
                "There are no flags and no SP_ variables, and those of a running proxy cannot be \
                 read: {cause}."
            )),
            Origin::Own | Origin::NotFound(_) => {}
        }
        if is_empty {
            notes.push("The policy is empty: no rule allows anything.".to_owned());
        }
        if let Some(learning) = &config.learning {
            let which = match learning.scope() {
                Scope::Reads => "requests that only read",
                Scope::All => "all requests",
            };
            notes.push(format!(
                "The proxy learns: {which} pass although no rule allows them, unless -deny names \
                 them."
            ));
        }
        if config.container_rights.is_some() {
            notes.push(
                "Containers with labels have rights of their own, which are not shown.".to_owned(),
            );
        }
        notes
    }
}

/// Whether none of our variables is missing or different in the other environment.
fn has_all(theirs: &[(OsString, OsString)], ours: &[(OsString, OsString)]) -> bool {
    let is_ours = |(name, _): &&(OsString, OsString)| name.as_bytes().starts_with(PREFIX);
    ours.iter().filter(is_ours).all(|variable| theirs.contains(variable))
}

/// The command line and the environment of process 1.
struct ProcessOne {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl ProcessOne {
    fn read() -> Result<Self, String> {
        let words = words(Path::new("/proc/1/cmdline"))?;
        let arguments =
            arguments_of(&words, &program()).ok_or("process 1 is not a socket-proxy")?;
        let pair = |word: &OsString| {
            let at = word.as_bytes().iter().position(|byte| *byte == b'=')?;
            let (name, value) = word.as_bytes().split_at_checked(at)?;
            Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.get(1..)?.to_vec())))
        };
        let variables = self::words(Path::new("/proc/1/environ"))?;
        Ok(Self { arguments, environment: variables.iter().filter_map(pair).collect() })
    }
}

/// The name of our own file.
fn program() -> OsString {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name().unwrap_or(OsStr::new("socket-proxy")).to_owned()
}

/// The words behind the program, which an init may have started:
/// `/sbin/docker-init -- /socket-proxy -allow=traefik`.
fn arguments_of(words: &[OsString], program: &OsStr) -> Option<Vec<OsString>> {
    let is_program = |word: &OsString| Path::new(word).file_name() == Some(program);
    let at = words.iter().position(is_program)?;
    Some(words.get(at + 1..)?.to_vec())
}

/// Words that end with a zero byte.
fn words(path: &Path) -> Result<Vec<OsString>, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, BYTES_MAX), &mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| format!("{}: {error}", path.display()))?;
    let text = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    Ok(text.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn the_words_behind_the_program_are_its_arguments() {
        let rows = [
            (&["/socket-proxy", "-allow=traefik"][..], Some(&["-allow=traefik"][..])),
            (&["/sbin/docker-init", "--", "/socket-proxy", "-a", ""], Some(&["-a", ""])),
            (&["socket-proxy"], Some(&[])),
            (&["/sbin/init", "splash"], None),
            (&[], None),
        ];
        for (words, expected) in rows {
            let found = arguments_of(&list(words), OsStr::new("socket-proxy"));
            assert_eq!(found, expected.map(list), "{words:?}");
        }
    }

    #[test]
    fn a_variable_of_our_own_makes_the_question_ours() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
            pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
        };
        let theirs = pairs(&[("SP_ALLOW", "traefik"), ("PATH", "/bin")]);
        assert!(has_all(&theirs, &pairs(&[])));
        assert!(has_all(&theirs, &pairs(&[("SP_ALLOW", "traefik"), ("PATH", "/usr/bin")])));
        assert!(!has_all(&theirs, &pairs(&[("SP_ALLOW", "reads")])));
        assert!(!has_all(&theirs, &pairs(&[("SP_DENY", "host")])));
    }

    #[test]
    fn our_own_flags_come_first_and_decide_about_the_form() {
        let own = |words: &[&str]| Call {
            arguments: list(words),
            environment: Vec::new(),
            origin: Origin::Own,
        };
        let one = || ProcessOne {
            arguments: list(&["-logjson", "x", "-allow=reads"]),
            environment: Vec::new(),
        };
        let call = own(&["-lint"]).followed_by(one(), false);
        assert_eq!(call.arguments, list(&["-lint", "-logjson", "x", "-allow=reads"]));
        assert!(!call.wants_json(true));
        assert!(own(&["-lint", "-logjson"]).followed_by(one(), true).wants_json(true));
        assert!(own(&["-lint"]).wants_json(true));
    }
}
