//! The variables of HAProxy-based proxies, honoured under `-compat`.
//!
//! A section (`CONTAINERS=1`) becomes the operations whose paths begin with its
//! name, an action (`ALLOW_START=1`) the operations of its verb. The result is
//! narrower than there: section ends are anchored, paths of no known operation
//! stay closed, and so do `archive`, `attach`, `export` and `logs` unless their
//! variable opens them, in every dialect.
//!
//! **Invariant:** a variable that this file does not name opens nothing.

use super::options::Value;
use crate::api::{Operation, Route, Tree};
use crate::filter::rules::Rule;
use crate::http1::Method;
use std::collections::BTreeSet;

/// The proxy whose variables are honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Tecnativa up to 0.4.2.
    Tecnativa,
    /// Tecnativa from August 2026.
    TecnativaNext,
    /// linuxserver from August 2026.
    Linuxserver,
}

/// The effect of a variable, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Honoured {
    /// The variable.
    pub variable: String,
    /// Its value.
    pub value: String,
    /// The operations, or why there are none.
    pub became: String,
    /// Whether it has its effect here.
    pub effect: Effect,
}

/// Whether a variable has its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does.
    Honoured,
    /// It changes nothing.
    None,
}

/// The translation of a dialect's variables.
#[derive(Debug, Default)]
pub(super) struct Translation {
    /// Operations that are allowed, and the variable that allows them.
    pub(super) grants: Vec<(BTreeSet<Operation>, Rule)>,
    /// The daemon's socket.
    pub(super) socket_path: Option<Value>,
    /// The log level.
    pub(super) log_level: Option<Value>,
    /// One for each variable.
    pub(super) lines: Vec<Honoured>,
}

/// Sections that are open unless they are closed.
pub(super) const OPEN_SECTIONS: [&str; 3] = ["EVENTS", "PING", "VERSION"];

/// Sections, and the beginnings of their paths.
pub(super) const SECTIONS: [(&str, &str); 23] = [
    ("AUTH", "/auth"),
    ("BUILD", "/build"),
    ("COMMIT", "/commit"),
    ("CONFIGS", "/configs"),
    ("CONTAINERS", "/containers"),
    ("DISTRIBUTION", "/distribution"),
    ("EVENTS", "/events"),
    ("EXEC", "/exec"),
    ("GRPC", "/grpc"),
    ("IMAGES", "/images"),
    ("INFO", "/info"),
    ("NETWORKS", "/networks"),
    ("NODES", "/nodes"),
    ("PING", "/_ping"),
    ("PLUGINS", "/plugins"),
    ("SECRETS", "/secrets"),
    ("SERVICES", "/services"),
    ("SESSION", "/session"),
    ("SWARM", "/swarm"),
    ("SYSTEM", "/system"),
    ("TASKS", "/tasks"),
    ("VERSION", "/version"),
    ("VOLUMES", "/volumes"),
];

/// Sections of Podman's own tree, in linuxserver's dialect.
const LIBPOD_SECTIONS: [(&str, &str); 15] = [
    ("LIBPOD_CONTAINERS", "/libpod/containers"),
    ("LIBPOD_EVENTS", "/libpod/events"),
    ("LIBPOD_EXEC", "/libpod/exec"),
    ("LIBPOD_GENERATE", "/libpod/generate"),
    ("LIBPOD_IMAGES", "/libpod/images"),
    ("LIBPOD_INFO", "/libpod/info"),
    ("LIBPOD_MANIFESTS", "/libpod/manifests"),
    ("LIBPOD_NETWORKS", "/libpod/networks"),
    ("LIBPOD_PING", "/libpod/_ping"),
    ("LIBPOD_PLAY", "/libpod/play"),
    ("LIBPOD_PODS", "/libpod/pods"),
    ("LIBPOD_SECRETS", "/libpod/secrets"),
    ("LIBPOD_SYSTEM", "/libpod/system"),
    ("LIBPOD_VERSION", "/libpod/version"),
    ("LIBPOD_VOLUMES", "/libpod/volumes"),
];

/// The ends of the names of actions, and their verbs.
pub(super) const ACTIONS: [(&str, &[&str]); 5] = [
    ("START", &["start"]),
    ("STOP", &["stop"]),
    ("RESTARTS", &["stop", "restart", "kill"]),
    ("PAUSE", &["pause"]),
    ("UNPAUSE", &["unpause"]),
];

/// The beginnings of the names of actions, where their paths begin, and the
/// dialects that have them.
const ACTIONS_ON: [(&str, &[&str], bool); 3] = [
    ("ALLOW_", &["/containers", "/libpod/containers", "/libpod/pods"], false),
    ("LIBPOD_ALLOW_", &["/libpod/containers"], true),
    ("LIBPOD_ALLOW_POD_", &["/libpod/pods"], true),
];

/// The ends of paths that stay closed unless the variable is set, and the dialect
/// that closes them; `None` for all.
pub(super) const PARTS: [(&str, &str, Option<Dialect>); 8] = [
    ("ALLOW_ARCHIVE", "archive", None),
    ("ALLOW_ATTACH", "attach", None),
    ("ALLOW_EXPORT", "export", None),
    ("ALLOW_LOGS", "logs", None),
    ("ALLOW_CHANGES", "changes", Some(Dialect::Linuxserver)),
    ("ALLOW_TOP", "top", Some(Dialect::Linuxserver)),
    ("ALLOW_EXEC", "exec", Some(Dialect::TecnativaNext)),
    ("ALLOW_KILL", "kill", Some(Dialect::TecnativaNext)),
];

/// Methods with a variable of their own; only POST is in all dialects.
pub(super) const METHODS: [(&str, Method); 4] = [
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("DELETE", Method::Delete),
];

/// Variables about things that are flags here.
const ELSEWHERE: [(&str, &str); 2] =
    [("BIND_CONFIG", "write -listenip and -proxyport"), ("DISABLE_IPV6", "write -listenip")];

/// Variables that people set and no dialect knows.
const MISTAKES: [&str; 14] = [
    "ARCHIVE", "ATTACH", "CHANGES", "EXPORT", "GET", "HEAD", "KILL", "LOGS", "PAUSE", "RESTARTS",
    "START", "STATS", "STOP", "UNPAUSE",
];

impl Dialect {
    /// The dialect of this name.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "tecnativa" => Ok(Self::Tecnativa),
            "tecnativa-next" => Ok(Self::TecnativaNext),
            "linuxserver" => Ok(Self::Linuxserver),
            _ => Err("it is not a dialect".to_owned()),
        }
    }

    /// Whether it has Podman's own tree, and actions without `POST=1`.
    fn is_linuxserver(self) -> bool {
        self == Self::Linuxserver
    }
}

/// Whether a variable could be one of those proxies'.
pub(super) fn is_of_those_proxies(name: &str) -> bool {
    matches!(name, "SOCKET_PATH" | "LOG_LEVEL")
        || name.starts_with("ALLOW_")
        || name.starts_with("LIBPOD_")
        || MISTAKES.contains(&name)
        || SECTIONS.iter().any(|(section, _)| *section == name)
        || METHODS.iter().any(|(method, _)| *method == name)
        || ELSEWHERE.iter().any(|(other, _)| *other == name)
}

/// Translates the variables of a dialect.
pub(super) fn translate(dialect: Dialect, variables: &[(String, String)]) -> Translation {
    let translator = Translator { dialect, variables };
    let mut translation = Translation::default();
    let defaults = OPEN_SECTIONS.iter().filter(|name| translator.value(name).is_none());
    let defaults = defaults.map(|name| ((*name).to_owned(), "1".to_owned()));
    let all: Vec<(String, String)> = variables.iter().cloned().chain(defaults).collect();
    for (name, value) in &all {
        let line = translator.line(name, value, &mut translation);
        translation.lines.push(line);
    }
    translation
}

impl Translation {
    /// Explains that a setting of ours overrides a variable.
    pub(super) fn overrule(&mut self, variable: &str, ours: &str) {
        for line in self.lines.iter_mut().filter(|line| line.variable == variable) {
            line.became = format!("nothing: {ours} is set");
            line.effect = Effect::None;
        }
    }
}

struct Translator<'v> {
    dialect: Dialect,
    variables: &'v [(String, String)],
}

impl Translator<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let variable = self.variables.iter().find(|(of, _)| of == name);
        variable.map(|(_, value)| value.as_str())
    }

    fn is_on(&self, name: &str) -> bool {
        match self.value(name) {
            Some(value) => value == "1",
            None => OPEN_SECTIONS.contains(&name),
        }
    }

    /// Applies one variable, and explains it.
    fn line(&self, name: &str, value: &str, out: &mut Translation) -> Honoured {
        let became = match name {
            "SOCKET_PATH" => {
                out.socket_path = Some(Value { name: name.to_owned(), text: value.to_owned() });
                Ok(format!("-socketpath={value}"))
            }
            "LOG_LEVEL" => level(value).map(|level| {
                out.log_level = Some(Value { name: name.to_owned(), text: level.to_owned() });
                format!("-loglevel={level}")
            }),
            _ => self.switch(name, value, out),
        };
        let effect = if became.is_ok() { Effect::Honoured } else { Effect::None };
        let became = became.unwrap_or_else(|why| format!("nothing: {why}"));
        Honoured { variable: name.to_owned(), value: value.to_owned(), became, effect }
    }

    fn switch(&self, name: &str, value: &str, out: &mut Translation) -> Result<String, String> {
        if let Some((_, advice)) = ELSEWHERE.iter().find(|(other, _)| *other == name) {
            return Err((*advice).to_owned());
        }
        let method = METHODS.iter().find(|(of, _)| *of == name);
        let operations = match method {
            Some((_, method)) if self.has_method(*method) => None,
            _ => Some(self.operations(name).ok_or("this dialect does not have it")?),
        };
        match (value, operations) {
            ("1", None) => Ok("its method, for the open sections".to_owned()),
            ("1", Some(operations)) if operations.is_empty() => Err(self.missing(name)),
            ("1", Some(operations)) => {
                let names: Vec<&str> = operations.iter().map(|op| op.name()).collect();
                let names = names.join(",");
                let rule = Rule { written: value.to_owned(), origin: name.to_owned() };
                out.grants.push((operations, rule));
                Ok(names)
            }
            ("0" | "", _) => Ok("closed".to_owned()),
            _ => Err("it is neither 0 nor 1, and counts as 0".to_owned()),
        }
    }

    /// Why a variable that is on opens nothing.
    fn missing(&self, name: &str) -> String {
        let is_part = PARTS.iter().any(|(part, ..)| *part == name);
        match is_part {
            true => "the section or the method that it needs is closed".to_owned(),
            false => "its methods are closed; it needs POST=1".to_owned(),
        }
    }

    fn has_method(&self, method: Method) -> bool {
        method == Method::Post || self.dialect == Dialect::TecnativaNext
    }

    fn is_open(&self, method: Method) -> bool {
        let of_its_own = METHODS.iter().find(|(_, of)| *of == method && self.has_method(*of));
        match (method, of_its_own) {
            (Method::Get | Method::Head, _) => true,
            (_, Some((variable, _))) => self.is_on(variable),
            _ => self.is_on("POST") && self.dialect != Dialect::TecnativaNext,
        }
    }

    /// The operations that a variable opens if it is on; `None` if the dialect
    /// does not have it.
    fn operations(&self, name: &str) -> Option<BTreeSet<Operation>> {
        if let Some((_, place)) = self.sections().find(|(section, _)| *section == name) {
            return Some(self.section(place).filter(|op| self.part_of(*op).is_none()).collect());
        }
        let is_it = |part: &&(&str, &str, Option<Dialect>)| part.0 == name && self.has_part(part);
        if PARTS.iter().find(is_it).is_some() {
            let open = self.sections().filter(|(section, _)| self.is_on(section));
            let operations = open.flat_map(|(_, place)| self.section(place));
            return Some(operations.filter(|op| self.part_of(*op) == Some(name)).collect());
        }
        self.action(name)
    }

    fn sections(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let libpod = LIBPOD_SECTIONS.into_iter().filter(|_| self.dialect.is_linuxserver());
        SECTIONS.into_iter().chain(libpod)
    }

    /// The operations below a place whose methods are open.
    fn section(&self, place: &'static str) -> impl Iterator<Item = Operation> {
        let is_below = move |route: &Route| {
            let rest = route.template.as_str().strip_prefix(place);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Operation::ALL.iter().copied().filter(move |operation| {
            let mut routes = operation.facts().routes.iter();
            // PlayKube is served at two places; it is one operation all the same.
            routes.clone().any(is_below) && routes.all(|route| self.is_open(route.method))
        })
    }

    /// The variable without which an operation stays closed in its section.
    fn part_of(&self, operation: Operation) -> Option<&'static str> {
        let template = operation.facts().routes.first()?.template.as_str();
        let end = template.trim_end_matches("/ws").rsplit('/').next()?;
        let part = PARTS.iter().find(|part| part.1 == end && self.has_part(part))?;
        let is_everywhere = part.2.is_none();
        let is_of_containers = template.contains("containers/") || template.contains("pods/");
        (is_everywhere || is_of_containers).then_some(part.0)
    }

    fn has_part(&self, part: &(&str, &str, Option<Dialect>)) -> bool {
        part.2.is_none_or(|dialect| dialect == self.dialect)
    }

    /// Actions of the Engine's containers need `POST=1`, but not in linuxserver's
    /// dialect, which has those of Podman's tree as well.
    fn action(&self, name: &str) -> Option<BTreeSet<Operation>> {
        let is_linuxserver = self.dialect.is_linuxserver();
        let (places, verbs) = ACTIONS_ON.iter().find_map(|(start, places, needs_libpod)| {
            let end = name.strip_prefix(start)?;
            let (_, verbs) = ACTIONS.iter().find(|(action, _)| *action == end)?;
            (is_linuxserver || !needs_libpod).then_some((places, verbs))
        })?;
        let is_meant = |operation: &Operation| {
            let facts = operation.facts();
            let has_tree = is_linuxserver || facts.tree == Tree::Engine;
            let is_open = is_linuxserver || self.is_on("POST");
            let is_closed_part = self.part_of(*operation).is_some_and(|part| !self.is_on(part));
            has_tree
                && is_open
                && !is_closed_part
                && facts.routes.iter().all(|route| is_action(route, places, verbs))
        };
        Some(Operation::ALL.iter().copied().filter(is_meant).collect())
    }
}

/// Whether a route is POST `/PLACE/{name}/VERB`.
fn is_action(route: &Route, places: &[&str], verbs: &[&str]) -> bool {
    let template = route.template.as_str();
    let parts =
        template.rsplit_once('/').and_then(|(rest, verb)| Some((rest.rsplit_once('/')?, verb)));
    parts.is_some_and(|((place, name), verb)| {
        route.method == Method::Post
            && name.starts_with('{')
            && places.contains(&place)
            && verbs.contains(&verb)
    })
}

/// A level of syslog, as HAProxy has it, in ours.
fn level(text: &str) -> Result<&'static str, String> {
    match text {
        "debug" => Ok("DEBUG"),
        "info" | "notice" => Ok("INFO"),
        "warning" => Ok("WARN"),
        "err" | "crit" | "alert" | "emerg" => Ok("ERROR"),
        _ => Err("it is not a level of syslog".to_owned()),
    }
}

#[cfg(test)]
mod tests;
