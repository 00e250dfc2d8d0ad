//! The environment: `SP_` variables, sorted by option and listener.
//! `SP_` and the flag's name in capitals; for methods `SP_ALLOW_GET` and any number
//! of `SP_ALLOW_GET_…`; for further listeners `SP_LISTEN_WEB`,
//! `SP_LISTEN_WEB_ALLOWFROM`, `SP_LISTEN_WEB_ALLOW_GET_…`. An empty variable counts
//! as unset: `SP_LISTENIP=${LISTENIP:-}` is how compose files leave a default alone.
//!
//! The process's environment is never read here; it is an argument.

use super::options::{self, Given, Kind, Opt, Value};
use super::suggest;
use super::values::{LISTENER_NAME, listener_name, shown};
use super::{compat, migration};
use std::ffi::{OsStr, OsString};

const PREFIX: &str = "SP_";
const LISTENER_PREFIX: &str = "SP_LISTEN_";

/// The contents of the environment.
#[derive(Debug, Default)]
pub(super) struct Environment {
    settings: Vec<(Target, Value)>,
    /// Variables that a HAProxy-based proxy would act on.
    pub(super) of_haproxy_proxies: Vec<(String, String)>,
    /// Variables that such a proxy could have, regardless of their values.
    pub(super) of_other_proxies: Vec<(String, String)>,
    /// Unknown variables.
    pub(super) warnings: Vec<String>,
    /// Errors about variables that cannot be used at all.
    pub(super) complaints: Vec<String>,
}

/// The option that a variable sets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// An option; the name is empty for the default listener and the program.
    Option { listener: String, option: &'static Opt },
    /// Where a further listener listens.
    Endpoint { listener: String },
}

impl Environment {
    /// Sorts all variables. The order in which they come has no meaning (it is
    /// arbitrary in a process); they are taken by name.
    pub(super) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        let of_other_proxies = of_other_proxies(&variables);
        let mut environment = Self { of_other_proxies, ..Self::default() };
        for (name, value) in &variables {
            let name = name.to_string_lossy();
            if !value.is_empty() {
                environment.add(&name, value);
            } else if is_limit(&name) {
                environment.complaints.push(format!("{name} is empty, and would limit nothing"));
            }
        }
        environment
    }

    /// Gives the variables' values to those of a listener's options that no flag set.
    pub(super) fn fill(&self, listener: &str, given: &mut Given) {
        for slot in given.slots_mut().filter(|slot| !slot.is_given()) {
            let target = Target::Option { listener: listener.to_owned(), option: slot.option };
            let values = self.settings.iter().filter(|(of, _)| *of == target);
            slot.values.extend(values.map(|(_, value)| value.clone()));
        }
    }

    /// The variables of an option of a listener.
    pub(super) fn variables_of(&self, listener: &str, option: &'static Opt) -> Vec<&str> {
        let target = Target::Option { listener: listener.to_owned(), option };
        let values = self.settings.iter().filter(|(of, _)| *of == target);
        values.map(|(_, value)| value.name.as_str()).collect()
    }

    /// The names of further listeners that some option is about.
    pub(super) fn listeners_with_options(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().filter_map(|(target, _)| match target {
            Target::Option { listener, .. } if !listener.is_empty() => Some(listener.as_str()),
            _ => None,
        })
    }

    /// Names and endpoints of further listeners.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.settings.iter().filter_map(|(target, value)| match target {
            Target::Endpoint { listener } => Some((listener.as_str(), value)),
            Target::Option { .. } => None,
        })
    }

    fn add(&mut self, name: &str, value: &OsStr) {
        let is_ours = name.starts_with(PREFIX);
        match value.to_str() {
            None if is_ours => self.complaints.push(format!("the value of {name} is not UTF-8")),
            None => {}
            Some(text) if is_ours => self.add_ours(name, text),
            Some(text) if migration::is_of_haproxy_proxies(name, text) => {
                self.of_haproxy_proxies.push((name.to_owned(), text.to_owned()));
            }
            Some(_) => {}
        }
    }

    fn add_ours(&mut self, name: &str, text: &str) {
        let value = Value { name: name.to_owned(), text: text.to_owned() };
        let unknown = || format!("unknown variable {}{}", shown(name), hint(name));
        match target(name) {
            Some(Target::Endpoint { .. }) if !is_endpoint(text) && meant(name).is_some() => {
                self.complaints.push(unknown());
            }
            Some(target) => self.settings.push((target, value)),
            // A listener that is not there would be missed much later, so this
            // is no mere warning.
            None if name.starts_with(LISTENER_PREFIX) => self.complaints.push(unknown()),
            None => self.warnings.push(unknown()),
        }
    }
}

/// An empty variable closes a section there, so empty ones count.
fn of_other_proxies(variables: &[(OsString, OsString)]) -> Vec<(String, String)> {
    let text = |(name, value): &(OsString, OsString)| {
        let name = name.to_str().filter(|name| compat::is_of_those_proxies(name))?;
        Some((name.to_owned(), value.to_string_lossy().into_owned()))
    };
    variables.iter().filter_map(text).collect()
}

fn target(name: &str) -> Option<Target> {
    let Some(of_listener) = name.strip_prefix(LISTENER_PREFIX) else {
        return option_of(name).map(|option| Target::Option { listener: String::new(), option });
    };
    match of_listener.split_once('_') {
        None => listener_name(of_listener).map(|listener| Target::Endpoint { listener }),
        Some((listener, rest)) => {
            let option = option_of(&format!("{PREFIX}{rest}"))?;
            let listener = listener_name(listener)?;
            option.is_per_listener().then_some(Target::Option { listener, option })
        }
    }
}

/// Whether an empty value would take a limit away.
fn is_limit(name: &str) -> bool {
    let is_label = |option: &Opt| option.kind == Kind::TargetLabel;
    name.starts_with(PREFIX)
        && matches!(target(name), Some(Target::Option { option, .. }) if is_label(option))
}

fn is_endpoint(text: &str) -> bool {
    text.starts_with("tcp:") || text.starts_with("unix:")
}

/// The variable that was probably meant by `SP_LISTEN_IP` or
/// `SP_LISTEN_LOGLEVEL`, which look like listeners called `ip` and `loglevel`.
fn meant(name: &str) -> Option<String> {
    let written = name.strip_prefix(PREFIX)?;
    let rest = name.strip_prefix(LISTENER_PREFIX).filter(|rest| !rest.is_empty())?;
    let flag = suggest::same(written).or_else(|| suggest::same(rest))?;
    Opt::with_flag(flag)?.variable()
}

fn option_of(variable: &str) -> Option<&'static Opt> {
    options::all().find(|option| {
        let rest = option.variable().and_then(|own| variable.strip_prefix(&own).map(str::to_owned));
        rest.is_some_and(|rest| {
            rest.is_empty() || (option.takes_suffixes() && rest.starts_with('_'))
        })
    })
}

fn hint(name: &str) -> String {
    if let Some((variable, listener)) = name.split_once('@') {
        let rest = variable.strip_prefix(PREFIX).unwrap_or(variable);
        return format!("; did you mean {LISTENER_PREFIX}{listener}_{rest}?");
    }
    if let Some(variable) = meant(name) {
        return format!("; did you mean {variable}?");
    }
    let Some(of_listener) = name.strip_prefix(LISTENER_PREFIX) else {
        let known: Vec<String> = options::all().filter_map(Opt::variable).collect();
        let alias = name.strip_prefix(PREFIX).and_then(suggest::same).and_then(Opt::with_flag);
        return match alias.and_then(Opt::variable) {
            Some(variable) => format!("; did you mean {variable}?"),
            None => suggest::hint("", name, known.iter().map(String::as_str)),
        };
    };
    let (listener, rest) = of_listener.split_once('_').unwrap_or((of_listener, ""));
    let known: Vec<String> = options::all()
        .filter(|option| option.is_per_listener())
        .filter_map(Opt::variable)
        .map(|variable| variable.replacen(PREFIX, "", 1))
        .collect();
    match suggest::nearest(rest, known.iter().map(String::as_str)) {
        Some(known) => format!("; did you mean {LISTENER_PREFIX}{listener}_{known}?"),
        None => {
            format!("; {LISTENER_PREFIX}<NAME> makes a listener, where a name is {LISTENER_NAME}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::options::Kind;
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    /// Every value that reaches a slot, as `listener:flag=value`.
    fn filled(listener: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let mut given = Given::parse(listener, &[]).unwrap();
        read(variables).fill(listener, &mut given);
        let of_slot = |slot: &options::Slot| {
            let flag = slot.option.flag;
            slot.values.iter().map(|value| format!("{flag}={}", value.text)).collect::<Vec<_>>()
        };
        given.slots().flat_map(of_slot).collect()
    }

    #[test]
    fn every_option_has_a_variable_that_fills_it_but_commands_have_none() {
        for option in options::all() {
            match option.kind {
                Kind::Command | Kind::PresetName | Kind::Request | Kind::LogFile | Kind::Form => {
                    assert_eq!(option.variable(), None)
                }
                Kind::Listener => {}
                _ => {
                    let variable = option.variable().unwrap();
                    let expected = format!("{}=x", option.flag);
                    assert_eq!(filled("", &[(&variable, "x")]), [expected]);
                }
            }
        }
    }

    #[test]
    fn variables_of_a_method_may_carry_any_suffix() {
        let variables = [
            ("SP_ALLOW_GET_anything", "/d"),
            ("SP_ALLOW_GET_2", "/c"),
            ("SP_ALLOW_GET", "/a"),
            ("SP_ALLOW_GET_10", "/b"),
            ("SP_ALLOW_GET_X_Y", "/e"),
            ("SP_ALLOW_POST_", "/f"),
            ("SP_ALLOW_HEAD", ""),
        ];
        let expected = [
            "allowGET=/a",
            "allowGET=/b",
            "allowGET=/c",
            "allowGET=/e",
            "allowGET=/d",
            "allowPOST=/f",
        ];
        assert_eq!(filled("", &variables), expected);
    }

    #[test]
    fn variables_of_listeners_carry_their_name() {
        let variables = [
            ("SP_LISTEN_WEB", "tcp:127.0.0.1:1"),
            ("SP_LISTEN_WEB_ALLOW_GET", "/a"),
            ("SP_LISTEN_web_ALLOW_GET_2", "/b"),
            ("SP_LISTEN_WEB_ALLOWFROM", "web"),
            ("SP_LISTEN_WEB_ALLOWBINDMOUNTFROM", "/home"),
            ("SP_LISTEN_DB_ALLOW_GET", "/c"),
            ("SP_ALLOW_GET", "/d"),
        ];
        assert_eq!(
            filled("web", &variables),
            ["allowfrom=web", "allowGET=/a", "allowGET=/b", "allowbindmountfrom=/home"]
        );
        assert_eq!(filled("db", &variables), ["allowGET=/c"]);
        assert_eq!(filled("", &variables), ["allowGET=/d"]);
        let environment = read(&variables);
        let endpoints: Vec<_> = environment.endpoints().map(|(name, v)| (name, &*v.text)).collect();
        assert_eq!(endpoints, [("web", "tcp:127.0.0.1:1")]);
    }

    #[test]
    fn flags_win_over_all_variables_of_their_option() {
        let line = ["--allowget", "/flag"].map(String::from);
        let mut given = Given::parse("", &line).unwrap();
        let variables = [("SP_ALLOW_GET", "/a"), ("SP_ALLOW_GET_2", "/b"), ("SP_ALLOW_HEAD", "/c")];
        read(&variables).fill("", &mut given);
        let texts = |slot: &options::Slot| {
            slot.values.iter().map(|value| value.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&given.allowget), ["/flag"]);
        assert_eq!(texts(&given.allowhead), ["/c"]);
    }

    #[test]
    fn unknown_variables_are_named_with_their_nearest_neighbour() {
        let rows = [
            ("SP_ALLOWGET", "unknown variable \"SP_ALLOWGET\"; did you mean SP_ALLOW_GET?"),
            ("SP_ALLOW_FROM", "unknown variable \"SP_ALLOW_FROM\"; did you mean SP_ALLOWFROM?"),
            ("SP_LOG_LEVEL", "unknown variable \"SP_LOG_LEVEL\"; did you mean SP_LOGLEVEL?"),
            ("SP_ALLOW_GET2", "unknown variable \"SP_ALLOW_GET2\"; did you mean SP_ALLOW_GET?"),
            (
                "SP_ALLOW_GET@web",
                "unknown variable \"SP_ALLOW_GET@web\"; did you mean SP_LISTEN_web_ALLOW_GET?",
            ),
            ("SP_PORT", "unknown variable \"SP_PORT\"; did you mean SP_PROXYPORT?"),
            ("SP_LISTENPORT", "unknown variable \"SP_LISTENPORT\"; did you mean SP_PROXYPORT?"),
            ("SP_VERSION", "unknown variable \"SP_VERSION\""),
            ("SP_", "unknown variable \"SP_\""),
            ("SP_listenip", "unknown variable \"SP_listenip\"; did you mean SP_LISTENIP?"),
        ];
        for (name, expected) in rows {
            let environment = read(&[(name, "1")]);
            assert_eq!(environment.warnings, [expected]);
            assert_eq!(environment.complaints, [""; 0]);
        }
        assert_eq!(read(&[("SP_UNKNOWN", "")]).warnings, [""; 0]);
        assert_eq!(read(&[("sp_allowget", "1"), ("PATH", "/bin")]).warnings, [""; 0]);
    }

    #[test]
    fn wrong_variables_of_listeners_are_errors() {
        let rule = format!("SP_LISTEN_<NAME> makes a listener, where a name is {LISTENER_NAME}");
        let rows = [
            ("SP_LISTEN_MY_WEB", format!("unknown variable \"SP_LISTEN_MY_WEB\"; {rule}")),
            ("SP_LISTEN_", format!("unknown variable \"SP_LISTEN_\"; {rule}")),
            ("SP_LISTEN_DEFAULT", format!("unknown variable \"SP_LISTEN_DEFAULT\"; {rule}")),
            (
                "SP_LISTEN_WEB_ALLOWGET",
                "unknown variable \"SP_LISTEN_WEB_ALLOWGET\"; did you mean SP_LISTEN_WEB_ALLOW_GET?"
                    .to_owned(),
            ),
            (
                "SP_LISTEN_WEB_PROXYPORT",
                format!("unknown variable \"SP_LISTEN_WEB_PROXYPORT\"; {rule}"),
            ),
        ];
        for (name, expected) in rows {
            let environment = read(&[(name, "tcp:127.0.0.1:1")]);
            assert_eq!(environment.complaints, [expected]);
            assert_eq!(environment.warnings, [""; 0]);
        }
    }

    #[test]
    fn a_variable_that_only_looks_like_a_listener_is_not_taken_for_one() {
        let rows = [
            ("SP_LISTEN_IP", "0.0.0.0", "SP_LISTENIP"),
            ("SP_LISTEN_ip", "::", "SP_LISTENIP"),
            ("SP_LISTEN_ADDRESS", "0.0.0.0", "SP_LISTENIP"),
            ("SP_LISTEN_ADDR", "0.0.0.0:2375", "SP_LISTENIP"),
            ("SP_LISTEN_HOST", "0.0.0.0", "SP_LISTENIP"),
            ("SP_LISTEN_PORT", "2375", "SP_PROXYPORT"),
            ("SP_LISTEN_PROXYPORT", "2375", "SP_PROXYPORT"),
            ("SP_LISTEN_PROXY_PORT", "2375", "SP_PROXYPORT"),
            ("SP_LISTEN_IP_ADDRESS", "0.0.0.0", "SP_LISTENIP"),
            ("SP_LISTEN_SOCKET", "/run/p.sock", "SP_PROXYSOCKETENDPOINT"),
            ("SP_LISTEN_ALLOWFROM", "web", "SP_ALLOWFROM"),
            ("SP_LISTEN_ALLOW_GET", "/info", "SP_ALLOW_GET"),
            ("SP_LISTEN_LOGLEVEL", "debug", "SP_LOGLEVEL"),
        ];
        for (name, value, meant) in rows {
            let environment = read(&[(name, value)]);
            let expected = format!("unknown variable \"{name}\"; did you mean {meant}?");
            assert_eq!(environment.complaints, [expected]);
            assert_eq!(environment.endpoints().count(), 0, "{name}");
        }
        // With an endpoint it is one.
        for name in ["SP_LISTEN_IP", "SP_LISTEN_PORT", "SP_LISTEN_DB"] {
            assert_eq!(read(&[(name, "tcp:0.0.0.0:1")]).endpoints().count(), 1, "{name}");
        }
        assert_eq!(read(&[("SP_LISTEN_DB", "2376")]).complaints, [""; 0]);
    }

    #[test]
    fn values_that_are_not_utf8_are_errors_only_for_ours() {
        let bytes = || OsString::from_vec(vec![b'/', 0xff]);
        let variables =
            [("SP_SOCKETPATH".into(), bytes()), ("LANG".into(), bytes()), (bytes(), bytes())];
        let environment = Environment::read(variables);
        assert_eq!(environment.complaints, ["the value of SP_SOCKETPATH is not UTF-8"]);
        assert_eq!(environment.warnings, [""; 0]);
    }
}
